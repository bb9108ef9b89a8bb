// SPDX-License-Identifier: Apache-2.0
//
// The engines against the reference explorer on random models, and on small models whose numbers
// can be counted by hand.

#include "checker/explore.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "checker/testing/family.h"
#include "checker/testing/random_model.h"
#include "checker/testing/reference.h"
#include "checker/testing/searches.h"

namespace knotcheck::checker::explore_test {
namespace {

using testing::ExploreReference;
using testing::Family;
using testing::RandomModel;
using testing::ReferenceResult;

// Seeds of random models. More of the graph itself with KNOT_WIDE, as `./dev test --all` sets it.
constexpr uint64_t kFewModels = 500;
uint64_t Models() { return std::getenv("KNOT_WIDE") == nullptr ? kFewModels : 2500; }

// A random model that counts the steps that raise each witnessed bit. The reference looks at each
// step exactly once and does not count.
class CountingModel {
 public:
  using State = RandomModel::State;
  explicit CountingModel(const RandomModel& model) : model_(model) {}
  const std::vector<State>& InitialStates() const { return model_.InitialStates(); }
  int ThreadCount() const { return model_.ThreadCount(); }
  const std::vector<Property>& Properties() const { return model_.Properties(); }
  const PackMasks& Masks() const { return model_.Masks(); }
  uint64_t AtRest(const State& s) const { return model_.AtRest(s); }
  Outcome Apply(State& s, Action action, Effects& effects) const {
    return model_.Apply(s, action, effects);
  }
  template <class Fn>
  void ForEachSuccessor(const State& s, int thread, Fn&& fn) const {
    model_.ForEachSuccessor(
        s, thread, [&](Action action, const State& next, Outcome outcome, const Effects& effects) {
          for (size_t p = 0; p < 64; ++p) witnesses[p] += effects.witnessed >> p & 1;
          fn(action, next, outcome, effects);
        });
  }
  mutable std::array<uint64_t, 64> witnesses{};

 private:
  const RandomModel& model_;
};

struct Expected {
  ReferenceResult reference;
  std::array<uint64_t, 64> witnesses;
};

Expected ExpectedOf(const RandomModel& model) {
  const CountingModel counting(model);
  const ReferenceResult reference = ExploreReference(counting);
  return Expected{reference, counting.witnesses};
}

std::string VerdictsToString(const std::vector<Verdict>& verdicts) {
  std::string text;
  for (const Verdict& v : verdicts) {
    absl::StrAppend(&text, "\n", static_cast<int>(v.status), " ", v.witnesses, " ",
                    PathToString(v.path));
  }
  return text;
}

// All that a search says, so that two can be compared and shown.
std::string ToString(const Result& r) {
  return absl::StrCat(r.states, " states, ", r.transitions, " transitions, depth ", r.depth, ", ",
                      r.at_rest, " at rest, ", r.bytes, " bytes, ", r.state_bits, " bits, end ",
                      static_cast<int>(r.end), ", levels ", absl::StrJoin(r.levels, " "),
                      VerdictsToString(r.verdicts));
}

// The counts, verdicts and paths of two searches are the same; their memory may not be.
std::string WithoutBytes(Result r) {
  r.bytes = 0;
  return ToString(r);
}

std::string ToString(const WalkResult& r) {
  return absl::StrCat(r.walks, " walks, ", r.steps, " steps, ", r.at_rest, " at rest",
                      VerdictsToString(r.verdicts));
}

bool Found(const Verdict& v) {
  return v.status == Status::kViolated || v.status == Status::kWitnessed;
}

// The length of the shortest path that shows property p, or -1.
int64_t ShortestOf(const ReferenceResult& reference, const std::vector<Property>& properties,
                   size_t p) {
  return properties[p].kind == PropertyKind::kSometimes ? reference.shortest_witness[p]
                                                        : reference.shortest_violation[p];
}

// The path of a verdict shows what the verdict says, and its last step is the one that does.
template <AnyModel M>
void ExpectShown(const M& model, size_t p, const Verdict& verdict) {
  SCOPED_TRACE(absl::StrCat("property ", p, ", path ", PathToString(verdict.path)));
  const PropertyKind kind = model.Properties()[p].kind;
  const uint64_t bit = uint64_t{1} << p;
  EXPECT_EQ(verdict.status,
            kind == PropertyKind::kSometimes ? Status::kWitnessed : Status::kViolated);
  Effects last;
  size_t visits = 0;
  const Replayed replayed =
      Replay(model, verdict.path, [&](Action action, const auto&, const auto&, const Effects& e) {
        EXPECT_EQ(action, verdict.path.actions[visits]);
        ++visits;
        last = e;
      });
  ASSERT_TRUE(replayed.possible);
  EXPECT_EQ(replayed.steps, verdict.path.actions.size());
  EXPECT_EQ(visits, replayed.steps);
  switch (kind) {
    case PropertyKind::kNever:
      EXPECT_TRUE(last.violated & bit);
      EXPECT_TRUE(replayed.violated & bit);
      break;
    case PropertyKind::kSometimes:
      EXPECT_TRUE(last.witnessed & bit);
      EXPECT_TRUE(replayed.witnessed & bit);
      break;
    case PropertyKind::kEventually:
      EXPECT_TRUE(replayed.rested);
      EXPECT_TRUE(replayed.violated & bit);
      break;
  }
}

// The verdicts of an exhausted search.
void ExpectVerdicts(const RandomModel& model, const Expected& expected, const Result& result,
                    bool shortest) {
  const auto& properties = model.Properties();
  ASSERT_EQ(result.verdicts.size(), properties.size());
  for (size_t p = 0; p < properties.size(); ++p) {
    const Verdict& verdict = result.verdicts[p];
    const int64_t length = ShortestOf(expected.reference, properties, p);
    const bool sometimes = properties[p].kind == PropertyKind::kSometimes;
    EXPECT_EQ(verdict.witnesses, expected.witnesses[p]) << "property " << p;
    if (length < 0) {
      EXPECT_EQ(verdict.status, sometimes ? Status::kNotReached : Status::kHolds)
          << "property " << p;
      EXPECT_EQ(verdict.path, Path()) << "property " << p;
      continue;
    }
    ExpectShown(model, p, verdict);
    const int64_t found = static_cast<int64_t>(verdict.path.actions.size());
    if (shortest) {
      EXPECT_EQ(found, length) << "property " << p;
    } else {
      EXPECT_GE(found, length) << "property " << p;
    }
  }
}

// The verdicts of a search that may have been cut short.
void ExpectSoundVerdicts(const RandomModel& model, const ReferenceResult& reference,
                         const std::vector<Verdict>& verdicts) {
  const auto& properties = model.Properties();
  ASSERT_EQ(verdicts.size(), properties.size());
  for (size_t p = 0; p < properties.size(); ++p) {
    const Verdict& verdict = verdicts[p];
    if (!Found(verdict)) {
      EXPECT_EQ(verdict.status, Status::kIncomplete) << "property " << p;
      EXPECT_EQ(verdict.path, Path()) << "property " << p;
      continue;
    }
    const int64_t length = ShortestOf(reference, properties, p);
    EXPECT_GE(length, 0) << "property " << p;
    EXPECT_GE(static_cast<int64_t>(verdict.path.actions.size()), length) << "property " << p;
    ExpectShown(model, p, verdict);
  }
}

TEST(ExploreTest, AgreesWithTheReferenceOnRandomModels) {
  for (uint64_t seed = 0; seed < Models() && !HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    const RandomModel model(seed);
    const Expected expected = ExpectedOf(model);
    const ReferenceResult& reference = expected.reference;
    for (const Order order : {Order::kBreadthFirst, Order::kDepthFirst}) {
      const bool breadth_first = order == Order::kBreadthFirst;
      SCOPED_TRACE(breadth_first ? "breadth-first" : "depth-first");
      Options options;
      options.order = order;
      const Result result = Explore(model, options);
      EXPECT_EQ(result.end, End::kExhausted);
      EXPECT_EQ(result.states, reference.states);
      EXPECT_EQ(result.transitions, reference.transitions);
      EXPECT_EQ(result.at_rest, reference.at_rest);
      EXPECT_EQ(result.depth, breadth_first ? reference.depth : 0);
      ExpectVerdicts(model, expected, result, breadth_first);
      EXPECT_EQ(ToString(result), ToString(Explore(model, options)));
      if (breadth_first) {
        uint64_t states = 0;
        for (const uint64_t level : result.levels) states += level;
        EXPECT_EQ(states, result.states);
        EXPECT_EQ(result.levels.size(), result.depth + 1);
      }
      options.threads = seed % 16 == 0 ? 8 : 2;
      EXPECT_EQ(ToString(result), ToString(Explore(model, options)));
      options.storage = Storage::kTree;
      const Result tree = Explore(model, options);
      EXPECT_EQ(WithoutBytes(tree), WithoutBytes(result));
      options.threads = 1;
      EXPECT_EQ(ToString(tree), ToString(Explore(model, options)));
    }
  }
}

TEST(ExploreTest, StopsWhenAllAskedForAreViolated) {
  int stopped = 0;
  for (uint64_t seed = 0; seed < kFewModels && !HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    const RandomModel model(seed);
    const auto& properties = model.Properties();
    const ReferenceResult reference = ExploreReference(model);
    for (const Order order : {Order::kBreadthFirst, Order::kDepthFirst}) {
      Options options;
      options.order = order;
      const Result whole = Explore(model, options);
      // The first two that can be violated, and the level in which the second one is.
      size_t last = 0;
      for (size_t p = 0; p < properties.size(); ++p) {
        const Verdict& verdict = whole.verdicts[p];
        if (verdict.status != Status::kViolated || std::popcount(options.stop_when_violated) == 2) {
          continue;
        }
        options.stop_when_violated |= uint64_t{1} << p;
        last = std::max(last, verdict.path.actions.size());
      }
      const Result result = Explore(model, options);
      if (options.stop_when_violated == 0) {
        EXPECT_EQ(ToString(result), ToString(whole));
        continue;
      }
      ExpectSoundVerdicts(model, reference, result.verdicts);
      ++stopped;
      EXPECT_EQ(result.end, End::kStopped);
      for (size_t p = 0; p < properties.size(); ++p) {
        if (options.stop_when_violated >> p & 1) {
          EXPECT_EQ(result.verdicts[p].path, whole.verdicts[p].path);
        }
      }
      if (order == Order::kBreadthFirst) {
        EXPECT_LE(result.depth, last);
      }
      options.threads = 3;
      EXPECT_EQ(ToString(result), ToString(Explore(model, options)));
    }
  }
  EXPECT_GT(stopped, static_cast<int>(kFewModels / 2));
}

TEST(ExploreTest, StopsAtTheFirstViolation) {
  int stopped = 0;
  for (uint64_t seed = 0; seed < kFewModels && !HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    const RandomModel model(seed);
    const auto& properties = model.Properties();
    const ReferenceResult reference = ExploreReference(model);
    int64_t shortest = -1;
    for (size_t p = 0; p < properties.size(); ++p) {
      const int64_t length = reference.shortest_violation[p];
      if (properties[p].kind == PropertyKind::kNever && length >= 0) {
        shortest = shortest < 0 ? length : std::min(shortest, length);
      }
    }
    for (const Order order : {Order::kBreadthFirst, Order::kDepthFirst}) {
      Options options;
      options.order = order;
      const Result whole = Explore(model, options);
      options.stop_at_violation = true;
      const Result result = Explore(model, options);
      EXPECT_EQ(ToString(result), ToString(Explore(model, options)));
      if (shortest < 0) {
        EXPECT_EQ(ToString(result), ToString(whole));
        continue;
      }
      ++stopped;
      EXPECT_EQ(result.end, End::kStopped);
      EXPECT_LE(result.states, whole.states);
      EXPECT_LE(result.transitions, whole.transitions);
      ExpectSoundVerdicts(model, reference, result.verdicts);
      int64_t found = -1;
      for (size_t p = 0; p < properties.size(); ++p) {
        const Verdict& verdict = result.verdicts[p];
        if (verdict.status == Status::kViolated && properties[p].kind == PropertyKind::kNever) {
          const int64_t length = static_cast<int64_t>(verdict.path.actions.size());
          found = found < 0 ? length : std::min(found, length);
        }
        // What it found before it stopped is what it finds when it does not stop.
        if (Found(verdict)) {
          EXPECT_EQ(verdict.path, whole.verdicts[p].path) << "property " << p;
        }
      }
      ASSERT_GE(found, 0);
      if (order == Order::kBreadthFirst) {
        EXPECT_EQ(found, shortest);
      }
    }
  }
  EXPECT_GT(stopped, static_cast<int>(kFewModels / 2));
}

RC_GTEST_PROP(ExploreTest, StateLimit, ()) {
  const auto seed = *rc::gen::inRange<uint64_t>(0, 1'000'000);
  const RandomModel model(seed);
  const ReferenceResult reference = ExploreReference(model);
  Options options;
  options.order = *rc::gen::element(Order::kBreadthFirst, Order::kDepthFirst);
  options.max_states = *rc::gen::inRange<uint64_t>(1, reference.states + 1);
  const Result result = Explore(model, options);
  RC_ASSERT(result.end == End::kStateLimit);
  RC_ASSERT(result.states == options.max_states);
  RC_ASSERT(result.transitions <= reference.transitions);
  ExpectSoundVerdicts(model, reference, result.verdicts);
  RC_ASSERT(!::testing::Test::HasFailure());
  RC_ASSERT(ToString(result) == ToString(Explore(model, options)));
  options.threads = *rc::gen::inRange(1, 5);
  RC_ASSERT(ToString(result) == ToString(Explore(model, options)));

  options.max_states = reference.states + 1;
  RC_ASSERT(Explore(model, options).end == End::kExhausted);
}

// Two threads that count to two, each for itself: nine states in a square of which all but the
// last column and row have two successors.
class Square {
 public:
  struct State {
    uint8_t at[8];
  };
  enum : uint64_t { kNeverLast = 0, kSometimesFirst = 1, kEventually = 2, kNever = 3 };

  Square() {
    properties_ = {
        Property{"a-last-after-b", PropertyKind::kNever, "", ""},
        Property{"b-starts", PropertyKind::kSometimes, "", ""},
        Property{"rest", PropertyKind::kEventually, "", ""},
        Property{"no-such-thing", PropertyKind::kNever, "", ""},
    };
  }
  const std::vector<State>& InitialStates() const { return initial_; }
  int ThreadCount() const { return 2; }
  const std::vector<Property>& Properties() const { return properties_; }
  const PackMasks& Masks() const { return masks_; }
  uint64_t AtRest(const State& s) const {
    return s.at[0] == 2 && s.at[1] == 2 ? 1u << kEventually : 0;
  }
  Outcome Apply(State& s, Action action, Effects& effects) const {
    // Whoever asks for other threads has a bug: models need not expect it.
    EXPECT_LT(action.thread, ThreadCount());
    if (action.thread > 1 || action.choice != 0 || s.at[action.thread] == 2) {
      return Outcome::kDisabled;
    }
    ++s.at[action.thread];
    if (action.thread == 0 && s.at[0] == 2 && s.at[1] == 2) effects.violated |= 1u << kNeverLast;
    if (action.thread == 1 && s.at[1] == 1) effects.witnessed |= 1u << kSometimesFirst;
    return Outcome::kStepped;
  }
  template <class Fn>
  void ForEachSuccessor(const State& s, int thread, Fn&& fn) const {
    State next = s;
    Effects effects;
    const Action action{static_cast<uint16_t>(thread), 0};
    const Outcome outcome = Apply(next, action, effects);
    if (outcome == Outcome::kStepped) fn(action, next, outcome, effects);
  }

 private:
  std::vector<State> initial_ = {State{}};
  std::vector<Property> properties_;
  PackMasks masks_ = {{0x0303}};
};

TEST(ExploreTest, CountsASquare) {
  const Result result = Explore(Square(), Options());
  EXPECT_EQ(result.states, 9U);
  EXPECT_EQ(result.transitions, 12U);
  EXPECT_EQ(result.depth, 4U);
  EXPECT_EQ(result.at_rest, 1U);
  EXPECT_EQ(result.state_bits, 4);
  EXPECT_EQ(result.end, End::kExhausted);
  // Each state is first reached by the earliest action of the earliest state.
  EXPECT_EQ(VerdictsToString(result.verdicts),
            "\n1 0 0:abba"  // violated
            "\n2 3 0:b"     // witnessed, by one step in each row
            "\n1 0 0:aabb"  // at rest
            "\n0 0 0:");    // holds
}

TEST(ExploreTest, DepthFirstTakesTheLatestFirst) {
  Options options;
  options.order = Order::kDepthFirst;
  const Result result = Explore(Square(), options);
  EXPECT_EQ(result.states, 9U);
  EXPECT_EQ(result.transitions, 12U);
  EXPECT_EQ(result.at_rest, 1U);
  EXPECT_EQ(VerdictsToString(result.verdicts), "\n1 0 0:bbaa\n2 3 0:b\n1 0 0:bbaa\n0 0 0:");
}

// Thread 0 has three ways to the same state, after which thread 1's step is a violation.
class Twins : public Square {
 public:
  Outcome Apply(State& s, Action action, Effects& effects) const {
    if (action.thread > 1 || action.choice > (action.thread == 0 ? 2 : 0)) {
      return Outcome::kDisabled;
    }
    if (s.at[0] != action.thread) return Outcome::kBlocked;
    ++s.at[0];
    if (action.thread == 1) effects.violated = 1u << kNever;
    return Outcome::kStepped;
  }
  template <class Fn>
  void ForEachSuccessor(const State& s, int thread, Fn&& fn) const {
    for (uint16_t choice = 0; choice < 3; ++choice) {
      State next = s;
      Effects effects;
      const Action action{static_cast<uint16_t>(thread), choice};
      const Outcome outcome = Apply(next, action, effects);
      if (outcome == Outcome::kStepped) fn(action, next, outcome, effects);
    }
  }
};

TEST(ExploreTest, PathsTakeTheFirstOfEqualActions) {
  const Result result = Explore(Twins(), Options());
  EXPECT_EQ(result.states, 3U);
  EXPECT_EQ(result.transitions, 4U);
  EXPECT_EQ(PathToString(result.verdicts[Square::kNever].path), "0:ab");
}

TEST(ReplayTest, StopsAtTheFirstImpossibleAction) {
  const Square square;
  const auto replay = [&square](const char* text) { return Replay(square, *PathFromString(text)); };
  const Replayed rest = replay("0:abba");
  EXPECT_TRUE(rest.possible);
  EXPECT_TRUE(rest.rested);
  EXPECT_EQ(rest.steps, 4U);
  EXPECT_EQ(rest.violated, 1u << Square::kNeverLast | 1u << Square::kEventually);
  EXPECT_EQ(rest.witnessed, 1u << Square::kSometimesFirst);
  // The same steps in another order end in the same state, but show something else.
  EXPECT_EQ(replay("0:aabb").violated, 1u << Square::kEventually);

  const Replayed part = replay("0:abb");
  EXPECT_TRUE(part.possible);
  EXPECT_FALSE(part.rested);
  EXPECT_EQ(part.violated, 0U);

  for (const char* text : {"0:abbba", "0:abba1", "0:abbc", "0:abbz"}) {
    const Replayed bad = replay(text);
    EXPECT_FALSE(bad.possible) << text;
    EXPECT_FALSE(bad.rested) << text;
    EXPECT_EQ(bad.steps, 3U) << text;
  }
  EXPECT_FALSE(replay("1:a").possible);
  EXPECT_EQ(replay("1:a").steps, 0U);
}

// Its steps are faults that leave the state as it is, so that only the fault forbids another one.
class Faulty : public Square {
 public:
  Outcome Apply(State&, Action, Effects&) const { return Outcome::kFault; }
  template <class Fn>
  void ForEachSuccessor(const State& s, int thread, Fn&& fn) const {
    fn(Action{static_cast<uint16_t>(thread), 0}, s, Outcome::kFault, Effects());
  }
  uint64_t AtRest(const State&) const { return 1u << kEventually; }
};

TEST(ReplayTest, NothingFollowsAFault) {
  const Replayed one = Replay(Faulty(), *PathFromString("0:a"));
  EXPECT_TRUE(one.possible);
  EXPECT_FALSE(one.rested);
  EXPECT_EQ(one.violated, 0U);
  const Replayed two = Replay(Faulty(), *PathFromString("0:ab"));
  EXPECT_FALSE(two.possible);
  EXPECT_EQ(two.steps, 1U);
}

TEST(ExploreTest, NothingFollowsAFault) {
  const Result result = Explore(Faulty(), Options());
  EXPECT_EQ(result.states, 1U);
  EXPECT_EQ(result.transitions, 2U);
  EXPECT_EQ(result.at_rest, 0U);
  EXPECT_EQ(result.verdicts[Square::kEventually].status, Status::kHolds);
}

TEST(WalkTest, NothingFollowsAFault) {
  WalkOptions options;
  options.walks = 10;
  const WalkResult result = Walk(Faulty(), options);
  EXPECT_EQ(result.steps, 10U);
  EXPECT_EQ(result.at_rest, 0U);
  EXPECT_EQ(result.verdicts[Square::kEventually].status, Status::kIncomplete);
}

// 252,555 states and 755,032 transitions: limits are looked at every 4,096 states.
Family LargeFamily() {
  testing::FamilyParameters parameters;
  parameters.N = 2;
  parameters.S = 2;
  parameters.SIG = 1;
  parameters.FIX = 1;
  return Family(parameters);
}
constexpr uint64_t kLargeTransitions = 755'032;

void ExpectIncomplete(const Result& result) {
  EXPECT_EQ(result.verdicts[Family::kToctou].status, Status::kIncomplete);
  EXPECT_EQ(result.verdicts[Family::kPinOutlives].status, Status::kIncomplete);
  const Verdict& read = result.verdicts[Family::kApprovedRead];
  EXPECT_EQ(read.status, read.witnesses > 0 ? Status::kWitnessed : Status::kIncomplete);
  EXPECT_LT(result.transitions, kLargeTransitions);
}

TEST(ExploreTest, MemoryLimit) {
  const Family family = LargeFamily();
  for (const Order order : {Order::kBreadthFirst, Order::kDepthFirst}) {
    Options options;
    options.order = order;
    options.max_bytes = 1;
    const Result least = Explore(family, options);
    EXPECT_EQ(least.end, End::kMemoryLimit);
    EXPECT_EQ(least.states, 1U);
    EXPECT_EQ(least.transitions, 0U);
    ExpectIncomplete(least);

    options.max_bytes = 2 << 20;
    const Result some = Explore(family, options);
    EXPECT_EQ(some.end, End::kMemoryLimit);
    EXPECT_GT(some.states, least.states);
    // What one round discovers comes on top.
    EXPECT_GT(some.bytes, options.max_bytes);
    EXPECT_LT(some.bytes, options.max_bytes + (1 << 20));
    ExpectIncomplete(some);

    options.max_bytes = uint64_t{1} << 30;
    EXPECT_EQ(Explore(family, options).end, End::kExhausted);
  }
}

TEST(ExploreTest, StateLimitLeavesWhatWasFound) {
  testing::FamilyParameters parameters;
  parameters.MODE = 0;
  const Family family(parameters);
  Options options;
  const Result whole = Explore(family, options);
  ASSERT_EQ(whole.verdicts[Family::kToctou].status, Status::kViolated);
  options.max_states = whole.states;
  const Result result = Explore(family, options);
  EXPECT_EQ(result.end, End::kStateLimit);
  EXPECT_EQ(result.verdicts[Family::kToctou].status, Status::kViolated);
  EXPECT_EQ(result.verdicts[Family::kToctou].path, whole.verdicts[Family::kToctou].path);
  EXPECT_EQ(result.verdicts[Family::kPinOutlives].status, Status::kIncomplete);
}

TEST(ExploreTest, Interrupted) {
  const Family family = LargeFamily();
  std::atomic<bool> interrupted = true;
  Options options;
  options.interrupted = &interrupted;
  const Result result = Explore(family, options);
  EXPECT_EQ(result.end, End::kInterrupted);
  EXPECT_EQ(result.transitions, 0U);
  ExpectIncomplete(result);

  interrupted = false;
  EXPECT_EQ(Explore(family, options).end, End::kExhausted);

  // Between two looks at the flag.
  options.progress = [&interrupted](const Progress& progress) {
    if (progress.transitions > 200'000) interrupted = true;
  };
  const Result later = Explore(family, options);
  EXPECT_EQ(later.end, End::kInterrupted);
  EXPECT_GT(later.transitions, 200'000U);
  ExpectIncomplete(later);
}

TEST(ExploreTest, ReportsProgress) {
  const Family family = LargeFamily();
  for (const Order order : {Order::kBreadthFirst, Order::kDepthFirst}) {
    Options options;
    options.order = order;
    const std::string silent = ToString(Explore(family, options));
    std::vector<Progress> reports;
    options.progress = [&reports](const Progress& progress) { reports.push_back(progress); };
    const Result result = Explore(family, options);
    EXPECT_EQ(ToString(result), silent);
    EXPECT_GT(reports.size(), 5U);
    Progress last;
    for (const Progress& report : reports) {
      EXPECT_GE(report.transitions, last.transitions + (1 << 16));
      EXPECT_LT(report.transitions, last.transitions + (1 << 17));
      EXPECT_GT(report.states, last.states);
      EXPECT_GE(report.depth, last.depth);
      EXPECT_GE(report.bytes, last.bytes);
      EXPECT_LT(report.queued, report.states);
      last = report;
    }
    EXPECT_LE(last.states, result.states);
    EXPECT_LE(last.bytes, result.bytes);
    EXPECT_LE(last.depth, result.depth);
  }
}

class TooManyProperties : public Square {
 public:
  std::vector<Property> Properties() const { return std::vector<Property>(65); }
};

TEST(ExploreDeathTest, SixtyFivePropertiesAreABug) {
  EXPECT_EXIT(Explore(TooManyProperties(), Options()), ::testing::ExitedWithCode(70),
              "properties.size\\(\\) <= 64");
}

TEST(WalkTest, ReportsNothingThatTheReferenceDoesNotHave) {
  int found = 0;
  for (uint64_t seed = 0; seed < kFewModels && !HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    const RandomModel model(seed);
    const ReferenceResult reference = ExploreReference(model);
    WalkOptions options;
    options.seed = seed;
    options.walks = 20;
    options.max_steps = 50;
    const WalkResult result = Walk(model, options);
    EXPECT_EQ(result.walks, options.walks);
    EXPECT_LE(result.steps, options.walks * options.max_steps);
    EXPECT_LE(result.at_rest, reference.at_rest > 0 ? result.walks : 0);
    ExpectSoundVerdicts(model, reference, result.verdicts);
    for (size_t p = 0; p < result.verdicts.size(); ++p) {
      found += Found(result.verdicts[p]);
      if (result.verdicts[p].witnesses > 0) {
        EXPECT_TRUE(reference.witnessed >> p & 1);
      }
    }
    EXPECT_EQ(ToString(result), ToString(Walk(model, options)));
  }
  EXPECT_GT(found, 1000);
}

TEST(WalkTest, RunsToTheEnd) {
  WalkOptions options;
  options.walks = 100;
  const WalkResult result = Walk(Square(), options);
  EXPECT_EQ(result.walks, 100U);
  EXPECT_EQ(result.steps, 400U);
  EXPECT_EQ(result.at_rest, 100U);
  EXPECT_EQ(result.verdicts[Square::kNeverLast].status, Status::kViolated);
  EXPECT_EQ(result.verdicts[Square::kNeverLast].path.actions.size(), 4U);
  EXPECT_EQ(result.verdicts[Square::kSometimesFirst].status, Status::kWitnessed);
  EXPECT_EQ(result.verdicts[Square::kSometimesFirst].witnesses, 100U);
  EXPECT_EQ(result.verdicts[Square::kEventually].status, Status::kViolated);
  EXPECT_EQ(result.verdicts[Square::kNever].status, Status::kIncomplete);
}

TEST(WalkTest, StepLimit) {
  WalkOptions options;
  options.walks = 100;
  options.max_steps = 3;
  const WalkResult result = Walk(Square(), options);
  EXPECT_EQ(result.steps, 300U);
  EXPECT_EQ(result.at_rest, 0U);
  EXPECT_EQ(result.verdicts[Square::kEventually].status, Status::kIncomplete);
}

TEST(WalkTest, CountsTheStatesThatItCameTo) {
  // 166 states, as the README of bench/peers says.
  const testing::Family family(*testing::ParseFamily({"N=1"}));
  WalkOptions options;
  options.walks = 1;
  options.max_steps = 1;
  const WalkResult one = Walk(family, options);
  EXPECT_EQ(one.distinct, 1U);
  EXPECT_EQ(one.once, 1U);
  EXPECT_EQ(one.Unseen(), 1);
  options.walks = 20'000;
  options.max_steps = 1000;
  const WalkResult many = Walk(family, options);
  // Nothing leads back to the initial state, and some of the others are unlikely.
  EXPECT_LE(many.distinct, 165U);
  EXPECT_GT(many.distinct, 80U);
  EXPECT_EQ(many.visits, many.steps);
  EXPECT_LT(many.once, many.distinct / 2);
  EXPECT_LT(many.Unseen(), 0.001);
}

TEST(WalkTest, Interrupted) {
  const std::atomic<bool> interrupted = true;
  WalkOptions options;
  options.interrupted = &interrupted;
  const WalkResult result = Walk(Square(), options);
  EXPECT_EQ(result.walks, 0U);
  EXPECT_EQ(result.steps, 0U);
  for (const Verdict& verdict : result.verdicts) EXPECT_EQ(verdict.status, Status::kIncomplete);
}

// Thread 0 has one action and thread 1 has two, once. All three must be as likely.
class Fork : public Square {
 public:
  Outcome Apply(State& s, Action action, Effects& effects) const {
    if (s.at[0] != 0 || action.thread > 1 || action.choice > action.thread) {
      return Outcome::kDisabled;
    }
    s.at[0] = 1;
    effects.witnessed = uint64_t{1} << (action.thread + action.choice);
    return Outcome::kStepped;
  }
  template <class Fn>
  void ForEachSuccessor(const State& s, int thread, Fn&& fn) const {
    for (uint16_t choice = 0; choice < 2; ++choice) {
      State next = s;
      Effects effects;
      const Action action{static_cast<uint16_t>(thread), choice};
      const Outcome outcome = Apply(next, action, effects);
      if (outcome == Outcome::kStepped) fn(action, next, outcome, effects);
    }
  }
};

TEST(WalkTest, AllActionsAreAsLikely) {
  WalkOptions options;
  options.walks = 30'000;
  const WalkResult result = Walk(Fork(), options);
  EXPECT_EQ(result.steps, options.walks);
  for (size_t p = 0; p < 3; ++p) {
    // Six standard deviations.
    EXPECT_NEAR(static_cast<double>(result.verdicts[p].witnesses), 10'000, 490) << p;
  }
}

TEST(WalkTest, TheSeedChoosesTheWalks) {
  const Family family = LargeFamily();
  WalkOptions options;
  options.walks = 100;
  const std::string first = ToString(Walk(family, options));
  options.seed = 2;
  EXPECT_NE(ToString(Walk(family, options)), first);
}

}  // namespace
}  // namespace knotcheck::checker::explore_test
