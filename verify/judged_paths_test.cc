// SPDX-License-Identifier: Apache-2.0
//
// Both judges (verify/testing/compare_judges.h) along single paths of the collection that no random
// walk takes.

#include <vector>

#include "checker/path.h"
#include "gtest/gtest.h"
#include "model/proposal.h"
#include "verify/check.h"
#include "verify/testing/collection.h"
#include "verify/testing/compare_judges.h"

namespace knotcheck::verify::judged_paths_test {
namespace {

// T executes /x between phase A and get_task_mm(): the walker has no room for an entry, and the
// table of which it says so is not the call's.
TEST(SecondJudge, AgreesWhereThereIsNoRoomAndAnotherProgram) {
  const auto path = checker::PathFromString("0:aaaaabbbbbbbbbcaaaaaaaaaaabbbbbbbbb");
  ASSERT_TRUE(path.ok()) << path.status();
  const auto scenario = testing::Collected("coverage/no_room_and_new_image");
  const auto question = Question::Make(scenario, *model::FindProposal("pin_args"), {});
  ASSERT_TRUE(question.ok()) << question.status();
  bool possible = false;
  for (const auto& difference : testing::Compare(**question, *path, &possible)) {
    ADD_FAILURE() << difference.ToString();
  }
  EXPECT_TRUE(possible);
}

}  // namespace
}  // namespace knotcheck::verify::judged_paths_test
