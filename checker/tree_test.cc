// SPDX-License-Identifier: Apache-2.0

#include "checker/tree.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

#include "checker/testing/random_model.h"

namespace knotcheck::checker::tree_test {
namespace {

using Words = std::vector<uint64_t>;

// Equal words, equal places; different words, different places; and back. With and without a state
// before, from which few words differ.
TEST(TreeKeysTest, EncodingIsExactAndInvertible) {
  std::vector<int> sizes(37);
  std::iota(sizes.begin(), sizes.end(), 1);
  // Trees of two and three levels of nodes with four children.
  for (const int words : {64, 71, 128, 150, 290, 600}) sizes.push_back(words);
  for (const int words : sizes) {
    SCOPED_TRACE(words);
    testing::Random random(static_cast<uint64_t>(words));
    const TreeKeys keys(words);
    TreeKeys::Scratch scratch = keys.NewScratch();
    TreeKeys::Scratch fresh = keys.NewScratch();
    std::map<Words, Place> places;
    std::map<Place, Words> inverse;
    Words state(static_cast<size_t>(words));
    for (int i = 0; i < 1000; ++i) {
      for (int changes = 0; changes < 3; ++changes) {
        if (random.OneIn(2)) state[random.Next() % state.size()] = random.Next() % 5;
      }
      const Place place = keys.Encode(state.data(), scratch);
      ASSERT_EQ(place, keys.Encode(state.data(), fresh));
      ASSERT_EQ(places.emplace(state, place).first->second, place);
      ASSERT_EQ(inverse.emplace(place, state).first->second, state);
      // Sometimes the next states are compared with another one.
      if (random.OneIn(4)) {
        const auto other = inverse.lower_bound(
            Place{static_cast<uint32_t>(random.Next() % kShards), Entry{random.Next(), 0}});
        if (other == inverse.end()) continue;
        Words decoded(state.size());
        keys.Decode(other->first, decoded.data(), scratch);
        ASSERT_EQ(decoded, other->second);
        ASSERT_EQ(keys.Encode(decoded.data(), scratch), other->first);
      }
    }
  }
}

// Successors that are queued come to the places to which they come one by one, with locks and
// without; and a state is read back the same, whatever was read before.
TEST(TreeKeysTest, QueuedStatesAreThoseThatAreEncodedAlone) {
  for (const size_t words : {3, 8, 9, 40, 71, 130, 290}) {
    for (const bool shared : {true, false}) {
      SCOPED_TRACE(words);
      testing::Random random(words);
      PackMasks masks{Words(words, 0xff00ff)};
      for (uint32_t byte = 0; byte < words * 8; byte += 90) masks.parts.push_back(byte);
      const Packer packer(masks, Packer::Method::kFastest, TreeKeys::kBlockWords);
      TreeKeys keys(packer.packed_words());
      keys.SetShared(shared);
      TreeKeys::Scratch scratch = keys.NewScratch();
      TreeKeys::Scratch alone = keys.NewScratch();
      Words packed(static_cast<size_t>(packer.packed_words()));
      const auto encoded = [&](const Words& state) {
        packer.Pack(state.data(), packed.data());
        return keys.Encode(packed.data(), alone);
      };
      std::vector<std::pair<Words, Place>> known;
      known.emplace_back(Words(words), Place());
      known[0].second = encoded(known[0].first);
      Words from(words);
      for (int i = 0; i < 300; ++i) {
        const auto& [state, place] = known[random.Next() % known.size()];
        keys.Unpack(place, packer, from.data(), scratch);
        ASSERT_EQ(from, state);
        std::vector<Words> next(random.Next() % (TreeKeys::kMostQueued + 1), from);
        for (Words& successor : next) {
          for (int changes = 0; changes < 3; ++changes) {
            if (random.OneIn(2)) successor[random.Next() % words] = random.Next() % 5 << 16 | 3;
          }
          keys.Queue(packer, successor.data(), from.data(), scratch);
        }
        std::vector<Place> places;
        keys.TakeQueued(scratch, [&](const Place& of) { places.push_back(of); });
        ASSERT_EQ(places.size(), next.size());
        for (size_t n = 0; n < next.size(); ++n) {
          ASSERT_EQ(places[n], encoded(next[n]));
          known.emplace_back(next[n], places[n]);
        }
        if (random.OneIn(5)) {
          keys.Decode(known.back().second, packed.data(), scratch);
          Words decoded(words);
          packer.Unpack(packed.data(), decoded.data());
          ASSERT_EQ(decoded, known.back().first);
        }
      }
    }
  }
}

// Threads agree on the nodes, and their number does not depend on who was first.
TEST(TreeKeysTest, ThreadsShareNodes) {
  constexpr int kWords = 9, kStates = 20'000, kThreads = 4;
  std::vector<Words> states;
  testing::Random random(1);
  for (int i = 0; i < kStates; ++i) {
    Words state(kWords);
    for (uint64_t& word : state) word = random.Next() % 20;
    states.push_back(state);
  }
  const TreeKeys alone(kWords);
  TreeKeys::Scratch scratch = alone.NewScratch();
  std::vector<uint32_t> shards;
  for (const Words& state : states) shards.push_back(alone.Encode(state.data(), scratch).shard);

  const TreeKeys keys(kWords);
  std::vector<std::vector<Place>> places(kThreads, std::vector<Place>(kStates));
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      TreeKeys::Scratch own = keys.NewScratch();
      for (size_t i = 0; i < kStates; ++i) {
        const size_t at = (i + t * kStates / kThreads) % kStates;
        places[t][at] = keys.Encode(states[at].data(), own);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t t = 1; t < kThreads; ++t) EXPECT_TRUE(places[t] == places[0]);
  for (size_t i = 0; i < kStates; ++i) ASSERT_EQ(places[0][i].shard, shards[i]);
  EXPECT_EQ(keys.bytes(), alone.bytes());
}

}  // namespace
}  // namespace knotcheck::checker::tree_test
