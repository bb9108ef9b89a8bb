// SPDX-License-Identifier: Apache-2.0
//
// Random scenarios: nothing crashes, the engines agree with the reference explorer, every path
// replays, and the most general peer sees all that peers with real stores can do.

#include <algorithm>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "checker/replay.h"
#include "checker/testing/reference.h"
#include "gtest/gtest.h"
#include "lang/parse.h"
#include "lang/testing/generate.h"
#include "rapidcheck/gtest.h"
#include "verify/check.h"
#include "verify/kernel_model.h"
#include "verify/search.h"
#include "verify/testing/random_scenario.h"

namespace knotcheck::verify::random_test {
namespace {

constexpr uint64_t kSmall = 3000;  // states that the reference explorer takes

rc::Gen<testing::RandomScenario> AnyScenario() {
  return rc::gen::map(
      rc::gen::container<std::vector<uint8_t>>(24, rc::gen::arbitrary<uint8_t>()),
      [](const std::vector<uint8_t>& numbers) { return testing::MakeScenario(numbers); });
}

// The scenario under a proposal, or null when it means nothing there.
std::unique_ptr<Question> Ask(const std::string& text, const std::string& proposal) {
  const auto scenario = lang::Parse(text, "random.scn");
  RC_ASSERT(scenario.ok());
  auto question = Question::Make(*scenario, *model::FindProposal(proposal), {});
  if (!question.ok()) {
    RC_ASSERT(question.status().code() == absl::StatusCode::kFailedPrecondition);
    return nullptr;
  }
  return *std::move(question);
}

std::set<std::string> Violated(const Question& question, const checker::Result& result) {
  std::set<std::string> names;
  for (size_t i = 0; i < result.verdicts.size(); ++i) {
    if (result.verdicts[i].status == checker::Status::kViolated) {
      names.insert(question.system().properties()[i].name);
    }
  }
  return names;
}

checker::Result Explored(const Question& question,
                         checker::Order order = checker::Order::kBreadthFirst) {
  checker::Options options;
  options.order = order;
  options.max_states = 300'000;
  return checker::Explore(KernelModel(question.system()), options);
}

RC_GTEST_PROP(RandomScenario, EnginesAgreeWithTheReference, ()) {
  const auto scenario = *AnyScenario();
  for (const std::string proposal : {"baseline", "pin_args"}) {
    const auto question = Ask(scenario.Text(), proposal);
    if (question == nullptr) continue;
    const KernelModel kernel_model(question->system());
    const checker::Result breadth = Explored(*question);
    if (breadth.end != checker::End::kExhausted || breadth.states > kSmall) continue;
    const auto reference = checker::testing::ExploreReference(kernel_model);
    RC_ASSERT(breadth.states == reference.states);
    RC_ASSERT(breadth.transitions == reference.transitions);
    RC_ASSERT(breadth.at_rest == reference.at_rest);
    const checker::Result depth = Explored(*question, checker::Order::kDepthFirst);
    RC_ASSERT(depth.states == reference.states);
    RC_ASSERT(depth.transitions == reference.transitions);
    for (size_t i = 0; i < breadth.verdicts.size(); ++i) {
      const bool violated = reference.violated >> i & 1;
      RC_ASSERT((breadth.verdicts[i].status == checker::Status::kViolated) == violated);
      RC_ASSERT((depth.verdicts[i].status == checker::Status::kViolated) == violated);
      if (!violated) continue;
      RC_ASSERT(static_cast<int64_t>(breadth.verdicts[i].path.actions.size()) ==
                reference.shortest_violation[i]);
      for (const auto* result : {&breadth, &depth}) {
        const auto replayed = checker::Replay(kernel_model, result->verdicts[i].path);
        RC_ASSERT(replayed.possible);
        RC_ASSERT((replayed.violated >> i & 1) == 1);
      }
    }
  }
}

RC_GTEST_PROP(RandomScenario, TheGeneralPeerSeesAllThatRealStoresCanDo, ()) {
  auto scenario = *AnyScenario();
  scenario.has_peer = true;
  for (const std::string proposal : {"baseline", "pin_args"}) {
    const auto general = Ask(scenario.Text(), proposal);
    if (general == nullptr) continue;
    const checker::Result all = Explored(*general);
    if (all.end != checker::End::kExhausted || all.states > kSmall) continue;
    const auto seen = Violated(*general, all);
    for (const std::string peer : {", writes 1", ", writes 2"}) {
      const auto real = Ask(scenario.Text(peer), proposal);
      const checker::Result some = Explored(*real);
      if (some.end != checker::End::kExhausted) continue;
      for (const std::string& name : Violated(*real, some)) RC_ASSERT(seen.count(name) == 1u);
    }
    // And the other way: each of its counterexamples is one with a few real stores.
    const auto parsed = lang::Parse(scenario.Text(), "random.scn");
    for (size_t i = 0; i < all.verdicts.size(); ++i) {
      if (all.verdicts[i].status != checker::Status::kViolated) continue;
      const auto concrete =
          Concretise(*parsed, *model::FindProposal(proposal), {}, *general, all.verdicts[i].path,
                     general->system().properties()[i].name);
      RC_ASSERT(concrete.ok());
    }
  }
}

RC_GTEST_PROP(RandomScenario, PrintedAndParsedAgainItMeansTheSame, ()) {
  const auto scenario = *AnyScenario();
  const auto once = lang::Parse(scenario.Text(), "random.scn");
  RC_ASSERT(once.ok());
  const auto first = Ask(scenario.Text(), "pin_args");
  const auto second = Ask(lang::Print(*once), "pin_args");
  RC_ASSERT(first != nullptr && second != nullptr);
  checker::Options options;
  options.max_states = 5000;
  const auto a = checker::Explore(KernelModel(first->system()), options);
  const auto b = checker::Explore(KernelModel(second->system()), options);
  RC_ASSERT(a.states == b.states);
  RC_ASSERT(a.transitions == b.transitions);
}

// Trees that the parser accepts but that mean little: an error or a program, and no crash.
RC_GTEST_PROP(RandomScenario, CompilingAnyTreeNeverCrashes, ()) {
  const lang::Scenario scenario = *lang::AnyScenario();
  for (const model::Proposal* proposal : model::AllProposals()) {
    const auto question = Question::Make(scenario, *proposal, {});
    if (!question.ok()) {
      RC_ASSERT(!question.status().message().empty());
      continue;
    }
    checker::Options options;
    options.max_states = 200;
    static_cast<void>(checker::Explore(KernelModel((*question)->system()), options));
  }
}

// Every byte that a step changes is one that the field map declares.
RC_GTEST_PROP(RandomScenario, StatesStayWithinTheFieldMap, ()) {
  const auto scenario = *AnyScenario();
  const auto question = Ask(scenario.Text(), "pin_args");
  RC_ASSERT(question != nullptr);
  const model::System& system = question->system();
  model::StateValue state = system.initial();
  testing::Dice dice(*rc::gen::container<std::vector<uint8_t>>(200, rc::gen::arbitrary<uint8_t>()));
  for (int i = 0; i < 200; ++i) {
    model::StateValue next = state;
    const int thread = dice.Below(system.thread_count());
    if (!system.Step(&next, thread, 0).possible) continue;
    const auto* bytes = reinterpret_cast<const uint8_t*>(next.words());
    for (size_t b = 0; b < system.layout().bytes; ++b) {
      RC_ASSERT((bytes[b] & ~system.masks()[b]) == 0);
    }
    state = next;
  }
}

}  // namespace
}  // namespace knotcheck::verify::random_test
