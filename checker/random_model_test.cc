// SPDX-License-Identifier: Apache-2.0
//
// The random models are models, and they are not all alike.

#include "checker/testing/random_model.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <optional>

#include "absl/strings/str_cat.h"
#include "checker/explore.h"
#include "checker/testing/reference.h"
#include "checker/testing/searches.h"

namespace knotcheck::checker::testing::random_model_test {
namespace {

static_assert(TypedModel<RandomModel>);

// Checks each step that a search makes: same as Apply's, in ascending order, within the masks.
class Watched : public RandomModel {
 public:
  using RandomModel::RandomModel;
  template <class Fn>
  void ForEachSuccessor(const State& s, int thread, Fn&& fn) const {
    std::optional<Action> before;
    RandomModel::ForEachSuccessor(
        s, thread, [&](Action action, const State& next, Outcome outcome, const Effects& effects) {
          EXPECT_EQ(action.thread, thread);
          if (before) {
            EXPECT_LT(*before, action);
          }
          before = action;
          State applied = s;
          Effects shown;
          EXPECT_EQ(Apply(applied, action, shown), outcome);
          EXPECT_EQ(std::memcmp(&applied, &next, sizeof(State)), 0);
          EXPECT_EQ(shown.violated, effects.violated);
          EXPECT_EQ(shown.witnessed, effects.witnessed);
          for (size_t w = 0; outcome == Outcome::kStepped && w < kWords; ++w) {
            EXPECT_EQ(next.words[w] & ~Masks().words[w], 0U);
          }
          ++(outcome == Outcome::kFault ? faults : steps);
          self_loops += std::memcmp(&s, &next, sizeof(State)) == 0;
          fn(action, next, outcome, effects);
        });
    // A choice that is not there is not blocked.
    State state = s;
    Effects effects;
    EXPECT_EQ(Apply(state, Action{static_cast<uint16_t>(thread), 65'535}, effects),
              Outcome::kDisabled);
  }
  mutable uint64_t steps = 0, faults = 0, self_loops = 0;
};

TEST(RandomModelTest, EverythingOccurs) {
  int with_rest = 0, without_rest = 0, with_faults = 0, with_self_loops = 0, with_cycles = 0;
  int with_many_initial = 0, with_many_words = 0, with_all_properties = 0, large = 0;
  int status[5] = {};
  constexpr uint64_t kModels = 500;
  for (uint64_t seed = 0; seed < kModels && !HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    const Watched model(seed);
    const ReferenceResult reference = ExploreReference(model);
    EXPECT_EQ(reference.transitions, model.steps + model.faults);
    with_rest += reference.at_rest > 0;
    without_rest += reference.at_rest == 0;
    with_faults += model.faults > 0;
    with_self_loops += model.self_loops > 0;
    large += reference.states > 1000;
    with_many_initial += model.InitialStates().size() > 1;
    with_many_words += Packer(model.Masks()).packed_words() > 1;
    with_all_properties += model.Properties().size() == 64;
    // A walk of more steps than there are states has been somewhere twice.
    WalkOptions walk;
    walk.walks = 1;
    walk.max_steps = reference.states + 1;
    with_cycles += Walk(model, walk).steps > reference.states;
    for (const Verdict& v : Explore(model, Options()).verdicts)
      ++status[static_cast<int>(v.status)];
  }
  EXPECT_GT(with_rest, 100);
  EXPECT_GT(without_rest, 50);
  EXPECT_GT(with_faults, 50);
  EXPECT_GT(with_self_loops, 50);
  EXPECT_GT(with_cycles, 100);
  EXPECT_GT(with_many_initial, 50);
  EXPECT_GT(with_many_words, 100);
  EXPECT_GT(with_all_properties, 20);
  EXPECT_GT(large, 20);
  EXPECT_GT(status[static_cast<int>(Status::kHolds)], 100);
  EXPECT_GT(status[static_cast<int>(Status::kViolated)], 100);
  EXPECT_GT(status[static_cast<int>(Status::kWitnessed)], 100);
  EXPECT_GT(status[static_cast<int>(Status::kNotReached)], 100);
  EXPECT_EQ(status[static_cast<int>(Status::kIncomplete)], 0);
}

}  // namespace
}  // namespace knotcheck::checker::testing::random_model_test
