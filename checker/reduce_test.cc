// SPDX-License-Identifier: Apache-2.0

#include "checker/reduce.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "checker/explore.h"
#include "checker/testing/check_reductions.h"
#include "checker/testing/family.h"

namespace knotcheck::checker {
namespace {

using testing::Family;
using testing::ParseFamily;
using testing::ReductionCheck;

Family Row(const std::vector<std::string>& words) {
  const auto parameters = ParseFamily(words);
  EXPECT_TRUE(parameters.ok());
  return Family(*parameters);
}

const std::vector<std::vector<std::string>>& SmallRows() {
  static const auto* const rows = new std::vector<std::vector<std::string>>{
      {"N=1", "SIG=1", "FIX=1"},
      {"N=1", "S=2", "SIG=1", "FIX=1"},
      {"N=1", "S=2", "SIG=1", "FIX=0", "R=2"},
      {"N=1", "MODE=0", "M=2"},
      {"N=2", "S=2", "W=1", "FIX=0"},
      {"N=2", "S=1", "SIG=1", "FIX=0"},
      {"N=3", "S=1", "M=0", "FIX=1"},
  };
  return *rows;
}

TEST(ReduceTest, StepsOfTheFamilyAreTheMoversThatTheyAreSaidToBe) {
  for (const auto& row : SmallRows()) {
    SCOPED_TRACE(absl::StrJoin(row, " "));
    const Family family = Row(row);
    ReductionCheck<Family> check(family);
    ASSERT_TRUE(check.Explore(60'000));
    EXPECT_EQ(check.Movers().value_or(""), "");
  }
}

TEST(ReduceTest, CanonicalFormsOfTheFamilyLeadWhereTheStatesLead) {
  for (const auto& row : SmallRows()) {
    SCOPED_TRACE(absl::StrJoin(row, " "));
    const Family family = Row(row);
    ReductionCheck<Family> check(family);
    ASSERT_TRUE(check.Explore(60'000));
    for (const uint32_t reductions :
         {uint32_t{kSymmetry}, uint32_t{kRenumber}, kSymmetry | kRenumber}) {
      EXPECT_EQ(check.Canonical(reductions).value_or(""), "");
    }
  }
}

}  // namespace
}  // namespace knotcheck::checker
