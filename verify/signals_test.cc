// SPDX-License-Identifier: Apache-2.0
//
// Whom signals reach, in every state of a scenario.

#include <cstddef>

#include "gtest/gtest.h"
#include "lang/parse.h"
#include "model/proposal.h"
#include "model/state.h"
#include "verify/check.h"
#include "verify/kernel_model.h"
#include "verify/testing/searches.h"

namespace knotcheck::verify::signals_test {
namespace {

// kernel/signal.c, complete_signal(): a signal whose default action is to die ends every thread of
// the group, and fs/exec.c, flush_signal_handlers(), leaves no other action. No other SIGKILL comes
// here, and a thread that is to die clones no other.
TEST(SignalsTest, WhatHadAHandlerKillsTheGroupOfANewImage) {
  const auto scenario = lang::Parse(R"(
# name:     test/signals
# question: Who dies?
# source:   none
# result:   baseline=?

filter umask
memory path = "/bin/x"
memory argv = [path, NULL]
target T {
  execve(path, argv, NULL)
  clone(C)
}
child C of T { umask() }
signals to T: 1, handler
supervisor S {
  n = recv()
  send(n, value 1)
}
)",
                                    "signals.scn");
  ASSERT_TRUE(scenario.ok()) << scenario.status();
  const auto question = Question::Make(*scenario, *model::FindProposal("baseline"), {});
  ASSERT_TRUE(question.ok()) << question.status();
  const KernelModel kernel_model((*question)->system());
  checker::testing::ReductionCheck<KernelModel> graph(kernel_model);
  ASSERT_TRUE(graph.Explore(200'000));
  size_t both = 0;
  for (const auto& words : graph.states()) {
    const model::State& state = kernel_model.View(words.data());
    const model::Task& leader = state.tasks[0];
    const model::Task& other = state.tasks[1];
    if (leader.status != model::kAlive || other.status != model::kAlive) continue;
    const auto dies = [](const model::Task& t) { return (t.flags & model::kSigkillPending) != 0; };
    EXPECT_EQ(dies(leader), dies(other));
    if (dies(leader) && dies(other)) ++both;
  }
  EXPECT_GT(both, size_t{0});
}

}  // namespace
}  // namespace knotcheck::verify::signals_test
