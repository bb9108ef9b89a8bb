// SPDX-License-Identifier: Apache-2.0
//
// A state of 1 MiB, of which a step changes a few pages: nothing in the checker may count on a
// state being small.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "checker/explore.h"
#include "checker/reduce.h"

namespace knotcheck::checker::large_state_test {
namespace {

// Three threads take two steps each. A step fills two pages that no other step writes to and
// counts, in page 0, the steps of its thread; a thread's last step also says there who wrote last.
// A state is given by how far each thread is and, if any are done, which of these was the last:
//
//   done  threads     others       last  states  successors  transitions
//   0     1           2 * 2 * 2    1     8       3           24
//   1     3           2 * 2        1     12      2           24
//   2     3           2            2     12      1           12
//   3     1           1            3     3       0           0
//                                        35                  60
class Memory {
 public:
  static constexpr size_t kWords = (1 << 20) / 8;
  static constexpr size_t kPageWords = 4096 / 8;
  static constexpr int kThreads = 3;
  static constexpr uint64_t kSteps = 2;
  static constexpr size_t kLast = kThreads;  // word: 1 + the thread
  enum : uint64_t { kALast = 0, kCBegins = 1, kBLast = 2 };

  // `dense`: every bit of the memory can be set. Else those of page 0, and one in each page that
  // is filled: so few that a state is its own key.
  explicit Memory(bool dense) : initial_(kWords) {
    properties_ = {
        Property{"a-last", PropertyKind::kNever, "", ""},
        Property{"c-begins", PropertyKind::kSometimes, "", ""},
        Property{"b-last", PropertyKind::kEventually, "", ""},
    };
    masks_.words.resize(kWords, dense ? ~uint64_t{0} : 0);
    for (int t = 0; t < kThreads; ++t) {
      for (uint64_t n = 0; n < kSteps; ++n) {
        for (const size_t page : PagesOf(t, n)) masks_.words[page * kPageWords] |= 1;
      }
    }
    for (size_t word = 0; word < kPageWords; ++word) masks_.words[word] = word <= kLast ? 3 : 0;
    for (size_t word = kPageWords; word < kWords; ++word) initial_[word] = Content(word, 0);
  }

  static size_t StateWords() { return kWords; }
  const std::vector<uint64_t>& InitialStates() const { return initial_; }
  static int ThreadCount() { return kThreads; }
  const std::vector<Property>& Properties() const { return properties_; }
  const PackMasks& Masks() const { return masks_; }
  static uint64_t AtRest(const uint64_t* s) { return s[kLast] == 2 ? 1u << kBLast : 0; }

  Outcome Apply(uint64_t* s, Action action, StateStack&, Effects& effects) const {
    const int thread = action.thread;
    if (action.choice != 0 || s[thread] == kSteps) return Outcome::kDisabled;
    if (thread == 2 && s[thread] == 0) effects.witnessed |= 1u << kCBegins;
    for (const size_t page : PagesOf(thread, s[thread])) {
      for (size_t word = page * kPageWords; word < (page + 1) * kPageWords; ++word) {
        s[word] = Content(word, 1);
      }
    }
    if (++s[thread] < kSteps) return Outcome::kStepped;
    s[kLast] = static_cast<uint64_t>(thread) + 1;
    if (thread == 0 && s[1] == kSteps && s[2] == kSteps) effects.violated |= 1u << kALast;
    return Outcome::kStepped;
  }
  template <class Fn>
  void ForEachSuccessor(const uint64_t* s, int thread, StateStack& scratch, Fn&& fn) const {
    if (s[thread] == kSteps) return;
    const StateBuffer next(scratch, s);
    const Action action{static_cast<uint16_t>(thread), 0};
    Effects effects;
    const Outcome outcome = Apply(next.words(), action, scratch, effects);
    fn(action, next.words(), outcome, effects);
  }

  // Only the last steps touch what others touch.
  static Footprint FootprintOf(const uint64_t* s, int thread) {
    const uint64_t touched = s[thread] == kSteps - 1 ? 1 : 0;
    return Footprint{touched, touched, 0, 0};
  }
  static Hold HoldOf(const uint64_t*, int) { return Hold(); }

 private:
  static std::vector<size_t> PagesOf(int thread, uint64_t step) {
    // Far from each other, and the second one at the very end of the memory.
    const size_t i = static_cast<size_t>(thread) * kSteps + step;
    return {1 + 10 * i, kWords / kPageWords - 1 - i};
  }
  uint64_t Content(size_t word, uint64_t filled) const {
    return (word * 2 + filled) * 0x9e3779b97f4a7c15u & masks_.words[word];
  }

  std::vector<uint64_t> initial_;
  std::vector<Property> properties_;
  PackMasks masks_;
};
static_assert(Model<Memory> && HasFootprints<Memory>);

std::string PathOf(const Result& result, uint64_t property) {
  return PathToString(result.verdicts[property].path);
}

void ExpectCounts(const Result& result) {
  EXPECT_EQ(result.end, End::kExhausted);
  EXPECT_EQ(result.states, 35U);
  EXPECT_EQ(result.transitions, 60U);
  EXPECT_EQ(result.at_rest, 3U);
  EXPECT_EQ(result.verdicts[Memory::kALast].status, Status::kViolated);
  EXPECT_EQ(result.verdicts[Memory::kCBegins].status, Status::kWitnessed);
  // One in each state in which c has not begun: 4 where nobody is done, 4 where one of the others
  // is, and 2 where both are.
  EXPECT_EQ(result.verdicts[Memory::kCBegins].witnesses, 10U);
  EXPECT_EQ(result.verdicts[Memory::kBLast].status, Status::kViolated);
}

void ExpectBreadthFirst(const Result& result) {
  ExpectCounts(result);
  EXPECT_EQ(result.depth, 6U);
  EXPECT_EQ(PathOf(result, Memory::kALast), "0:abbcca");
  EXPECT_EQ(PathOf(result, Memory::kCBegins), "0:c");
  EXPECT_EQ(PathOf(result, Memory::kBLast), "0:aabccb");
}

TEST(LargeStateTest, BreadthFirst) {
  const Memory memory(true);
  Options options;
  const Result one = Explore(memory, options);
  ExpectBreadthFirst(one);
  EXPECT_GT(one.state_bits, 8'000'000);
  // States share what a step did not change: 35 MiB are kept in a few.
  EXPECT_LT(one.bytes, uint64_t{4} << 20);
  options.threads = 3;
  options.storage = Storage::kTree;
  const Result many = Explore(memory, options);
  ExpectBreadthFirst(many);
  EXPECT_EQ(many.bytes, one.bytes);
}

TEST(LargeStateTest, DepthFirst) {
  Options options;
  options.order = Order::kDepthFirst;
  const Result result = Explore(Memory(true), options);
  ExpectCounts(result);
  EXPECT_EQ(PathOf(result, Memory::kALast), "0:ccbbaa");
}

TEST(LargeStateTest, FewBits) {
  Options options;
  options.threads = 2;
  const Result direct = Explore(Memory(false), options);
  ExpectBreadthFirst(direct);
  EXPECT_EQ(direct.state_bits, 2 * 4 + 2 * 6);
  options.storage = Storage::kTree;
  ExpectBreadthFirst(Explore(Memory(false), options));
}

// A thread's own steps and its last one are one transition, so that a state says who is done and
// who was last: 1 + 3 + 3 * 2 + 3 states, with 3, 2, 1 and no successors.
TEST(LargeStateTest, Reduced) {
  const Memory memory(false);
  for (const uint32_t reductions :
       {uint32_t{kMerge}, kMerge | kPersistent, kAllReductions | kSelfCheck}) {
    SCOPED_TRACE(reductions);
    const Result result = Explore(Reduced(memory, reductions), Options());
    EXPECT_EQ(result.end, End::kExhausted);
    EXPECT_EQ(result.states, 13U);
    EXPECT_EQ(result.transitions, 15U);
    EXPECT_EQ(result.depth, 3U);
    for (const uint64_t property : {Memory::kALast, Memory::kBLast}) {
      const Replayed replayed = Replay(memory, result.verdicts[property].path);
      EXPECT_TRUE(replayed.possible);
      EXPECT_TRUE(replayed.violated >> property & 1);
    }
  }
}

TEST(LargeStateTest, ReplaysAndWalks) {
  const Memory memory(true);
  int changed = 0;
  const Replayed replayed = Replay(
      memory, *PathFromString("0:abcabc"),
      [&](Action, const uint64_t* before, const uint64_t* after, const Effects&) {
        for (size_t page = 0; page < Memory::kWords; page += Memory::kPageWords) {
          changed += !std::equal(before + page, before + page + Memory::kPageWords, after + page);
        }
      });
  EXPECT_TRUE(replayed.possible);
  EXPECT_TRUE(replayed.rested);
  EXPECT_EQ(changed, 6 * 3);
  WalkOptions options;
  options.walks = 3;
  const WalkResult walked = Walk(memory, options);
  EXPECT_EQ(walked.steps, 18U);
  EXPECT_EQ(walked.at_rest, 3U);
}

}  // namespace
}  // namespace knotcheck::checker::large_state_test
