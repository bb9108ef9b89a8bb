// SPDX-License-Identifier: Apache-2.0
//
// Closing the listener answers the notifications in the list's order: a task that is woken first
// can go on while the next one still waits.

#include <cstdint>
#include <string>

#include "checker/testing/check_reductions.h"
#include "gtest/gtest.h"
#include "lang/parse.h"
#include "model/errno.h"
#include "model/kernel/toggles.h"
#include "verify/check.h"
#include "verify/kernel_model.h"
#include "verify/testing/searches.h"

namespace knotcheck::verify::detach_test {
namespace {

constexpr char kTwoTargets[] = R"(
# name:     test/detach
# question: Who is answered first?
# source:   none
# result:   baseline=?

filter umask
target T { umask() }
target U { umask() }
supervisor S { close(listener) }
)";

// In how many reachable states the older (the newer) of two notifications was answered by
// detaching and the other was not yet.
struct Answered {
  int older = 0;
  int newer = 0;
};

Answered Explored(const std::string& text, model::Toggles toggles) {
  const auto scenario = lang::Parse(text, "detach.scn");
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  const auto question = Question::Make(*scenario, *model::FindProposal("baseline"), toggles);
  EXPECT_TRUE(question.ok()) << question.status();
  const KernelModel kernel_model((*question)->system());
  checker::testing::ReductionCheck<KernelModel> graph(kernel_model);
  EXPECT_TRUE(graph.Explore(200'000));
  Answered answered;
  for (const auto& words : graph.states()) {
    const model::State& state = kernel_model.View(words.data());
    const model::Knotif& t = state.tasks[0].knotif;
    const model::Knotif& u = state.tasks[1].knotif;
    if (!t.listed || !u.listed) continue;
    const bool by_t = t.state == model::kReplied && t.error == -model::kENOSYS;
    const bool by_u = u.state == model::kReplied && u.error == -model::kENOSYS;
    if (by_t == by_u) continue;
    ++((by_t ? t.id < u.id : u.id < t.id) ? answered.older : answered.newer);
  }
  return answered;
}

TEST(DetachTest, TheOldestFirst) {
  const Answered answered = Explored(kTwoTargets, {});
  EXPECT_GT(answered.older, 0);
  EXPECT_EQ(answered.newer, 0);
}

TEST(DetachTest, TheNewestFirstWhereTheListIsTurnedRound) {
  model::Toggles toggles;
  toggles.Set(model::Variant::lifo_notifications);
  const Answered answered = Explored(kTwoTargets, toggles);
  EXPECT_EQ(answered.older, 0);
  EXPECT_GT(answered.newer, 0);
}

}  // namespace
}  // namespace knotcheck::verify::detach_test
