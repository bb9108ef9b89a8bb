// SPDX-License-Identifier: Apache-2.0

#include "checker/visited_set.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "checker/testing/random_model.h"

namespace knotcheck::checker {
namespace {

using Words = std::vector<uint64_t>;

// A visited set and, in a std::map, what it should hold.
class Pair {
 public:
  explicit Pair(int words) : set_(words) {}

  const VisitedSet& set() const { return set_; }

  void Insert(const Words& state, uint32_t parent) {
    const uint64_t hash = HashWords(state.data(), set_.words());
    set_.Prefetch(hash);
    set_.PrefetchState(hash);
    const bool fresh = expected_.emplace(state, order_.size()).second;
    ASSERT_EQ(set_.Insert(state.data(), hash, parent), fresh);
    if (fresh) order_.emplace_back(state, parent);
    ASSERT_EQ(set_.size(), order_.size());
  }

  // The number, the bits and the parent of each state.
  void ExpectSame() {
    for (uint32_t i = 0; i < order_.size(); ++i) {
      const auto& [state, parent] = order_[i];
      ASSERT_TRUE(std::equal(state.begin(), state.end(), set_.State(i))) << "state " << i;
      ASSERT_EQ(set_.Parent(i), parent) << "state " << i;
    }
    // All are found again, and the parent stays the first one.
    const auto order = order_;
    for (const auto& [state, parent] : order) ASSERT_NO_FATAL_FAILURE(Insert(state, parent + 1));
    for (uint32_t i = 0; i < order_.size(); ++i) ASSERT_EQ(set_.Parent(i), order_[i].second);
  }

 private:
  VisitedSet set_;
  std::map<Words, uint64_t> expected_;
  std::vector<std::pair<Words, uint32_t>> order_;
};

RC_GTEST_PROP(VisitedSetTest, AgreesWithStdMap, ()) {
  const auto words = *rc::gen::inRange(1, 6);
  const auto values = *rc::gen::inRange<uint64_t>(1, 10);
  Pair pair(words);
  const auto inserts = *rc::gen::inRange(0, 200);
  for (int i = 0; i < inserts; ++i) {
    Words state(static_cast<size_t>(words));
    for (uint64_t& word : state) word = *rc::gen::inRange<uint64_t>(0, values);
    const auto parent = *rc::gen::arbitrary<uint32_t>();
    pair.Insert(state, parent);
  }
  pair.ExpectSame();
  RC_ASSERT(!::testing::Test::HasFailure());
}

// Large enough for several doublings of the index and several chunks of states.
TEST(VisitedSetTest, Grows) {
  for (int words = 1; words <= 4; ++words) {
    testing::Random random(static_cast<uint64_t>(words));
    Pair pair(words);
    for (int i = 0; i < 60'000; ++i) {
      Words state(static_cast<size_t>(words));
      // States that differ in any one word, and many that come twice.
      for (uint64_t& word : state) word = random.OneIn(3) ? random.Next() >> 50 : 0;
      const uint32_t parent =
          random.OneIn(10) ? VisitedSet::kNoParent : static_cast<uint32_t>(random.Next());
      ASSERT_NO_FATAL_FAILURE(pair.Insert(state, parent));
    }
    EXPECT_GT(pair.set().size(), 10'000U);
    ASSERT_NO_FATAL_FAILURE(pair.ExpectSame());
  }
}

TEST(VisitedSetTest, StatesStayWhereTheyAre) {
  VisitedSet set(1);
  std::vector<const uint64_t*> places;
  for (uint64_t i = 0; i < 40'000; ++i) {
    ASSERT_TRUE(set.Insert(&i, HashWords(&i, 1), 0));
    places.push_back(set.State(static_cast<uint32_t>(i)));
  }
  for (uint32_t i = 0; i < places.size(); ++i) ASSERT_EQ(set.State(i), places[i]);
}

TEST(VisitedSetTest, EqualLowBits) {
  // All of them want the same slot, before and after the first doubling.
  testing::Random random(1);
  Pair pair(1);
  for (int found = 0; found < 3500;) {
    const uint64_t state = random.Next();
    if (HashWords(&state, 1) % 8192 != 8191) continue;
    ASSERT_NO_FATAL_FAILURE(pair.Insert({state}, static_cast<uint32_t>(found)));
    ++found;
  }
  ASSERT_NO_FATAL_FAILURE(pair.ExpectSame());
}

TEST(VisitedSetTest, EqualSlotAndTag) {
  // Different states whose hashes agree in all bits that a set of 4,096 slots keeps.
  testing::Random random(1);
  std::unordered_map<uint32_t, uint64_t> first;
  Pair pair(1);
  for (int i = 0; i < 1 << 20; ++i) {
    const uint64_t state = random.Next();
    const uint64_t hash = HashWords(&state, 1);
    const auto key = static_cast<uint32_t>(hash >> 44 << 12 | hash % 4096);
    const auto [other, fresh] = first.emplace(key, state);
    if (fresh) continue;
    ASSERT_NO_FATAL_FAILURE(pair.Insert({other->second}, 1));
    ASSERT_NO_FATAL_FAILURE(pair.Insert({state}, 2));
  }
  EXPECT_GT(pair.set().size(), 200U);
  EXPECT_LT(pair.set().size(), 3000U);
  ASSERT_NO_FATAL_FAILURE(pair.ExpectSame());
}

TEST(VisitedSetTest, EqualHashes) {
  // No two states are the same because their hashes are. The set never computes a hash before it
  // grows, so the test may lie to it.
  VisitedSet set(2);
  for (uint64_t i = 0; i < 3000; ++i) {
    const uint64_t state[] = {i / 50, i % 50};
    ASSERT_TRUE(set.Insert(state, 0x123456789abcdef0u, 0)) << i;
    ASSERT_FALSE(set.Insert(state, 0x123456789abcdef0u, 0)) << i;
  }
}

TEST(VisitedSetTest, BytesWhenGrowingAreTheBytesAfterwards) {
  VisitedSet set(3);
  int growths = 0;
  for (uint64_t i = 0; i < 200'000; ++i) {
    const uint64_t bytes = set.bytes();
    const uint64_t when_growing = set.bytes_when_growing();
    const uint64_t state[] = {i, 0, ~i};
    ASSERT_TRUE(set.Insert(state, HashWords(state, 3), 0));
    ASSERT_GE(set.bytes(), bytes);
    ASSERT_GE(set.bytes(), set.size() * (3 * 8 + 4 + 4));
    // The same insertion may need a new chunk of states.
    const uint64_t chunk = i % 16'384 == 0 ? 16'384 * (3 * 8 + 4) : 0;
    if (set.bytes() == bytes + chunk) continue;
    ASSERT_EQ(set.bytes(), when_growing + chunk) << i;
    ++growths;
  }
  EXPECT_EQ(growths, 7);
}

}  // namespace
}  // namespace knotcheck::checker
