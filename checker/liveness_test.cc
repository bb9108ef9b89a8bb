// SPDX-License-Identifier: Apache-2.0
//
// Liveness on small models whose verdicts can be argued by hand, and on random ones against a
// fixpoint that knows neither components nor packed states.

#include "checker/liveness.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "checker/testing/random_model.h"
#include "checker/testing/starving_reference.h"

namespace knotcheck::checker::liveness_test {
namespace {

using testing::RandomModel;
using testing::StarvingReference;

// Eight bytes, and threads that are functions from a state to the states that a step may lead to.
class Toy {
 public:
  struct State {
    uint8_t byte[8] = {};
  };
  using Thread = std::function<std::vector<State>(State)>;

  Toy(std::vector<Thread> threads, std::function<uint64_t(const State&)> pending,
      uint64_t fair = ~uint64_t{0})
      : threads_(std::move(threads)), pending_(std::move(pending)), fair_(fair) {
    masks_.words = {~uint64_t{0}};
  }
  const std::vector<State>& InitialStates() const { return initial_; }
  int ThreadCount() const { return static_cast<int>(threads_.size()); }
  const std::vector<Property>& Properties() const { return properties_; }
  const PackMasks& Masks() const { return masks_; }
  uint64_t AtRest(const State&) const { return 0; }
  int ObligationCount() const { return 1; }
  uint64_t Pending(const State& s) const { return pending_(s); }
  uint64_t FairThreads(const State&) const { return fair_; }
  Outcome Apply(State& s, Action action, Effects&) const {
    const std::vector<State> next = threads_[action.thread](s);
    if (action.choice >= next.size()) return Outcome::kBlocked;
    s = next[action.choice];
    return Outcome::kStepped;
  }
  template <class Fn>
  void ForEachSuccessor(const State& s, int thread, Fn&& fn) const {
    uint16_t choice = 0;
    for (const State& next : threads_[static_cast<size_t>(thread)](s)) {
      fn(Action{static_cast<uint16_t>(thread), choice++}, next, Outcome::kStepped, Effects());
    }
  }

 private:
  std::vector<State> initial_ = {State()};
  std::vector<Thread> threads_;
  std::function<uint64_t(const State&)> pending_;
  uint64_t fair_;
  std::vector<Property> properties_;
  PackMasks masks_;
};
static_assert(LivenessModel<Toy>);
using S = Toy::State;

LivenessResult Judge(const Toy& toy) {
  LivenessResult result = CheckLiveness(toy, {});
  EXPECT_EQ(result.end, LivenessEnd::kExhausted);
  EXPECT_EQ(result.obligations.size(), 1u);
  const Obligation& obligation = result.obligations[0];
  if (obligation.status == LivenessStatus::kStarved) {
    EXPECT_EQ(LassoFault(toy, obligation.lasso, 0), "");
  }
  return result;
}
LivenessStatus StatusOf(const Toy& toy) { return Judge(toy).obligations[0].status; }

// A program counter that runs 0, 1, ..., n-1 and begins again.
Toy::Thread Spin(int byte, uint8_t n) {
  return [byte, n](S s) {
    s.byte[byte] = static_cast<uint8_t>((s.byte[byte] + 1) % n);
    return std::vector<S>{s};
  };
}

TEST(Liveness, ASpinningThreadStarvesOnlyWhomNobodyMustRun) {
  // Thread 1 wants one step, thread 0 spins for ever. The step is always enabled: who must get his
  // turn takes it; who need not may be left out while the other spins.
  const std::vector<Toy::Thread> threads = {Spin(0, 3), [](S s) {
                                              std::vector<S> next;
                                              if (s.byte[1] == 0) next.push_back(s);
                                              for (S& n : next) n.byte[1] = 1;
                                              return next;
                                            }};
  const auto wants = [](const S& s) -> uint64_t { return s.byte[1] == 0; };
  EXPECT_EQ(StatusOf(Toy(threads, wants)), LivenessStatus::kHolds);
  const LivenessResult result = Judge(Toy(threads, wants, 1));
  ASSERT_EQ(result.obligations[0].status, LivenessStatus::kStarved);
  EXPECT_EQ(result.states, 6u);
  EXPECT_EQ(result.obligations[0].pending, 3u);
  EXPECT_EQ(result.obligations[0].components, 1u);
  EXPECT_TRUE(result.obligations[0].lasso.stem.actions.empty());
  EXPECT_EQ(result.obligations[0].lasso.cycle, (std::vector<Action>{{0, 0}, {0, 0}, {0, 0}}));
}

// Byte 0 is the lock: 0, or one plus its owner.
Toy::Thread Locker(uint8_t me, bool goes_on) {
  return [me, goes_on](S s) -> std::vector<S> {
    uint8_t& pc = s.byte[me + 1];
    if (pc == 0 || pc == 3) {
      if (pc == 3 && !goes_on) return {};
      if (s.byte[0] != 0) return {};
      s.byte[0] = static_cast<uint8_t>(me + 1);
      pc = 1;
    } else {
      s.byte[0] = 0;
      pc = 3;
    }
    return {s};
  };
}

TEST(Liveness, ALockIsOnlyAsFairAsItsQueue) {
  const auto second_waits = [](const S& s) -> uint64_t { return s.byte[2] == 0; };
  // Who takes the lock once and for all cannot keep the other out.
  EXPECT_EQ(StatusOf(Toy({Locker(0, false), Locker(1, false)}, second_waits)),
            LivenessStatus::kHolds);
  // Who takes it again and again can: the other is disabled infinitely often, which is all that
  // weak fairness needs to pass over it.
  EXPECT_EQ(StatusOf(Toy({Locker(0, true), Locker(1, false)}, second_waits)),
            LivenessStatus::kStarved);
  // With a ticket (byte 4: who is next) the lock is handed over, and everybody has it in turn.
  const auto with_ticket = [](uint8_t me) -> Toy::Thread {
    return [me](S s) -> std::vector<S> {
      if (s.byte[4] != me) return {};
      uint8_t& pc = s.byte[me + 1];
      pc = pc == 1 ? 3 : 1;
      if (pc == 3) s.byte[4] = static_cast<uint8_t>(1 - me);
      return {s};
    };
  };
  EXPECT_EQ(StatusOf(Toy({with_ticket(0), with_ticket(1)}, second_waits)), LivenessStatus::kHolds);
}

// Byte 0: sleeping, byte 1: work is there, byte 2: the producer's counter. `tests_first`: the
// consumer looks and falls asleep in two steps.
Toy Sleeper(bool tests_first) {
  const Toy::Thread consumer = [tests_first](S s) -> std::vector<S> {
    switch (s.byte[0]) {
      case 0:  // Looks.
        s.byte[0] = s.byte[1] ? 3 : tests_first ? 1 : 2;
        return {s};
      case 1:  // Falls asleep, whatever has happened since.
        s.byte[0] = 2;
        return {s};
      default:
        return {};
    }
  };
  const Toy::Thread producer = [](S s) -> std::vector<S> {
    if (s.byte[2] == 0) {
      s.byte[1] = 1;
      s.byte[2] = 1;
    } else if (s.byte[2] == 1) {
      if (s.byte[0] == 2) s.byte[0] = 0;  // Wakes whoever sleeps.
      s.byte[2] = 2;
    } else {
      return {};
    }
    return {s};
  };
  return Toy({consumer, producer}, [](const S& s) -> uint64_t { return s.byte[0] != 3; });
}

TEST(Liveness, ALostWakeUpEndsInARunThatStops) {
  // Look and sleep at once: the wake-up comes after the work is there, so it is never too early.
  EXPECT_EQ(StatusOf(Sleeper(false)), LivenessStatus::kHolds);
  const LivenessResult result = Judge(Sleeper(true));
  ASSERT_EQ(result.obligations[0].status, LivenessStatus::kStarved);
  EXPECT_TRUE(result.obligations[0].lasso.cycle.empty());
  // Look, work, wake (nobody), sleep.
  EXPECT_EQ(PathToString(result.obligations[0].lasso.stem), "0:abba");
}

TEST(Liveness, BackingOffForEverIsALivelock) {
  // Each raises its flag (bytes 0 and 1), sees whether the other's is up too, and then lowers its
  // own again. In step with each other they do so for ever, though both get their turns.
  const auto polite = [](uint8_t me) -> Toy::Thread {
    return [me](S s) -> std::vector<S> {
      uint8_t& pc = s.byte[2 + me];
      if (pc == 0) {
        s.byte[me] = 1;
        pc = 1;
      } else if (pc == 1) {
        pc = s.byte[1 - me] ? 2 : 3;
      } else if (pc == 2) {
        s.byte[me] = 0;
        pc = 0;
      } else {
        return {};
      }
      return {s};
    };
  };
  const auto nobody_is_in = [](const S& s) -> uint64_t { return s.byte[2] != 3 && s.byte[3] != 3; };
  const LivenessResult result = Judge(Toy({polite(0), polite(1)}, nobody_is_in));
  ASSERT_EQ(result.obligations[0].status, LivenessStatus::kStarved);
  std::set<uint16_t> stepped;
  for (const Action action : result.obligations[0].lasso.cycle) stepped.insert(action.thread);
  EXPECT_EQ(stepped, (std::set<uint16_t>{0, 1}));
  // Alone, one gets in.
  EXPECT_EQ(StatusOf(Toy({polite(0)}, nobody_is_in)), LivenessStatus::kHolds);
}

TEST(Liveness, PreemptedForEverIsNoViolation) {
  // Thread 1 has three steps to do while thread 0 changes nothing at all, for ever: self loops. A
  // scheduler that forgets thread 1 is not fair.
  const Toy::Thread idle = [](S s) { return std::vector<S>{s}; };
  const Toy::Thread worker = [](S s) -> std::vector<S> {
    if (s.byte[0] == 3) return {};
    ++s.byte[0];
    return {s};
  };
  const auto busy = [](const S& s) -> uint64_t { return s.byte[0] != 3; };
  EXPECT_EQ(StatusOf(Toy({idle, worker}, busy)), LivenessStatus::kHolds);
  // But a wait that only itself can end is starved, and the self loop is the cycle.
  const Toy::Thread stuck = [](S s) -> std::vector<S> {
    if (s.byte[0] == 2) return {};
    ++s.byte[0];
    return {s};
  };
  const LivenessResult result = Judge(Toy({idle, stuck}, busy));
  ASSERT_EQ(result.obligations[0].status, LivenessStatus::kStarved);
  EXPECT_EQ(PathToString(result.obligations[0].lasso.stem), "0:bb");
  EXPECT_EQ(result.obligations[0].lasso.cycle, (std::vector<Action>{{0, 0}}));
}

TEST(Liveness, ARestartStorm) {
  // A call (byte 0: 0 before, 1 in it, 2 done) needs two steps; a signal sends it back to its
  // beginning. Who only ever waits for the call's end is not waiting at one place: the call moves,
  // and so does its thread, but it never ends. `signals`: how many there are; 9: no end of them.
  const auto storm = [](uint8_t signals) {
    const Toy::Thread call = [](S s) -> std::vector<S> {
      if (s.byte[0] == 2) return {};
      s.byte[0] = s.byte[1] ? 0 : static_cast<uint8_t>(s.byte[0] + 1);
      s.byte[1] = 0;
      return {s};
    };
    const Toy::Thread sender = [signals](S s) -> std::vector<S> {
      if (s.byte[1] || s.byte[2] == signals) return {};
      s.byte[1] = 1;
      if (signals != 9) ++s.byte[2];
      return {s};
    };
    return std::vector<Toy::Thread>{call, sender};
  };
  const auto not_done = [](const S& s) -> uint64_t { return s.byte[0] != 2; };
  // Nobody must send a signal, but somebody may.
  const LivenessResult result = Judge(Toy(storm(9), not_done, 1));
  ASSERT_EQ(result.obligations[0].status, LivenessStatus::kStarved);
  EXPECT_FALSE(result.obligations[0].lasso.cycle.empty());
  EXPECT_EQ(StatusOf(Toy(storm(5), not_done, 1)), LivenessStatus::kHolds);
}

TEST(Liveness, NobodyMustComeToTheRescue) {
  // Thread 0 waits for a signal, and only thread 1 could send it. Where it must, it does; where it
  // need not, the run may stop, although something could still happen.
  const Toy::Thread waits = [](S s) -> std::vector<S> {
    if (s.byte[0] != 1) return {};
    s.byte[0] = 2;
    return {s};
  };
  const Toy::Thread sends = [](S s) -> std::vector<S> {
    if (s.byte[0] != 0) return {};
    s.byte[0] = 1;
    return {s};
  };
  const auto not_done = [](const S& s) -> uint64_t { return s.byte[0] != 2; };
  EXPECT_EQ(StatusOf(Toy({waits, sends}, not_done)), LivenessStatus::kHolds);
  const LivenessResult result = Judge(Toy({waits, sends}, not_done, 1));
  ASSERT_EQ(result.obligations[0].status, LivenessStatus::kStarved);
  EXPECT_TRUE(result.obligations[0].lasso.stem.actions.empty());
  EXPECT_TRUE(result.obligations[0].lasso.cycle.empty());
}

TEST(Liveness, OneStateWithoutASelfLoopIsNoCycle) {
  // Two steps through a pending state, and out of it for ever.
  const Toy::Thread walk = [](S s) -> std::vector<S> {
    s.byte[0] = static_cast<uint8_t>(std::min(s.byte[0] + 1, 2));
    return {s};
  };
  EXPECT_EQ(StatusOf(Toy({walk}, [](const S& s) -> uint64_t { return s.byte[0] == 1; })),
            LivenessStatus::kHolds);
  EXPECT_EQ(StatusOf(Toy({walk}, [](const S& s) -> uint64_t { return s.byte[0] == 2; })),
            LivenessStatus::kStarved);
  EXPECT_EQ(StatusOf(Toy({walk}, [](const S&) -> uint64_t { return 0; })), LivenessStatus::kHolds);
}

TEST(Liveness, LimitsAndInterrupts) {
  // A counter that rests at 150; nothing is owed before.
  const Toy::Thread count = [](S s) -> std::vector<S> {
    if (s.byte[0] == 150) return {};
    ++s.byte[0];
    return {s};
  };
  const Toy late({count}, [](const S& s) -> uint64_t { return s.byte[0] == 150; });
  LivenessOptions options;
  options.max_states = 100;
  LivenessResult result = CheckLiveness(late, options);
  EXPECT_EQ(result.end, LivenessEnd::kStateLimit);
  EXPECT_EQ(result.obligations[0].status, LivenessStatus::kIncomplete);
  // Who finds as many states as it may ends, even if there are no more.
  options.max_states = 151;
  EXPECT_EQ(CheckLiveness(late, options).end, LivenessEnd::kStateLimit);
  options.max_states = 152;
  EXPECT_EQ(CheckLiveness(late, options).end, LivenessEnd::kExhausted);
  options.max_states = 100;
  // A state that was found but not expanded looks like rest, and must not be taken for it.
  const Toy always({count}, [](const S&) -> uint64_t { return 1; });
  EXPECT_EQ(CheckLiveness(always, options).obligations[0].status, LivenessStatus::kIncomplete);
  // What is found before the limit is found.
  const Toy::Thread idle = [](S s) { return std::vector<S>{s}; };
  const Toy early(
      {count, idle}, [](const S& s) -> uint64_t { return s.byte[0] == 5; }, 2);
  result = CheckLiveness(early, options);
  EXPECT_EQ(result.end, LivenessEnd::kStateLimit);
  EXPECT_EQ(result.obligations[0].status, LivenessStatus::kStarved);
  EXPECT_EQ(LassoFault(early, result.obligations[0].lasso, 0), "");

  // 2^17 states, so that the limits that are looked at now and then are looked at.
  const auto bit = [](int byte) { return Spin(byte, 51); };
  const Toy large({bit(0), bit(1), bit(2)}, [](const S& s) -> uint64_t { return s.byte[0] < 50; });
  const LivenessResult whole = CheckLiveness(large, {});
  EXPECT_EQ(whole.states, 132'651u);
  EXPECT_EQ(whole.transitions, 3 * 132'651u);
  EXPECT_EQ(whole.obligations[0].status, LivenessStatus::kHolds);
  EXPECT_GT(whole.bytes, 132'651u * 30);
  options = LivenessOptions();
  options.max_bytes = whole.bytes;  // the analysis needs as much again
  result = CheckLiveness(large, options);
  EXPECT_EQ(result.end, LivenessEnd::kMemoryLimit);
  EXPECT_EQ(result.obligations[0].status, LivenessStatus::kIncomplete);
  EXPECT_LT(result.bytes, whole.bytes);
  std::atomic<bool> interrupted{false};
  options = LivenessOptions();
  options.interrupted = &interrupted;
  options.progress = [&](uint64_t states, uint64_t, uint64_t) { interrupted = states > 0; };
  result = CheckLiveness(large, options);
  EXPECT_EQ(result.end, LivenessEnd::kInterrupted);
  EXPECT_EQ(result.obligations[0].status, LivenessStatus::kIncomplete);
  EXPECT_LT(result.states, whole.states);
}

TEST(Liveness, LassosAreCheckedForWhatTheyClaim) {
  const Toy::Thread other = [](S s) -> std::vector<S> {
    s.byte[1] ^= 1;
    return {s};
  };
  const Toy toy({Spin(0, 3), other}, [](const S& s) -> uint64_t { return s.byte[0] < 2; });
  const auto fault = [&](const char* stem, std::vector<Action> cycle) {
    return LassoFault(toy, Lasso{*PathFromString(stem), std::move(cycle)}, 0);
  };
  EXPECT_NE(fault("1:", {}), "");
  EXPECT_NE(fault("0:c", {}), "");
  EXPECT_NE(fault("0:aa", {}), "");
  EXPECT_NE(fault("0:", {}), "");
  EXPECT_NE(fault("0:", {{1, 0}}), "");
  EXPECT_NE(fault("0:", {{1, 0}, {1, 0}}), "");
  EXPECT_NE(fault("0:", {{0, 0}, {0, 0}, {0, 0}}), "");
  EXPECT_NE(fault("0:", {{1, 0}, {1, 1}}), "");
  const Toy unfair(
      {Spin(0, 3), other}, [](const S& s) -> uint64_t { return s.byte[0] < 2; }, 2);
  EXPECT_EQ(LassoFault(unfair, Lasso{Path(), {{1, 0}, {1, 0}}}, 0), "");
}

TEST(Lasso, TextComesBackAsItWas) {
  for (const char* text : {"0:()", "0:ab()", "3:aab3c(cb2)", "0:(aa)"}) {
    const auto lasso = LassoFromString(text);
    ASSERT_TRUE(lasso.ok()) << lasso.status();
    EXPECT_EQ(LassoToString(*lasso), text);
  }
  for (const char* text : {"", "0:", "0:aa", "0:aa(", "0:aa)", "0:aa(b", "(a)", "0:a(b)c", "0:(A)",
                           "0:a((b))", "0:a(0:b)"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(LassoFromString(text).status())) << text;
  }
}

// A random model with random obligations and random threads that need not run.
class Owing : public RandomModel {
 public:
  static constexpr int kObligations = 4;

  explicit Owing(uint64_t seed) : RandomModel(seed) {
    testing::Random random(seed ^ 0x5eed);
    for (Condition& condition : pending_) condition = AnyCondition(random);
    for (Condition& condition : need_not_) condition = AnyCondition(random);
    fair_ = random.OneIn(2) ? ~uint64_t{0} : random.Next() | random.Next();
  }
  int ObligationCount() const { return kObligations; }
  uint64_t Pending(const State& s) const {
    uint64_t pending = 1;  // Obligation 0 is never met.
    for (int o = 1; o < kObligations; ++o) {
      pending |= static_cast<uint64_t>(Holds(s, pending_[static_cast<size_t>(o)])) << o;
    }
    return pending;
  }
  uint64_t FairThreads(const State& s) const {
    uint64_t fair = fair_;
    for (int t = 0; t < ThreadCount(); ++t) {
      if (Holds(s, need_not_[static_cast<size_t>(t)])) fair &= ~(uint64_t{1} << t);
    }
    return fair;
  }

 private:
  // A few bits of the state are as they are here.
  struct Condition {
    State bits{};
    State value{};
  };
  Condition AnyCondition(testing::Random& random) const {
    Condition condition;
    const int count = random.From(1, 3);
    for (int i = 0, tries = 0; i < count && tries < 1000; ++tries) {
      const int word = random.Below(kWords);
      const uint64_t bit = uint64_t{1} << random.Below(64);
      if (!(Masks().words[static_cast<size_t>(word)] & bit)) continue;
      condition.bits.words[word] |= bit;
      if (random.OneIn(2)) condition.value.words[word] |= bit;
      ++i;
    }
    return condition;
  }
  static bool Holds(const State& s, const Condition& condition) {
    for (int w = 0; w < kWords; ++w) {
      if ((s.words[w] & condition.bits.words[w]) != condition.value.words[w]) return false;
    }
    return true;
  }

  std::array<Condition, kObligations> pending_;
  std::array<Condition, 8> need_not_;
  uint64_t fair_ = 0;
};
static_assert(LivenessModel<Owing>);

struct Seen {
  int holds = 0, rests = 0, cycles = 0, long_cycles = 0, long_stems = 0;
};

void Compare(uint64_t seed, Seen* seen) {
  const Owing model(seed);
  const StarvingReference reference(model);
  const LivenessResult result = CheckLiveness(model, {});
  ASSERT_EQ(result.end, LivenessEnd::kExhausted);
  ASSERT_EQ(result.states, reference.states());
  for (int o = 0; o < Owing::kObligations; ++o) {
    SCOPED_TRACE(absl::StrCat("seed ", seed, " obligation ", o));
    const bool starved = reference.Starved(o);
    const Obligation& obligation = result.obligations[static_cast<size_t>(o)];
    ASSERT_EQ(obligation.status, starved ? LivenessStatus::kStarved : LivenessStatus::kHolds);
    if (!starved) {
      ++seen->holds;
      continue;
    }
    ASSERT_EQ(LassoFault(model, obligation.lasso, o), "");
    const size_t cycle = obligation.lasso.cycle.size();
    ++(cycle == 0 ? seen->rests : seen->cycles);
    seen->long_cycles += cycle > 3;
    seen->long_stems += obligation.lasso.stem.actions.size() > 3;
  }
}

TEST(Liveness, AgreesWithTheFixpointOnRandomModels) {
  Seen seen;
  for (uint64_t seed = 0; seed < 1000 && !HasFailure(); ++seed) Compare(seed, &seen);
  EXPECT_GT(seen.holds, 200);
  EXPECT_GT(seen.rests, 100);
  EXPECT_GT(seen.cycles, 100);
  EXPECT_GT(seen.long_cycles, 30);
  EXPECT_GT(seen.long_stems, 30);
}

RC_GTEST_PROP(LivenessProperty, AgreesWithTheFixpoint, (uint64_t seed)) {
  Seen seen;
  Compare(seed, &seen);
  RC_ASSERT(!::testing::Test::HasFatalFailure());
}

TEST(Liveness, TheSameTwice) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const LivenessResult a = CheckLiveness(Owing(seed), {});
    const LivenessResult b = CheckLiveness(Owing(seed), {});
    ASSERT_EQ(a.components, b.components);
    for (size_t o = 0; o < a.obligations.size(); ++o) {
      EXPECT_EQ(a.obligations[o].lasso.stem, b.obligations[o].lasso.stem);
      EXPECT_EQ(a.obligations[o].lasso.cycle, b.obligations[o].lasso.cycle);
    }
  }
}

}  // namespace
}  // namespace knotcheck::checker::liveness_test
