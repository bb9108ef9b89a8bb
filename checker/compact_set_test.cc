// SPDX-License-Identifier: Apache-2.0

#include "checker/compact_set.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "checker/testing/random_model.h"

namespace knotcheck::checker::compact_set_test {
namespace {

uint64_t LowBits(int bits) { return bits == 0 ? 0 : ~uint64_t{0} >> (64 - bits); }

TEST(DirectKeysTest, DecodeInvertsEncode) {
  testing::Random random(1);
  for (int bits = 0; bits <= 128; ++bits) {
    const DirectKeys keys(bits);
    const EntryShape shape = keys.shape();
    DirectKeys::Scratch scratch;
    for (int i = 0; i < 200; ++i) {
      const uint64_t packed[] = {random.Next() & LowBits(std::min(bits, 64)),
                                 random.Next() & LowBits(std::max(bits - 64, 0))};
      const Place place = keys.Encode(packed, scratch);
      EXPECT_LT(place.shard, kShards);
      EXPECT_EQ((place.entry.high & 0xffffffffu) & ~LowBits(shape.middle_bits), 0U);
      EXPECT_EQ(place.entry.low & ~LowBits(shape.low_bits), 0U);
      uint64_t again[2] = {};
      keys.Decode(place, again, scratch);
      ASSERT_EQ(again[0], packed[0]) << bits << " bits";
      if (bits > 64) {
        ASSERT_EQ(again[1], packed[1]) << bits << " bits";
      }
    }
  }
}

// A compact set and, in a std::map, what it should hold.
class Pair {
 public:
  Pair(EntryShape shape, int tag_bits) : set_(shape, tag_bits) {}

  CompactSet& set() { return set_; }

  void Insert(const Place& place, uint32_t tag) {
    tag &= (1u << set_.tag_bits()) - 1;
    const bool fresh = expected_.emplace(place, tag).second;
    ASSERT_EQ(set_.Insert(place, tag), fresh);
  }
  void ExpectSame() {
    ASSERT_EQ(set_.size(), expected_.size());
    std::map<Place, uint32_t> found;
    for (uint32_t shard = 0; shard < kShards; ++shard) {
      set_.ForEach(shard, [&](const Entry& entry, uint32_t tag) {
        EXPECT_TRUE(found.emplace(Place{shard, entry}, tag).second);
      });
    }
    ASSERT_TRUE(found == expected_);
    // All are there, and their tags stay the first ones.
    for (const auto& [place, tag] : expected_) ASSERT_FALSE(set_.Insert(place, tag + 1));
    ASSERT_EQ(set_.size(), expected_.size());
  }

 private:
  CompactSet set_;
  std::map<Place, uint32_t> expected_;
};

Place RandomPlace(testing::Random& random, EntryShape shape, uint32_t shards) {
  return Place{static_cast<uint32_t>(random.Next() % shards),
               Entry{(random.Next() >> 32 << 32) | (random.Next() & LowBits(shape.middle_bits)),
                     random.Next() & LowBits(shape.low_bits)}};
}

// All shapes, in one shard, so that it grows through several formats.
TEST(CompactSetTest, AgreesWithStdMap) {
  for (const EntryShape shape :
       {EntryShape{2, 0}, EntryShape{6, 0}, EntryShape{26, 0}, EntryShape{32, 0}, EntryShape{26, 1},
        EntryShape{26, 22}, EntryShape{26, 45}, EntryShape{26, 63}, EntryShape{26, 64}}) {
    SCOPED_TRACE(shape.low_bits);
    testing::Random random(static_cast<uint64_t>(shape.low_bits + 1));
    Pair pair(shape, 4);
    std::vector<Place> places;
    for (int i = 0; i < 30'000; ++i) {
      // A third comes twice; a third differs from another in its last bits only.
      Place place = RandomPlace(random, shape, 1);
      if (!places.empty() && i % 3 != 0) {
        place = places[random.Next() % places.size()];
        if (i % 3 == 1) place.entry.high ^= random.Next() & LowBits(std::min(shape.middle_bits, 3));
        if (i % 3 == 1) place.entry.low ^= random.Next() & LowBits(std::min(shape.low_bits, 3));
      }
      places.push_back(place);
      ASSERT_NO_FATAL_FAILURE(pair.Insert(place, static_cast<uint32_t>(random.Next())));
    }
    EXPECT_GT(pair.set().crowded(), 0U);
    ASSERT_NO_FATAL_FAILURE(pair.ExpectSame());
  }
}

// Keys that all want the same few buckets go where there is room, and are found there.
TEST(CompactSetTest, CrowdedBuckets) {
  for (const EntryShape shape : {EntryShape{2, 0}, EntryShape{32, 0}, EntryShape{26, 22}}) {
    testing::Random random(7);
    Pair pair(shape, 6);
    for (int i = 0; i < 5000; ++i) {
      Place place = RandomPlace(random, shape, 2);
      // Now the first bucket, now the last.
      place.entry.high &= 0x03ffffffffffffffu;
      if (i % 2 == 0) place.entry.high |= 0xfc00000000000000u;
      ASSERT_NO_FATAL_FAILURE(pair.Insert(place, static_cast<uint32_t>(i)));
    }
    EXPECT_GT(pair.set().crowded(), 1000U);
    ASSERT_NO_FATAL_FAILURE(pair.ExpectSame());
  }
}

// A batch says which entries are new, in their order, and stops at the limit.
TEST(CompactSetTest, BatchesAreSingleInsertions) {
  testing::Random random(3);
  const EntryShape shape{26, 22};
  CompactSet batched(shape, 4);
  CompactSet single(shape, 4);
  for (int batch = 0; batch < 300; ++batch) {
    std::vector<Entry> entries(random.Next() % 300);
    for (Entry& entry : entries) entry = RandomPlace(random, EntryShape{0, 10}, 1).entry;
    for (Entry& entry : entries) entry.high &= 0x1ff00000000u << 20;
    const size_t most = random.Next() % 100;
    std::vector<Entry> expected;
    for (const Entry& entry : entries) {
      if (expected.size() == most) break;
      if (single.Insert(Place{5, entry}, 1)) expected.push_back(entry);
    }
    const size_t fresh = batched.Insert(5, entries.data(), entries.size(), 1, most);
    entries.resize(fresh);
    ASSERT_TRUE(entries == expected);
  }
  EXPECT_GT(single.size(), 5'000U);
  EXPECT_EQ(batched.size(), single.size());
}

// Similar states do not crowd.
TEST(CompactSetTest, BytesPerState) {
  const DirectKeys keys(86);
  CompactSet a(keys.shape(), 4);
  DirectKeys::Scratch scratch;
  for (uint64_t i = 0; i < 600'000; ++i) {
    const uint64_t packed[] = {i << 3, i >> 5};
    ASSERT_TRUE(a.Insert(keys.Encode(packed, scratch), 0));
  }
  EXPECT_LT(a.bytes(), 600'000U * 15);
  EXPECT_LT(a.crowded(), 600'000U / 30);
}

}  // namespace
}  // namespace knotcheck::checker::compact_set_test
