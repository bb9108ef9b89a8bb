// SPDX-License-Identifier: Apache-2.0
//
// Who is starved in scenarios whose answer can be told from the kernel's source, what a trapped
// task is owed step by step, and random scenarios against the reference.

#include "verify/liveness.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "checker/testing/random_model.h"
#include "checker/testing/starving_reference.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lang/parse.h"
#include "model/kernel/toggles.h"
#include "verify/check.h"
#include "verify/kernel_model.h"
#include "verify/owing_model.h"
#include "verify/search.h"
#include "verify/testing/random_scenario.h"

namespace knotcheck::verify::liveness_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kHeader[] =
    "# name: test\n# question: q\n# source: s\n# result: baseline=? pin_args=?\n# why: w\n";

lang::Scenario Parsed(const std::string& text) {
  auto scenario = lang::Parse(kHeader + text, "test.scn");
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  return *std::move(scenario);
}

const model::PropertyInfo& Resumes() {
  for (const model::PropertyInfo& property : model::AllProperties()) {
    if (property.name == "resumes") return property;
  }
  ADD_FAILURE() << "no property 'resumes'";
  return model::AllProperties()[0];
}

std::unique_ptr<Question> Asked(const std::string& text, model::Toggles toggles = {}) {
  auto question = Question::Make(Parsed(text), *model::FindProposal("baseline"), toggles);
  EXPECT_TRUE(question.ok()) << question.status();
  return *std::move(question);
}

Liveness Judged(const model::System& system) {
  Liveness liveness = CheckLiveness(system, Resumes(), {});
  EXPECT_TRUE(liveness.complete());
  return liveness;
}

std::vector<std::string> Starved(const Liveness& liveness) {
  std::vector<std::string> names;
  for (const Starving& starving : liveness.starving) names.push_back(starving.name);
  return names;
}

std::vector<std::string> Starved(const std::string& text, model::Toggles toggles = {}) {
  return Starved(Judged(Asked(text, toggles)->system()));
}

constexpr char kTwoReceivers[] = R"(
filter umask
target T { umask() }
supervisor S {
  n = recv(fault)
  send(n, value 1)
}
supervisor R {
  n = recv()
  send(n, value 1)
}
)";

TEST(Resumes, AnHonestSupervisorAnswersWhoeverReceives) {
  EXPECT_THAT(Starved("filter umask\ntarget T { umask() }\ntarget U { umask() }\n"
                      "supervisor S { policy: allow umask, else EACCES }\n"),
              IsEmpty());
}

// The same, but R waits in poll() first.
constexpr char kReceiverAndPoller[] = R"(
filter umask
target T { umask() }
supervisor S {
  n = recv(fault)
  send(n, value 1)
}
supervisor R {
  poll(in)
  n = recv()
  send(n, value 1)
}
)";

TEST(Resumes, ALostWakeUpStarvesThoughAnotherThreadIsInPoll) {
  // S receives and its copy faults: the notification is INIT again and counted in `requests`. R
  // went to sleep while it was SENT, and only a wake-up lets it look again. Who sleeps in RECV is
  // woken by the semaphore, then as now.
  EXPECT_THAT(Starved(kTwoReceivers), IsEmpty());
  EXPECT_THAT(Starved(kReceiverAndPoller), IsEmpty());
  model::Toggles old;
  old.Set(model::Variant::recv_efault_no_wake);
  EXPECT_THAT(Starved(kTwoReceivers, old), IsEmpty());
  const auto question = Asked(kReceiverAndPoller, old);
  const Liveness liveness = Judged(question->system());
  ASSERT_THAT(Starved(liveness), ElementsAre("T"));
  const checker::Lasso& lasso = liveness.starving[0].lasso;
  EXPECT_TRUE(lasso.cycle.empty());
  const verify::Run run = Trace(question->system(), lasso.stem);
  ASSERT_TRUE(run.possible);
  EXPECT_TRUE(run.rested);
  model::StateValue end = question->system().initial();
  for (const checker::Action action : lasso.stem.actions) {
    question->system().Step(&end, action.thread, action.choice);
  }
  EXPECT_EQ(end.tasks[0].knotif.state, model::kInit);
  EXPECT_EQ(end.filter().requests, 1);
  EXPECT_TRUE(end.tasks[2].flags & model::kOnWqh);
}

TEST(Resumes, NobodyMustSendASignalOrCloseOrKill) {
  const std::string forgets = "filter umask\ntarget T { umask() }\nsupervisor S { n = recv() }\n";
  EXPECT_THAT(Starved(forgets), ElementsAre("T"));
  EXPECT_THAT(Starved(forgets + "signals to T: 1, fatal\n"), ElementsAre("T"));
  EXPECT_THAT(Starved(forgets + "listener closes\n"), ElementsAre("T"));
  EXPECT_THAT(Starved(forgets + "peer P shares memory with T { kill(T) }\n"), ElementsAre("T"));
  // A supervisor that comes to it does it.
  EXPECT_THAT(Starved("filter umask\ntarget T { umask() }\n"
                      "supervisor S {\n n = recv()\n kill(T)\n}\n"),
              IsEmpty());
}

TEST(Resumes, ACloserInsideTheKernelGoesOn) {
  // seccomp_notify_detach() holds notify_lock between its steps. If the closer could stop there,
  // so would everybody who wants the lock.
  EXPECT_THAT(Starved("filter umask\ntarget T { umask() }\nlistener closes\n"
                      "supervisor S {\n n = recv()\n send(n, value 1)\n close(listener)\n}\n"),
              IsEmpty());
}

TEST(Resumes, ASupervisorThatSpinsHidesNothing) {
  // The script has no loop in the language: S asks for ever whether the notification is valid.
  auto scenario = Parsed(
      "filter umask\ntarget T { umask() }\ntarget U { umask() }\n"
      "supervisor S {\n n = recv()\n id_valid(n)\n}\n");
  const model::Proposal& proposal = *model::FindProposal("baseline");
  auto program = lang::Compile(scenario, proposal, {});
  ASSERT_TRUE(program.ok());
  model::Op& end = program->tasks[2].ops.back();
  ASSERT_EQ(end.code, model::OpCode::kEnd);
  end.code = model::OpCode::kJump;
  end.target = 1;
  const model::System system(*program, proposal, {});
  // Nothing ever comes to rest, so nothing is seen there.
  const checker::Result explored = checker::Explore(KernelModel(system), {});
  EXPECT_EQ(explored.at_rest, 0u);
  const Liveness liveness = Judged(system);
  // Whoever S has not received is starved as much as whom it has.
  ASSERT_THAT(Starved(liveness), ElementsAre("T", "U"));
  EXPECT_EQ(liveness.result.states, explored.states);
  EXPECT_EQ(liveness.result.transitions, explored.transitions);
  for (const Starving& starving : liveness.starving) {
    EXPECT_FALSE(starving.lasso.cycle.empty());
    std::string why;
    EXPECT_THAT(StarvedBy(system, Resumes(), starving.lasso, &why),
                ::testing::Contains(starving.name));
    // One step less, and it does not close.
    checker::Lasso cut = starving.lasso;
    cut.cycle.pop_back();
    why.clear();
    EXPECT_THAT(StarvedBy(system, Resumes(), cut, &why), IsEmpty());
    EXPECT_NE(why, "");
  }
}

// Takes steps of one thread until `until` is true of the state.
template <class Until>
void Go(const model::System& system, int thread, model::State* state, const Until& until) {
  for (int steps = 0; !until(*state); ++steps) {
    ASSERT_LT(steps, 100);
    ASSERT_TRUE(system.Step(state, thread, 0).possible);
  }
}

TEST(Resumes, IsOwedFromTheTrapUntilTheAnswerOrTheBody) {
  const auto question = Asked(
      "memory path = \"/ok\"\nfilter openat\n"
      "target T { openat(AT_FDCWD, path, O_RDONLY) }\n"
      "supervisor S {\n n = recv()\n m = recv()\n send(m, continue)\n}\n"
      "signals to T: 1, handler restarts\n");
  const model::System& system = question->system();
  const OwingModel model(system, Resumes());
  ASSERT_THAT(model.tasks(), ElementsAre(0));
  model::StateValue state = system.initial();
  const auto frame = [](const model::State& s, int f) { return s.tasks[0].frames[f].function; };
  const auto notification = static_cast<uint8_t>(model::Fn::k_seccomp_do_user_notification);
  bool always = true;
  const auto owed_until = [&](auto until) {
    return [&always, &model, until](const model::State& s) {
      const bool stop = until(s);
      if (!stop) always = always && model.Pending(s.words()) == 1;
      return stop;
    };
  };
  // Trapped, received, interrupted; the handler returns; the same call traps again.
  Go(system, 0, &state, owed_until([](const auto& s) { return s.tasks[0].knotif.listed; }));
  Go(system, 0, &state, owed_until([](const auto& s) { return s.filter().notify_lock == 0; }));
  Go(system, 1, &state, owed_until([](const auto& s) { return s.tasks[1].variable_id[0] == 1; }));
  Go(system, 1, &state, owed_until([](const auto& s) { return s.filter().notify_lock == 0; }));
  ASSERT_TRUE(system.Step(&state, 2, 0).possible);
  Go(system, 0, &state, owed_until([](const auto& s) {
       return (s.tasks[0].flags & model::kInHandler) && s.tasks[0].frames[1].function == 0;
     }));
  EXPECT_EQ(model.Pending(state.words()), 1u);
  Go(system, 0, &state, owed_until([&](const auto& s) { return s.tasks[0].knotif.listed; }));
  EXPECT_EQ(frame(state, 2), notification);
  Go(system, 0, &state, owed_until([](const auto& s) { return s.filter().notify_lock == 0; }));
  EXPECT_TRUE(always);
  EXPECT_EQ(state.tasks[0].knotif.id, 2);
  // Answered with CONTINUE: no longer, once the body has begun.
  Go(system, 1, &state,
     [](const auto& s) { return s.tasks[0].knotif.ready > 0 && s.filter().notify_lock == 0; });
  EXPECT_EQ(model.Pending(state.words()), 1u);
  Go(system, 0, &state, [&](const auto& s) { return frame(s, 2) != notification; });
  EXPECT_EQ(model.Pending(state.words()), 0u);
  Go(system, 0, &state, [&](const auto& s) {
    return s.tasks[0].status == model::kDead || model.Pending(s.words()) != 0;
  });
  EXPECT_EQ(model.Pending(state.words()), 0u);
}

TEST(Resumes, TheCallOfAHandlerIsOwedToo) {
  const std::string text =
      "filter umask\ntarget T { exit() }\nsupervisor S { n = recv() }\n"
      "signals to T: 1, handler { umask() }\n";
  EXPECT_THAT(Starved(text), ElementsAre("T"));
  EXPECT_THAT(Starved("filter umask\ntarget T { exit() }\n"
                      "supervisor S {\n n = recv()\n send(n, value 1)\n}\n"
                      "signals to T: 1, handler { umask() }\n"),
              IsEmpty());
}

TEST(Check, JudgesResumesOnlyWhereItIsAsked) {
  const std::string text = "filter umask\ntarget T { umask() }\nsupervisor S { n = recv() }\n";
  const model::Proposal& proposal = *model::FindProposal("baseline");
  const auto has = [](const Answer& answer) {
    return std::any_of(answer.properties.begin(), answer.properties.end(),
                       [](const PropertyVerdict& p) { return p.info.name == "resumes"; });
  };
  CheckOptions options;
  auto answer = Check(Parsed(text), proposal, options);
  ASSERT_TRUE(answer.ok());
  EXPECT_THAT(answer->liveness, IsEmpty());
  EXPECT_FALSE(has(*answer));
  EXPECT_THAT(answer->violated, ElementsAre("progress"));
  options.liveness = true;
  answer = Check(Parsed(text), proposal, options);
  ASSERT_EQ(answer->liveness.size(), 1u);
  EXPECT_THAT(Starved(answer->liveness[0]), ElementsAre("T"));
  EXPECT_TRUE(has(*answer));
  EXPECT_THAT(answer->violated, ElementsAre("progress"));
  answer = Check(Parsed(text + "never resumes\n"), proposal, {});
  EXPECT_THAT(answer->violated, ElementsAre("progress", "resumes"));
  EXPECT_TRUE(answer->complete());
  options.explore.max_states = 20;
  answer = Check(Parsed("filter umask\ntarget T { umask() }\n"
                        "supervisor S { policy: allow umask, else EACCES }\n"),
                 proposal, options);
  EXPECT_FALSE(answer->complete());
  EXPECT_EQ(answer->liveness[0].result.end, checker::LivenessEnd::kStateLimit);
}

TEST(Resumes, AgreesWithTheFixpointOnRandomScenarios) {
  constexpr uint64_t kSmall = 2000;
  int starved = 0, fed = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    checker::testing::Random random(seed);
    std::vector<uint8_t> numbers;
    for (int i = 0; i < 24; ++i) numbers.push_back(static_cast<uint8_t>(random.Next()));
    const auto scenario = lang::Parse(testing::MakeScenario(numbers).Text(), "random.scn");
    ASSERT_TRUE(scenario.ok());
    const char* proposal = seed % 2 ? "pin_args" : "baseline";
    const auto question = Question::Make(*scenario, *model::FindProposal(proposal), {});
    if (!question.ok()) continue;
    checker::LivenessOptions options;
    options.max_states = kSmall;
    const Liveness liveness = CheckLiveness((*question)->system(), Resumes(), options);
    if (!liveness.complete()) continue;
    const OwingModel model((*question)->system(), Resumes());
    const checker::testing::StarvingReference reference(model);
    ASSERT_EQ(reference.states(), liveness.result.states);
    for (int o = 0; o < model.ObligationCount(); ++o) {
      const bool is = reference.Starved(o);
      EXPECT_EQ(liveness.result.obligations[static_cast<size_t>(o)].status,
                is ? checker::LivenessStatus::kStarved : checker::LivenessStatus::kHolds)
          << "seed " << seed << " obligation " << o;
      ++(is ? starved : fed);
    }
  }
  EXPECT_GT(starved, 20);
  EXPECT_GT(fed, 20);
}

}  // namespace
}  // namespace knotcheck::verify::liveness_test
