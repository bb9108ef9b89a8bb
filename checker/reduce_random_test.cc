// SPDX-License-Identifier: Apache-2.0
//
// Reductions on random models: what they stand on holds there, and then nothing changes but the
// number of states. Models whose footprints, holds or canonical forms are wrong are told from
// those whose are right.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "checker/explore.h"
#include "checker/reduce.h"
#include "checker/testing/check_reductions.h"
#include "checker/testing/reduced_graph.h"
#include "checker/testing/reference.h"
#include "checker/testing/searches.h"
#include "checker/testing/shared_model_seeds.h"

namespace knotcheck::checker::reduce_random_test {
namespace {

using testing::ExploreReference;
using testing::Mistake;
using testing::ReductionCheck;
using testing::ReferenceResult;
using testing::Rests;
using testing::SharedModel;
using testing::SharedModelMaker;
using testing::StatesByOrbits;

// With KNOT_WIDE, as `./dev test --all` sets it, four times as many.
uint64_t Models() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return 80;
#else
  return std::getenv("KNOT_WIDE") == nullptr ? 2'600 : 10'400;
#endif
}
constexpr uint64_t kShards = 8;
constexpr size_t kLeast = 10;
constexpr size_t kMost = 500;

// What was reached in all models together, so that a test of nothing is noticed.
struct Tally {
  uint64_t models = 0, with_merges = 0, with_twins = 0, with_rest = 0, without_rest = 0;
  uint64_t with_orbits = 0, with_renamed = 0, with_persistent = 0, violated = 0, holds = 0;
};

// "" when the model's statements about its steps and forms are right.
std::string Standing(ReductionCheck<SharedModel>& check) {
  if (const auto error = check.Movers()) return *error;
  for (const uint32_t reductions :
       {uint32_t{kSymmetry}, uint32_t{kRenumber}, kSymmetry | kRenumber}) {
    if (const auto error = check.Canonical(reductions)) return *error;
  }
  return "";
}

// "" when the verdicts are the reference's and every path shows what its verdict says.
std::string Differs(const SharedModel& model, const ReferenceResult& reference,
                    const Result& result, bool shortest) {
  if (result.end != End::kExhausted) return "not exhausted";
  if (result.states > reference.states) return "more states";
  if ((result.at_rest > 0) != (reference.at_rest > 0)) return "rest";
  for (size_t p = 0; p < result.verdicts.size(); ++p) {
    const Verdict& verdict = result.verdicts[p];
    const bool sometimes = model.Properties()[p].kind == PropertyKind::kSometimes;
    const int64_t length =
        sometimes ? reference.shortest_witness[p] : reference.shortest_violation[p];
    const std::string name = model.Properties()[p].name;
    if ((verdict.witnesses > 0) != (reference.witnessed >> p & 1)) return "witness: " + name;
    if (length < 0) {
      if (verdict.status != (sometimes ? Status::kNotReached : Status::kHolds)) {
        return "found: " + name;
      }
      continue;
    }
    if (verdict.status != (sometimes ? Status::kWitnessed : Status::kViolated)) {
      return "lost: " + name;
    }
    const Replayed replayed = Replay(model, verdict.path);
    if (!replayed.possible) return "impossible path: " + name;
    if (!((sometimes ? replayed.witnessed : replayed.violated) >> p & 1)) {
      return "path shows nothing: " + name;
    }
    const auto found = static_cast<int64_t>(verdict.path.actions.size());
    if (shortest ? found != length : found < length) return "length: " + name;
  }
  return "";
}

// "" when all is well with the model.
std::string Proved(const SharedModel& model, bool threads, Tally& tally) {
  ReductionCheck<SharedModel> check(model);
  if (!check.Explore(kMost) || check.states().size() < kLeast) return "";
  if (const std::string error = Standing(check); !error.empty()) return error;
  const ReferenceResult reference = ExploreReference(model);
  ++tally.models;
  tally.with_twins += model.has_twins();
  tally.with_rest += reference.at_rest > 0;
  tally.without_rest += reference.at_rest == 0;
  uint64_t states[kAllReductions + 1] = {};
  std::set<std::vector<uint64_t>> rests[kAllReductions + 1];
  for (uint32_t reductions = 0; reductions <= kAllReductions; ++reductions) {
    // The self-check, which must find nothing, on half of the searches.
    const uint32_t checked = reductions % 2 == 0 ? reductions : reductions | kSelfCheck;
    const Reduced<SharedModel> reduced(model, checked);
    const std::string which = absl::StrCat("reductions ", reductions, ": ");
    const uint32_t names = reductions & (kSymmetry | kRenumber);
    if (rests[names].empty()) rests[names] = Rests(model, model, names);
    if (Rests(reduced, model, names) != rests[names]) return which + "rests";
    for (const Order order : {Order::kBreadthFirst, Order::kDepthFirst}) {
      for (const int count : {1, 2, 8}) {
        if (count > 1 && (!threads || order == Order::kDepthFirst)) continue;
        Options options;
        options.order = order;
        options.threads = count;
        const Result result = Explore(reduced, options);
        const bool shortest = order == Order::kBreadthFirst && !(reductions & kLengthening);
        const std::string error = Differs(model, reference, result, shortest);
        if (!error.empty()) return which + error;
        states[reductions] = result.states;
        if (reductions != kAllReductions) continue;
        for (const Verdict& verdict : result.verdicts) {
          tally.violated += verdict.status == Status::kViolated;
          tally.holds += verdict.status == Status::kHolds;
        }
      }
    }
  }
  tally.with_merges += states[kMerge] < reference.states;
  tally.with_persistent += states[kAllReductions] < states[kAllReductions & ~kPersistent];
  tally.with_orbits += states[kSymmetry] < reference.states;
  tally.with_renamed += states[kRenumber] < reference.states;
  if (StatesByOrbits(model) != reference.states) return "orbits do not add up";
  return "";
}

class RandomReductions : public ::testing::TestWithParam<uint64_t> {};

TEST_P(RandomReductions, ChangeNothingButTheNumberOfStates) {
  Tally tally;
  for (uint64_t n = 0; tally.models < Models() / kShards && !HasFailure(); ++n) {
    const uint64_t seed = n * kShards + GetParam();
    EXPECT_EQ(Proved(SharedModelMaker(seed).Make(), n % 16 == 0, tally), "") << "seed " << seed;
  }
  const uint64_t few = tally.models / 20;
  // So few models need not show everything.
  if (few == 0) return;
  EXPECT_GT(tally.with_merges, 10 * few);
  EXPECT_GT(tally.with_persistent, 3 * few);
  EXPECT_GT(tally.with_twins, 10 * few);
  EXPECT_GT(tally.with_orbits, 10 * few);
  EXPECT_GT(tally.with_renamed, 3 * few);
  EXPECT_GT(tally.with_rest, 3 * few);
  EXPECT_GT(tally.without_rest, 0U);
  EXPECT_GT(tally.violated, tally.models);
  EXPECT_GT(tally.holds, tally.models);
}

INSTANTIATE_TEST_SUITE_P(Shards, RandomReductions, ::testing::Range(uint64_t{0}, kShards));

RC_GTEST_PROP(RandomReductionsProperty, ChangeNothingButTheNumberOfStates, ()) {
  Tally tally;
  const auto seed = *rc::gen::arbitrary<uint64_t>();
  RC_ASSERT(Proved(SharedModelMaker(seed).Make(), true, tally) == "");
}

// Each mistake is found in some random model by the check of what reductions stand on. How many is
// a matter of how often the instruction occurs; none would mean that the check is blind to it, or
// that the models never need the condition.
TEST(RandomMistakes, AreFound) {
  for (int m = 1; m <= static_cast<int>(Mistake::kMixGroups); ++m) {
    int found = 0, looked = 0;
    for (uint64_t seed = 0; looked < 1500 && found < 3; ++seed) {
      const SharedModel model = SharedModelMaker(seed).Make(static_cast<Mistake>(m));
      ReductionCheck<SharedModel> check(model);
      if (!check.Explore(300)) continue;
      ++looked;
      found += !Standing(check).empty();
    }
    EXPECT_EQ(found, 3) << "mistake " << m;
  }
}

}  // namespace
}  // namespace knotcheck::checker::reduce_random_test
