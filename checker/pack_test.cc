// SPDX-License-Identifier: Apache-2.0

#include "checker/pack.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "checker/testing/random_model.h"

namespace knotcheck::checker::pack_test {
namespace {

using Words = std::vector<uint64_t>;
constexpr uint64_t kAll = ~uint64_t{0};
constexpr uint64_t kGarbage = 0xa5a5a5a5a5a5a5a5u;
constexpr Packer::Method kMethods[] = {Packer::Method::kFastest, Packer::Method::kPortable};

// Into words full of garbage: every one must be written.
Words Pack(const Packer& packer, const Words& state) {
  Words packed(static_cast<size_t>(packer.packed_words()), kGarbage);
  packer.Pack(state.data(), packed.data());
  return packed;
}

Words Unpack(const Packer& packer, const Words& packed) {
  Words state(static_cast<size_t>(packer.state_words()), kGarbage);
  packer.Unpack(packed.data(), state.data());
  return state;
}

// What packing is, one bit after the other.
Words SlowPack(const Words& masks, const Words& state) {
  Words packed;
  size_t fill = 0;
  for (size_t w = 0; w < masks.size(); ++w) {
    for (int bit = 0; bit < 64; ++bit) {
      if (!(masks[w] >> bit & 1)) continue;
      if (fill % 64 == 0) packed.push_back(0);
      packed.back() |= (state[w] >> bit & 1) << (fill % 64);
      ++fill;
    }
  }
  if (packed.empty()) packed.push_back(0);
  return packed;
}

// None, few, half, most or all of the bits; and halves of words, which fill packed words exactly.
uint64_t AnyMask() {
  const auto random = *rc::gen::arbitrary<uint64_t>();
  const auto other = *rc::gen::arbitrary<uint64_t>();
  switch (*rc::gen::inRange(0, 8)) {
    case 0:
      return 0;
    case 1:
      return kAll;
    case 2:
      return random & other;
    case 3:
      return random | other;
    case 4:
      return 0x00000000ffffffffu;
    case 5:
      return 0xffffffff00000000u;
    case 6:
      return uint64_t{1} << (random % 64);
    default:
      return random;
  }
}

Words AnyMasks() {
  Words masks(*rc::gen::inRange<size_t>(1, 12));
  for (uint64_t& mask : masks) mask = AnyMask();
  return masks;
}

Words AnyState(const Words& masks) {
  Words state = masks;
  for (uint64_t& word : state) {
    if (*rc::gen::inRange(0, 4) != 0) word &= *rc::gen::arbitrary<uint64_t>();
  }
  return state;
}

void ExpectPacks(const Words& masks, const Words& state) {
  uint64_t bits = 0;
  for (const uint64_t mask : masks) bits += static_cast<uint64_t>(std::popcount(mask));
  const Words expected = SlowPack(masks, state);
  for (const Packer::Method method : kMethods) {
    const Packer packer(PackMasks{masks}, method);
    EXPECT_EQ(packer.state_words(), static_cast<int>(masks.size()));
    EXPECT_EQ(packer.packed_bits(), static_cast<int>(bits));
    EXPECT_EQ(packer.packed_words(), static_cast<int>(expected.size()));
    const Words packed = Pack(packer, state);
    EXPECT_EQ(packed, expected);
    EXPECT_EQ(Unpack(packer, packed), state);
  }
}

RC_GTEST_PROP(PackTest, RoundTrip, ()) {
  const Words masks = AnyMasks();
  ExpectPacks(masks, AnyState(masks));
  ExpectPacks(masks, masks);
  ExpectPacks(masks, Words(masks.size()));
  RC_ASSERT(!::testing::Test::HasFailure());
}

// RapidCheck's numbers are often small; these are not.
TEST(PackTest, RoundTripOfManyRandomMasks) {
  testing::Random random(1);
  for (int i = 0; i < 20'000 && !HasFailure(); ++i) {
    SCOPED_TRACE(i);
    Words masks(static_cast<size_t>(random.From(1, 10)));
    for (uint64_t& mask : masks) {
      mask = random.OneIn(4) ? 0 : random.OneIn(4) ? kAll : random.Next();
      if (random.OneIn(2)) mask &= random.Next();
      if (random.OneIn(4)) mask &= uint64_t{0xff} << random.Below(60);
    }
    Words state = masks;
    for (uint64_t& word : state) word &= random.Next();
    ExpectPacks(masks, state);
  }
}

// All ways in which a second lane can start within the first packed word.
TEST(PackTest, LanesThatCrossPackedWords) {
  for (int first = 0; first <= 64; ++first) {
    for (int second = 0; second <= 64; ++second) {
      const auto low = [](int bits) { return bits == 64 ? kAll : (uint64_t{1} << bits) - 1; };
      const Words masks = {low(first), 0, ~low(64 - second), low(3)};
      ExpectPacks(masks, masks);
      ExpectPacks(masks, {masks[0] & kGarbage, 0, masks[2] & kGarbage, 5});
      if (HasFailure()) FAIL() << first << " and " << second << " bits";
    }
  }
}

TEST(PackTest, StateWithoutInformation) {
  ExpectPacks({0, 0, 0}, {0, 0, 0});
  EXPECT_EQ(Packer(PackMasks{{0, 0}}).packed_words(), 1);
  EXPECT_EQ(Packer(PackMasks{{0, 0}}).packed_bits(), 0);
}

// Of two states that differ in one part, only that part's blocks differ, and nothing is lost.
TEST(PackTest, PartsShareNoBlock) {
  testing::Random random(1);
  for (int i = 0; i < 5'000 && !HasFailure(); ++i) {
    SCOPED_TRACE(i);
    PackMasks masks{Words(static_cast<size_t>(random.From(1, 20)))};
    for (uint64_t& mask : masks.words) mask = random.OneIn(4) ? 0 : random.Next();
    const size_t bytes = masks.words.size() * 8;
    for (uint32_t byte = 0; byte < bytes; ++byte) {
      if (random.OneIn(10)) masks.parts.push_back(byte);
    }
    const int block = static_cast<int>(random.From(1, 8));
    const Packer packer(masks, Packer::Method::kFastest, block);
    EXPECT_EQ(packer.packed_bits(), Packer(masks).packed_bits());
    Words state = masks.words;
    for (uint64_t& word : state) word &= random.Next();
    const Words packed = Pack(packer, state);
    EXPECT_EQ(Unpack(packer, packed), state);
    EXPECT_EQ(Pack(Packer(masks, Packer::Method::kPortable, block), state), packed);
    // The part of each block, by what changes in it; what stands before the first part is one too.
    std::vector<int> part_of(packed.size() / static_cast<size_t>(block) + 1, -1);
    for (int part = 0; part <= static_cast<int>(masks.parts.size()); ++part) {
      const size_t begin = part == 0 ? 0 : masks.parts[static_cast<size_t>(part) - 1];
      const size_t end = part == static_cast<int>(masks.parts.size())
                             ? bytes
                             : masks.parts[static_cast<size_t>(part)];
      Words other = state;
      for (size_t byte = begin; byte < end; ++byte) {
        other[byte / 8] ^= masks.words[byte / 8] & (uint64_t{0xff} << (byte % 8 * 8));
      }
      const Words changed = Pack(packer, other);
      for (size_t word = 0; word < packed.size(); ++word) {
        if (changed[word] == packed[word]) continue;
        int& owner = part_of[word / static_cast<size_t>(block)];
        EXPECT_TRUE(owner == -1 || owner == part) << "word " << word;
        owner = part;
      }
    }
  }
}

TEST(PackDeathTest, OverflowNamesTheByte) {
  // The second and the last word must be zero, the others have some bits.
  const Words masks = {0x00ff00000000ff0fu, 0, kAll >> 1, 0};
  const struct {
    int word, bit, byte;
  } rows[] = {{0, 4, 0}, {0, 7, 0},   {0, 16, 2},  {0, 56, 7}, {0, 63, 7},
              {1, 0, 8}, {1, 63, 15}, {2, 63, 23}, {3, 0, 24}, {3, 40, 29}};
  for (const Packer::Method method : kMethods) {
    const Packer packer(PackMasks{masks}, method);
    for (const auto& row : rows) {
      Words state = {0x00ab00000000cd05u, 0, 42, 0};
      const uint64_t bit = uint64_t{1} << row.bit;
      state[static_cast<size_t>(row.word)] |= bit;
      EXPECT_EXIT(Pack(packer, state), ::testing::ExitedWithCode(70),
                  absl::StrCat("internal error: a state uses byte ", row.byte,
                               " beyond its declared width \\(bits 0x", absl::Hex(bit), "\\)"));
    }
    // The first of several.
    EXPECT_EXIT(Pack(packer, {kAll, 0, kAll, kAll}), ::testing::ExitedWithCode(70),
                "byte 0 .*bits 0xff00ffffffff00f0");
  }
  for (const Packer::Method method : kMethods) {
    EXPECT_EXIT(Pack(Packer(PackMasks{{0, 0}}, method), {0, uint64_t{1} << 32}),
                ::testing::ExitedWithCode(70), "byte 12 ");
  }
}

TEST(HashTest, IsTheSameEverywhere) {
  const uint64_t words[] = {0, 1, 0x0123456789abcdefu};
  EXPECT_EQ(base::HashWords(words, 1), 5'414'685'047'222'068'144u);
  EXPECT_EQ(base::HashWords(words, 2), 3'821'082'114'018'259'686u);
  EXPECT_EQ(base::HashWords(words, 3), 3'019'319'696'559'933'372u);
}

// The index takes the low bits, the tags the high ones: both must spread what packed states are
// like, small numbers that differ in a few bits.
TEST(HashTest, SpreadsSmallDifferences) {
  constexpr uint64_t kCount = 1 << 16;
  for (int words = 1; words <= 3; ++words) {
    for (int place = 0; place < words; ++place) {
      for (int shift = 0; shift <= 48; shift += 16) {
        std::set<uint64_t> low, high;
        Words state(static_cast<size_t>(words));
        for (uint64_t i = 0; i < kCount; ++i) {
          state[static_cast<size_t>(place)] = i << shift;
          const uint64_t hash = base::HashWords(state.data(), words);
          low.insert(hash % kCount);
          high.insert(hash >> 48);
        }
        // A random function hits 63 % of the values.
        EXPECT_GT(low.size(), kCount * 62 / 100) << words << " " << place << " " << shift;
        EXPECT_GT(high.size(), kCount * 62 / 100) << words << " " << place << " " << shift;
      }
    }
  }
}

// Run by run, what differs from another state is what Pack() makes, and back.
RC_GTEST_PROP(PackerTest, RunsOfWordsAreThoseOfTheWholeState, ()) {
  constexpr size_t kRun = 8;
  Words masks(*rc::gen::inRange<size_t>(1, 60));
  for (uint64_t& mask : masks) mask = AnyMask();
  PackMasks all{masks};
  for (uint32_t byte = 0; byte < masks.size() * 8; byte += *rc::gen::inRange<uint32_t>(1, 90)) {
    all.parts.push_back(byte);
  }
  const Words from = AnyState(masks);
  Words to = from;
  for (size_t w = 0; w < to.size(); ++w) {
    if (*rc::gen::inRange(0, 6) == 0) to[w] = masks[w] & *rc::gen::arbitrary<uint64_t>();
  }
  for (const Packer::Method method : kMethods) {
    const Packer packer(all, method, kRun);
    Words packed = Pack(packer, from);
    const Words wanted = Pack(packer, to);
    Words state = from;
    packer.PackChanged<kRun>(to.data(), from.data(), [&](uint32_t i, const auto& words) {
      for (size_t w = 0; w < kRun; ++w) {
        const size_t at = i * kRun + w;
        if (at < packed.size())
          packed[at] = words[w];
        else
          RC_ASSERT(words[w] == 0u);
      }
      packer.UnpackRun(i, words, state.data());
    });
    RC_ASSERT(packed == wanted);
    RC_ASSERT(state == to);
    // Into nothing, all of it.
    Words blank(masks.size());
    for (size_t first = 0; first < wanted.size(); first += kRun) {
      std::array<uint64_t, kRun> words{};
      std::copy_n(wanted.begin() + static_cast<std::ptrdiff_t>(first),
                  std::min(kRun, wanted.size() - first), words.begin());
      packer.UnpackRun(first / kRun, words, blank.data());
    }
    RC_ASSERT(blank == to);
  }
}

TEST(PackerTest, NothingIsPackedOfWhatDidNotChange) {
  const Words masks(64, kAll);
  const Packer packer(PackMasks{masks}, Packer::Method::kFastest, 8);
  Words state(64);
  const auto changed = [&](const Words& other) {
    std::set<uint32_t> runs;
    packer.PackChanged<8>(state.data(), other.data(),
                          [&](uint32_t i, const auto&) { runs.insert(i); });
    return runs;
  };
  EXPECT_EQ(changed(state), std::set<uint32_t>());
  Words other = state;
  other[7] = 1;
  other[40] = 1;
  EXPECT_EQ(changed(other), (std::set<uint32_t>{0, 5}));
}

TEST(PackerDeathTest, ABitBeyondTheMasksIsSeenInEveryRun) {
  Words masks(40, 0xff);
  // Of these words nothing is packed.
  for (const size_t w : {0, 17, 18, 39}) masks[w] = 0;
  const Packer packer(PackMasks{masks}, Packer::Method::kFastest, 2);
  const Words state(40);
  for (size_t w = 0; w < masks.size(); ++w) {
    Words other = state;
    other[w] = 0x100;
    EXPECT_EXIT(packer.PackChanged<2>(other.data(), state.data(), [](uint32_t, const auto&) {}),
                ::testing::ExitedWithCode(70), "declared width");
  }
}

}  // namespace
}  // namespace knotcheck::checker::pack_test
