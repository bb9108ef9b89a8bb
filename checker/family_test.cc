// SPDX-License-Identifier: Apache-2.0
//
// The toy family against what spin and rumur say of the same protocol in bench/peers/.

#include "checker/testing/family.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "checker/explore.h"
#include "checker/testing/reference.h"
#include "checker/testing/searches.h"

namespace knotcheck::checker::testing::family_test {
namespace {

static_assert(TypedModel<Family>);

// GCC says it with a macro, clang with __has_feature.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

Family FamilyOf(absl::string_view words) {
  const auto parameters = ParseFamily(absl::StrSplit(words, ' ', absl::SkipEmpty()));
  EXPECT_TRUE(parameters.ok()) << parameters.status();
  return Family(parameters.ok() ? *parameters : FamilyParameters());
}

// The size of a state graph. spin counts the initial state as a transition.
struct Row {
  const char* parameters;
  uint64_t states;
  uint64_t spin_transitions;
};
constexpr Row kSmall[] = {
    {"N=1 M=1 K=1 S=1 SIG=0 FIX=0", 166, 355},
    {"N=1 M=1 K=1 S=1 SIG=1 FIX=1", 1'098, 2'723},
    {"N=1 M=1 K=1 S=2 SIG=1 FIX=1", 4'339, 11'172},
    {"N=2 M=1 K=1 S=2 SIG=0 FIX=0", 11'379, 29'835},
    {"N=2 M=2 K=1 S=2 SIG=0 FIX=0", 44'932, 183'605},
};
constexpr Row kLarge[] = {
    {"N=2 M=2 K=2 S=2 SIG=0 FIX=0", 177'908, 1'038'579},
    {"N=2 M=1 K=1 S=2 SIG=1 FIX=1", 252'555, 755'033},
    {"N=3 M=1 K=1 S=2 SIG=0 FIX=0", 440'260, 1'354'743},
    {"N=2 M=1 K=2 S=2 SIG=1 FIX=1", 738'052, 2'527'903},  // F1
};
constexpr Row kF2 = {"N=2 M=2 K=2 S=2 SIG=1 FIX=1", 4'431'404, 27'144'217};

void ExpectHolds(const Row& row, Order order, int threads = 1,
                 Storage storage = Storage::kSmallest) {
  SCOPED_TRACE(row.parameters);
  Options options;
  options.order = order;
  options.threads = threads;
  options.storage = storage;
  const Result result = Explore(FamilyOf(row.parameters), options);
  EXPECT_EQ(result.end, End::kExhausted);
  EXPECT_EQ(result.states, row.states);
  EXPECT_EQ(result.transitions + 1, row.spin_transitions);
  EXPECT_EQ(result.verdicts[Family::kToctou].status, Status::kHolds);
  EXPECT_EQ(result.verdicts[Family::kPinOutlives].status, Status::kHolds);
  EXPECT_EQ(result.verdicts[Family::kApprovedRead].status, Status::kWitnessed);
}

TEST(FamilyTest, SmallMembers) {
  for (const Row& row : kSmall) {
    ExpectHolds(row, Order::kBreadthFirst);
    ExpectHolds(row, Order::kDepthFirst);
    const Family family = FamilyOf(row.parameters);
    const ReferenceResult reference = ExploreReference(family);
    const Result result = Explore(family, Options());
    EXPECT_EQ(reference.states, row.states);
    EXPECT_EQ(reference.transitions + 1, row.spin_transitions);
    EXPECT_EQ(reference.depth, result.depth);
    EXPECT_EQ(reference.at_rest, result.at_rest);
  }
}

TEST(FamilyTest, LargeMembers) {
  for (const Row& row : kLarge) {
    ExpectHolds(row, Order::kBreadthFirst);
    ExpectHolds(row, Order::kBreadthFirst, 2);
    ExpectHolds(row, Order::kBreadthFirst, 8, Storage::kTree);
  }
  if constexpr (!kSanitized) ExpectHolds(kF2, Order::kBreadthFirst);
}

// Checks that `property` is violated by a shortest run of `steps` steps, which is `path`. Steps
// are the actions from the initial state on, the violating one included: "0:aab" has three. spin's
// breadth-first search finds runs of as many steps, but says "at depth" of the state before the
// last one: 16, 16 and 42.
//
// In the paths thread a is the tracee, b the peer and c the supervisor; a1 is the signal and b1
// the store of the forbidden value.
void ExpectViolated(absl::string_view parameters, uint64_t property, size_t steps,
                    absl::string_view path) {
  SCOPED_TRACE(parameters);
  const Family family = FamilyOf(parameters);
  const Result result = Explore(family, Options());
  const Verdict& verdict = result.verdicts[property];
  ASSERT_EQ(verdict.status, Status::kViolated);
  EXPECT_EQ(verdict.path.actions.size(), steps);
  EXPECT_EQ(PathToString(verdict.path), path);
  EXPECT_EQ(ExploreReference(family).shortest_violation[property], static_cast<int64_t>(steps));
  // Nothing is wrong before the last step.
  size_t step = 0;
  const Replayed replayed =
      Replay(family, verdict.path, [&](Action, const auto&, const auto&, const Effects& effects) {
        ++step;
        EXPECT_EQ(effects.violated, step == steps ? uint64_t{1} << property : 0) << "step " << step;
      });
  EXPECT_TRUE(replayed.possible);
}

TEST(FamilyTest, PlainContinueRaces) {
  // a queues (3), c receives (4) and copies (1), b1 stores (1), c sends (3), while a wakes (1),
  // deletes (3) and reads (1).
  ExpectViolated("MODE=0", Family::kToctou, 17, "0:aaacccccb1ccacaaaa");
}

TEST(FamilyTest, PinOutlivesItsNotification) {
  // a queues (3) and is interrupted (1), c receives (4) and pins (7), a locks and deletes (2).
  ExpectViolated("SIG=1 FIX=0 OUTLIVE=1", Family::kPinOutlives, 17, "0:aaaa1cccccccccccaa");
}

TEST(FamilyTest, RaceThroughTheStalePin) {
  // As above with b1 before the copy: the pin keeps the forbidden value, b stores the allowed one,
  // and after the restart c approves that one, but a reads the old pin.
  ExpectViolated("SIG=1 FIX=0 OUTLIVE=0", Family::kToctou, 43,
                 "0:aaaa1b1ccccccccbcccaaaaaaacccccccccccccacaaaa");
}

TEST(FamilyTest, ParsesParameters) {
  const auto parameters = ParseFamily({"N=3", "M=2", "K=3", "S=2", "R=7", "W=6", "V=3", "SIG=5",
                                       "MODE=0", "FIX=1", "OUTLIVE=0", "S=1"});
  ASSERT_TRUE(parameters.ok()) << parameters.status();
  EXPECT_EQ(parameters->N, 3);
  EXPECT_EQ(parameters->M, 2);
  EXPECT_EQ(parameters->K, 3);
  EXPECT_EQ(parameters->S, 1) << "the last one counts";
  EXPECT_EQ(parameters->R, 7);
  EXPECT_EQ(parameters->W, 6);
  EXPECT_EQ(parameters->V, 3);
  EXPECT_EQ(parameters->SIG, 5);
  EXPECT_EQ(parameters->MODE, 0);
  EXPECT_EQ(parameters->FIX, 1);
  EXPECT_EQ(parameters->OUTLIVE, 0);
}

// Searches of many rounds in which threads insert at the same time.
TEST(FamilyTest, ThreadsDoNotShow) {
  for (const Storage storage : {Storage::kSmallest, Storage::kTree}) {
    Options options;
    options.storage = storage;
    const Family family = FamilyOf("N=2 M=1 K=1 S=2 SIG=1 FIX=0 OUTLIVE=1");
    for (const uint64_t max_states : {uint64_t{100'000}, ~uint64_t{0}}) {
      options.max_states = max_states;
      options.threads = 1;
      const Result one = Explore(family, options);
      for (const int threads : {2, 3, 8}) {
        options.threads = threads;
        const Result many = Explore(family, options);
        EXPECT_EQ(many.states, one.states);
        EXPECT_EQ(many.transitions, one.transitions);
        EXPECT_EQ(many.levels, one.levels);
        EXPECT_EQ(many.bytes, one.bytes);
        EXPECT_EQ(many.at_rest, one.at_rest);
        EXPECT_EQ(many.end, one.end);
        for (size_t p = 0; p < one.verdicts.size(); ++p) {
          EXPECT_EQ(many.verdicts[p].status, one.verdicts[p].status);
          EXPECT_EQ(many.verdicts[p].path, one.verdicts[p].path);
          EXPECT_EQ(many.verdicts[p].witnesses, one.verdicts[p].witnesses);
        }
      }
    }
  }
}

TEST(FamilyTest, DefaultParameters) {
  const auto parameters = ParseFamily({});
  ASSERT_TRUE(parameters.ok()) << parameters.status();
  EXPECT_EQ(Explore(Family(*parameters), Options()).states, 166U);
}

TEST(FamilyTest, ParseErrorsNameTheWordAndWhatWasExpected) {
  const std::string form = "expected NAME=NUMBER with a name of N M K S R W V SIG MODE FIX OUTLIVE";
  const struct {
    const char* word;
    std::string expected;
  } rows[] = {
      {"", form},
      {"N", form},
      {"N=", form},
      {"=1", form},
      {"n=1", form},
      {"X=1", form},
      {"N=1=1", form},
      {"N=one", form},
      {"N=1x", form},
      {"N=99999999999999999999", form},
      {"N=0", "expected 1 to 3"},
      {"N=4", "expected 1 to 3"},
      {"M=-1", "expected 0 to 2"},
      {"M=3", "expected 0 to 2"},
      {"K=0", "expected 1 to 3"},
      {"K=4", "expected 1 to 3"},
      {"S=0", "expected 1 to 3"},
      {"S=4", "expected 1 to 3"},
      {"R=0", "expected 1 to 7"},
      {"R=8", "expected 1 to 7"},
      {"W=-1", "expected 0 to 7"},
      {"W=8", "expected 0 to 7"},
      {"V=0", "expected 1 to 3"},
      {"V=4", "expected 1 to 3"},
      {"SIG=-1", "expected 0 to 7"},
      {"SIG=8", "expected 0 to 7"},
      {"MODE=2", "expected 0 to 1"},
      {"FIX=2", "expected 0 to 1"},
      {"OUTLIVE=2", "expected 0 to 1"},
  };
  for (const auto& row : rows) {
    const auto parameters = ParseFamily({"N=1", row.word, "S=1"});
    EXPECT_EQ(parameters.status().code(), absl::StatusCode::kInvalidArgument) << row.word;
    EXPECT_EQ(parameters.status().message(), absl::StrCat("'", row.word, "': ", row.expected));
  }
}

// The masks are wide enough at the ends of every range; else packing ends the program.
TEST(FamilyTest, LargestValuesFitTheMasks) {
  for (const char* words :
       {"N=1 M=1 K=3 S=1 V=3 W=3", "N=1 M=0 S=1 R=7 SIG=7", "N=3 M=0 S=1", "N=1 M=0 S=3 SIG=2",
        "N=1 M=2 W=7 S=1", "M=1 W=0", "M=2 V=1", "N=2 M=0 S=1 R=3 MODE=0", "M=0 K=3"}) {
    SCOPED_TRACE(words);
    const Family family = FamilyOf(words);
    Options options;
    options.max_states = 50'000;
    const Result result = Explore(family, options);
    EXPECT_GT(result.states, 1U);
  }
}

}  // namespace
}  // namespace knotcheck::checker::testing::family_test
