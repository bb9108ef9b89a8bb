// SPDX-License-Identifier: Apache-2.0
//
// Signals without end to targets: what so many of them break, these break; reductions change
// nothing; and a call is starved exactly where a handler restarts it.

#include <algorithm>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "checker/explore.h"
#include "checker/reduce.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lang/parse.h"
#include "model/proposal.h"
#include "verify/check.h"
#include "verify/kernel_model.h"
#include "verify/liveness.h"
#include "verify/search.h"
#include "verify/testing/collection.h"
#include "verify/testing/compare_reductions.h"

namespace knotcheck::verify::endless_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint64_t kMost = 12'000;

checker::Options Limited() {
  checker::Options options;
  options.max_states = kMost;
  return options;
}

// Whether something was changed.
bool MakeEndless(lang::Scenario* scenario) {
  bool changed = false;
  for (lang::Declaration& declaration : scenario->declarations) {
    auto* signals = std::get_if<lang::Signals>(&declaration);
    if (signals == nullptr || signals->any) continue;
    const bool handles = signals->disposition == lang::Signals::Disposition::kHandler ||
                         signals->disposition == lang::Signals::Disposition::kHandlerRestarts;
    changed |= handles;
    signals->any = handles;
  }
  return changed;
}

TEST(Endless, BreaksWhatSoManySignalsBreakAndReductionsChangeNothing) {
  size_t compared = 0;
  size_t violations = 0;
  for (const std::string& name : testing::CollectedNames()) {
    const lang::Scenario finite = testing::Collected(name);
    lang::Scenario endless = finite;
    if (!MakeEndless(&endless)) continue;
    for (const model::Proposal* proposal : model::AllProposals()) {
      SCOPED_TRACE(name + " " + proposal->name);
      const auto of_finite = Question::Make(finite, *proposal, {});
      const auto of_endless = Question::Make(endless, *proposal, {});
      if (!of_finite.ok() || !of_endless.ok()) continue;
      const KernelModel few((*of_finite)->system());
      const KernelModel many((*of_endless)->system());
      const auto before =
          checker::Explore(checker::Reduced<KernelModel>(few, checker::kAllReductions), Limited());
      const auto whole =
          checker::Explore(checker::Reduced<KernelModel>(many, checker::kRenumber), Limited());
      if (whole.end != checker::End::kExhausted) continue;
      ++compared;
      EXPECT_EQ(testing::Compared(**of_endless, whole, checker::kAllReductions, Limited()), "");
      EXPECT_EQ(testing::Compared(**of_endless, whole,
                                  checker::kAllReductions | checker::kSelfCheck, Limited()),
                "");
      for (size_t i = 0; i < before.verdicts.size(); ++i) {
        const model::PropertyInfo& property = (*of_finite)->system().properties()[i];
        // What is judged at rest may never come to rest.
        if (property.broken_at_rest != nullptr ||
            before.verdicts[i].status != checker::Status::kViolated) {
          continue;
        }
        ++violations;
        EXPECT_EQ(whole.verdicts[i].status, checker::Status::kViolated) << property.name;
      }
    }
  }
  EXPECT_GE(compared, 10u);
  EXPECT_GE(violations, 10u);
}

std::set<std::string> Starved(const std::string& text, const char* proposal) {
  const auto scenario = lang::Parse(
      "# name: t\n# question: q\n# source: s\n# result: baseline=?\n# why: w\n" + text, "test.scn");
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  const auto question = Question::Make(*scenario, *model::FindProposal(proposal), {});
  EXPECT_TRUE(question.ok()) << question.status();
  std::set<std::string> names;
  for (const model::PropertyInfo& property : model::AllProperties()) {
    if (property.name != "resumes") continue;
    const Liveness liveness = CheckLiveness((*question)->system(), property, {});
    EXPECT_TRUE(liveness.complete());
    for (const auto& each : liveness.starving) names.insert(each.name);
  }
  return names;
}

TEST(Endless, SignalsStarveWhatTheyRestart) {
  const std::string policy = "supervisor S { policy: allow umask, else EACCES }\n";
  for (const char* proposal : {"baseline", "pin_args"}) {
    const auto starved = [&](const std::string& text) {
      return Starved("filter umask\ntarget T { umask() }\n" + policy + text, proposal);
    };
    EXPECT_THAT(starved("signals to T: any, handler restarts\n"), ElementsAre("T"));
    // Before RECV the wait is interruptible under the flag as well.
    EXPECT_THAT(starved("filter wait_killable\nsignals to T: any, handler restarts\n"),
                ElementsAre("T"));
    EXPECT_THAT(starved("signals to T: any, handler\n"), IsEmpty());
    EXPECT_THAT(starved("signals to T: 2, handler restarts\n"), IsEmpty());
  }
}

TEST(Endless, IdsAreGivenOutAnew) {
  const auto scenario = lang::Parse(
      "# name: t\n# question: q\n# source: s\n# result: baseline=?\n# why: w\n"
      "filter umask\ntarget T { umask() }\nsupervisor S { n = recv() }\n"
      "signals to T: any, handler restarts\n",
      "test.scn");
  ASSERT_TRUE(scenario.ok()) << scenario.status();
  const auto question = Question::Make(*scenario, *model::FindProposal("baseline"), {});
  ASSERT_TRUE(question.ok()) << question.status();
  const model::System& system = (*question)->system();
  // T traps and is interrupted, again and again; S has the first notification all the while.
  model::StateValue state = system.initial();
  int traps = 0;
  uint8_t last = 0;
  const int kSupervisor = 1;
  const int kSender = 2;
  for (int step = 0; step < 6000; ++step) {
    const bool received = state.tasks[kSupervisor].variable_id[0] != 0;
    const bool waits = state.tasks[0].knotif.listed != 0;
    bool moved = false;
    std::vector<int> threads = {0, kSupervisor};
    if (waits) threads.insert(threads.begin(), received ? kSender : kSupervisor);
    for (const int thread : threads) {
      model::StateValue next = state;
      if (!system.Step(&next, thread, 0).possible) continue;
      state = next;
      moved = true;
      break;
    }
    ASSERT_TRUE(moved);
    const uint8_t id = state.tasks[0].knotif.id;
    if (id != 0 && id != last) {
      ++traps;
      EXPECT_LE(id, model::kMaxIds);
      // It is above the one that S knows.
      EXPECT_GT(id, state.tasks[kSupervisor].variable_id[0]);
    }
    last = id;
    EXPECT_LE(state.filter().requests, model::kMostRequests);
  }
  EXPECT_GT(traps, 2 * model::kMaxIds);
}

}  // namespace
}  // namespace knotcheck::verify::endless_test
