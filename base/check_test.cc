// SPDX-License-Identifier: Apache-2.0

#include "base/check.h"

#include <gtest/gtest.h>

namespace knotcheck::check_test {
namespace {

TEST(CheckTest, EvaluatesOnceAndGoesOn) {
  int calls = 0;
  KNOT_CHECK(++calls == 1);
  EXPECT_EQ(calls, 1);
}

// The macro is one statement: the else belongs to the outer if.
TEST(CheckTest, IsOneStatement) {
  bool other = false;
  if (other)
    KNOT_CHECK(false);
  else
    other = true;
  EXPECT_TRUE(other);
}

TEST(CheckDeathTest, FailurePrintsThePlaceAndEndsWithStatus70) {
  EXPECT_EXIT(KNOT_CHECK(1 + 1 == 3), ::testing::ExitedWithCode(70),
              "base/check_test\\.cc:[0-9]+: internal error: expected 1 \\+ 1 == 3\n$");
}

}  // namespace
}  // namespace knotcheck::check_test
