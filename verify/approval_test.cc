// SPDX-License-Identifier: Apache-2.0
//
// Which bytes a call is approved with is the proposal's to say: Proposal::approve.

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lang/parse.h"
#include "model/ghost/probes.h"
#include "verify/check.h"

namespace knotcheck::verify::approval_test {
namespace {

using model::Kernel;
using model::Op;
using model::Proposal;

// The peer may make another name of it at any time, so each fetch finds either.
constexpr char kRace[] =
    "# name:     test/race\n# question: q\n# source:   s\n# result:   baseline=violated(toctou)\n"
    "memory path = \"/ok\" | \"/evil\"\n"
    "target T { openat(AT_FDCWD, path, O_RDONLY) }\n"
    "peer P shares memory with T\n"
    "supervisor S { policy: allow openat if path == \"/ok\", else EACCES }\n"
    "never toctou\n";

// Supplies "/evil" for the path, whatever it has seen of it.
void ApproveOther(Kernel& k, int target, const Op& reply) {
  if (!(reply.flags & model::kUserNotifContinue)) return;
  model::ghost::Known known;
  known.roles = 1;
  const model::Nr nr = k.CallOf(target, k.CallIndex(target)).nr;
  const model::SeenLayout& layout = k.p.seen[static_cast<size_t>(nr)][0];
  known.words[layout.base] = k.p.words[0].domain[1];
  model::ghost::Approve(k, target, known, false);
}

PropertyVerdict Toctou(void (*approve)(Kernel&, int, const Op&), std::vector<std::string>* notes) {
  const auto scenario = lang::Parse(kRace, "race.scn");
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  Proposal proposal = *model::FindProposal("baseline");
  proposal.approve = approve;
  const auto answer = Check(*scenario, proposal, {});
  EXPECT_TRUE(answer.ok()) << answer.status();
  for (const PropertyVerdict& property : answer->properties) {
    if (property.info.name != "toctou") continue;
    const auto question = Question::Make(*scenario, proposal, {});
    for (const RunStep& step : Trace((*question)->system(), property.path).steps) {
      notes->insert(notes->end(), step.shown.notes.begin(), step.shown.notes.end());
    }
    return property;
  }
  ADD_FAILURE() << "no toctou";
  return {};
}

TEST(Approval, WhatWasSeenIfTheProposalSaysNothing) {
  std::vector<std::string> notes;
  EXPECT_EQ(Toctou(nullptr, &notes).status, checker::Status::kViolated);
  EXPECT_THAT(notes, ::testing::Contains("<-- approved \"/ok\""));
}

TEST(Approval, WhatTheProposalSays) {
  std::vector<std::string> notes;
  EXPECT_EQ(Toctou(ApproveOther, &notes).status, checker::Status::kViolated);
  EXPECT_THAT(notes, ::testing::Contains("<-- approved \"/evil\""));
}

// Where nothing is approved, nothing can differ from it, and no verdict is made of that.
TEST(Approval, Nothing) {
  std::vector<std::string> notes;
  const PropertyVerdict verdict = Toctou([](Kernel&, int, const Op&) {}, &notes);
  EXPECT_NE(verdict.status, checker::Status::kViolated);
  EXPECT_EQ(verdict.witnesses, 0u);
}

}  // namespace
}  // namespace knotcheck::verify::approval_test
