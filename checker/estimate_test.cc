// SPDX-License-Identifier: Apache-2.0

#include "checker/estimate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "checker/explore.h"
#include "checker/reduce.h"
#include "checker/testing/family.h"
#include "checker/testing/searches.h"

namespace knotcheck::checker::estimate_test {
namespace {

// The first levels, up to this share of all states.
std::vector<uint64_t> Begin(const std::vector<uint64_t>& levels, double share) {
  const auto all = static_cast<double>(std::accumulate(levels.begin(), levels.end(), uint64_t{0}));
  std::vector<uint64_t> begin;
  double sum = 0;
  for (const uint64_t level : levels) {
    begin.push_back(level);
    sum += static_cast<double>(level);
    if (sum >= share * all) break;
  }
  return begin;
}

TEST(EstimateTest, ABellIsSeenFromItsFoot) {
  // Exactly what the method assumes: ratios on a line.
  std::vector<uint64_t> levels;
  double level = 100;
  for (int d = 0; level >= 1; ++d) {
    levels.push_back(static_cast<uint64_t>(std::llround(level)));
    level *= std::exp(0.5 - 0.025 * d);
  }
  const auto all = static_cast<double>(std::accumulate(levels.begin(), levels.end(), uint64_t{0}));
  const auto estimate = EstimateStates(Begin(levels, 0.2));
  ASSERT_TRUE(estimate.has_value());
  EXPECT_NEAR(estimate->states / all, 1, 0.1);
  ASSERT_TRUE(estimate->high.has_value());
  EXPECT_GT(*estimate->high, 0.95 * all);
  EXPECT_LT(estimate->low, 1.05 * all);
}

TEST(EstimateTest, NothingIsSaidTooEarlyOrWhileLevelsGrowFaster) {
  EXPECT_FALSE(EstimateStates({1, 2, 4, 7, 11, 16}).has_value());
  std::vector<uint64_t> levels;
  for (uint64_t d = 1; d < 20; ++d) levels.push_back(uint64_t{1} << (d * d / 10));
  EXPECT_FALSE(EstimateStates(levels).has_value());
}

TEST(EstimateTest, TheFamilysTotalsAreWithinAFactorOfThree) {
  for (const uint32_t reductions : {uint32_t{kNoReduction}, uint32_t{kSymmetry}, kAllReductions}) {
    const auto parameters = testing::ParseFamily({"N=2", "M=1", "K=1", "S=2", "SIG=1", "FIX=1"});
    const testing::Family family(*parameters);
    const Result result = Explore(Reduced<testing::Family>(family, reductions), Options());
    const auto all = static_cast<double>(result.states);
    for (const double share : {0.25, 0.5, 0.75}) {
      const auto estimate = EstimateStates(Begin(result.levels, share));
      ASSERT_TRUE(estimate.has_value()) << reductions << " " << share;
      EXPECT_LT(estimate->states, 3 * all) << reductions << " " << share;
      EXPECT_GT(estimate->states, all / 3) << reductions << " " << share;
      EXPECT_LE(estimate->low, estimate->states);
      if (estimate->high) {
        EXPECT_GE(*estimate->high, estimate->states);
      }
    }
  }
}

}  // namespace
}  // namespace knotcheck::checker::estimate_test
