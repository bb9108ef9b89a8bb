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
#include "checker/testing/searches.h"

namespace knotcheck::checker::reduce_test {
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

// rumur found these numbers of canonical states, with its own symmetry reduction of its own model.
TEST(ReduceTest, SymmetryLeavesAsManyStatesAsRumurs) {
  struct Known {
    std::vector<std::string> row;
    uint64_t states;
    bool large;
  };
  const Known known[] = {
      {{"N=2", "M=1", "K=2", "S=2", "SIG=1", "FIX=1"}, 190'013, false},
      {{"N=2", "M=2", "K=2", "S=2", "SIG=1", "FIX=1"}, 755'407, true},
      {{"N=3", "M=1", "K=1", "S=2", "SIG=1", "FIX=1"}, 1'003'604, true},
      {{"N=3", "M=2", "K=2", "S=2", "SIG=0", "FIX=0"}, 624'644, true},
      {{"N=3", "M=1", "K=2", "S=2", "SIG=1", "FIX=1"}, 3'637'065, true},
  };
  for (const Known& k : known) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    if (k.large) continue;
#endif
    SCOPED_TRACE(absl::StrJoin(k.row, " "));
    const Family family = Row(k.row);
    const Result result = Explore(Reduced<Family>(family, kSymmetry), Options());
    EXPECT_EQ(result.states, k.states);
    EXPECT_EQ(result.verdicts[Family::kToctou].status, Status::kHolds);
    EXPECT_EQ(result.verdicts[Family::kPinOutlives].status, Status::kHolds);
    EXPECT_EQ(result.verdicts[Family::kApprovedRead].status, Status::kWitnessed);
  }
}

// And with everything: the same verdicts, in a hundredth of the states.
TEST(ReduceTest, AllReductionsKeepTheFamilysVerdicts) {
  for (const std::vector<std::string>& row :
       {std::vector<std::string>{"N=2", "M=2", "K=2", "S=2", "SIG=1", "FIX=1"},
        std::vector<std::string>{"N=3", "M=1", "K=2", "S=2", "SIG=1", "FIX=1"}}) {
    const Family family = Row(row);
    const Result result = Explore(Reduced<Family>(family, kAllReductions), Options());
    EXPECT_LT(result.states, 45'000u);
    for (const uint64_t property : {Family::kToctou, Family::kPinOutlives}) {
      EXPECT_EQ(result.verdicts[property].status, Status::kHolds);
    }
    EXPECT_EQ(result.verdicts[Family::kApprovedRead].status, Status::kWitnessed);
  }
  const Family broken = Row({"N=3", "M=1", "K=1", "S=2", "SIG=1", "FIX=0"});
  const Result result = Explore(Reduced<Family>(broken, kAllReductions), Options());
  EXPECT_EQ(result.verdicts[Family::kToctou].status, Status::kViolated);
  EXPECT_EQ(result.verdicts[Family::kPinOutlives].status, Status::kViolated);
  for (const uint64_t property : {Family::kToctou, Family::kPinOutlives}) {
    const Replayed replayed = Replay(broken, result.verdicts[property].path);
    EXPECT_TRUE(replayed.possible);
    EXPECT_TRUE(replayed.violated >> property & 1);
  }
}

}  // namespace
}  // namespace knotcheck::checker::reduce_test
