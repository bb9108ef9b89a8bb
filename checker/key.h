// SPDX-License-Identifier: Apache-2.0
//
// Where a state stands in the visited set. A key is mixed by a bijection, so that the part of it
// that chooses shard and bucket need not be stored: what is left tells equal from different exactly
// (quotienting: Cleary 1984, "Compact hash tables using bidirectional linear probing").

#pragma once

#include <algorithm>
#include <bit>
#include <compare>
#include <cstdint>
#include <utility>

#include "base/check.h"
#include "checker/checkpoint.h"

namespace knotcheck::checker {

// The shards of the visited set: always as many, whatever the number of threads.
inline constexpr int kShardBits = 6;
inline constexpr uint32_t kShards = 1u << kShardBits;

// A mixed key without the bits that choose its shard. The upper half of `high` chooses the bucket.
struct Entry {
  uint64_t high = 0;
  uint64_t low = 0;
  // NOLINTNEXTLINE(modernize-use-nullptr): it takes the 0 of a comparison for a pointer.
  friend auto operator<=>(const Entry&, const Entry&) = default;
};

struct Place {
  uint32_t shard = 0;
  Entry entry;
  // NOLINTNEXTLINE(modernize-use-nullptr): it takes the 0 of a comparison for a pointer.
  friend auto operator<=>(const Place&, const Place&) = default;
};

// How many bits of an Entry are in use: the upper half of `high`, and of the rest these.
struct EntryShape {
  int middle_bits = 0;  // of the lower half of `high`, at most 32
  int low_bits = 0;     // of `low`, at most 64
};

// A bijection of numbers of `bits` bits, 2 to 64: multiplications by odd numbers and shifts, as at
// the end of MurmurHash3. Every bit of the input reaches the upper bits of the result.
class Mixer {
 public:
  explicit Mixer(int bits) : shift_((bits + 1) / 2), mask_(~uint64_t{0} >> (64 - bits)) {}

  uint64_t Mix(uint64_t x) const {
    x ^= x >> shift_;
    x = (x * kFirst) & mask_;
    x ^= x >> shift_;
    x = (x * kSecond) & mask_;
    return x ^ (x >> shift_);
  }
  uint64_t Unmix(uint64_t x) const {
    x ^= x >> shift_;
    x = (x * Inverse(kSecond)) & mask_;
    x ^= x >> shift_;
    x = (x * Inverse(kFirst)) & mask_;
    return x ^ (x >> shift_);
  }
  uint64_t mask() const { return mask_; }

 private:
  static constexpr uint64_t kFirst = 0xff51afd7ed558ccdu;
  static constexpr uint64_t kSecond = 0xc4ceb9fe1a85ec53u;
  // Of an odd number, modulo 2^64: Newton's iteration doubles the number of right bits.
  static constexpr uint64_t Inverse(uint64_t odd) {
    uint64_t x = odd;
    for (int i = 0; i < 6; ++i) x *= 2 - odd * x;
    return x;
  }

  int shift_;
  uint64_t mask_;
};

// Keys of packed states of at most 128 bits: the state is its own key.
class DirectKeys {
 public:
  static constexpr int kMaxBits = 128;
  // A search keeps the depth of a state modulo 2 to this power.
  static constexpr int kTagBits = 4;

  // What one thread needs while it encodes.
  struct Scratch {};

  explicit DirectKeys(int packed_bits)
      : first_bits_(std::clamp(packed_bits, kLeastBits, 64)),
        second_bits_(std::max(packed_bits - 64, 0)),
        mixer_(first_bits_) {
    KNOT_CHECK(packed_bits <= kMaxBits);
  }

  EntryShape shape() const { return EntryShape{first_bits_ - kShardBits - 32, second_bits_}; }
  Scratch NewScratch() const { return {}; }

  Place Encode(const uint64_t* packed, Scratch&) const {
    const uint64_t second = second_bits_ == 0 ? 0 : packed[1];
    const uint64_t mixed = mixer_.Mix(packed[0] ^ (Spread(second) & mixer_.mask()));
    const uint64_t aligned = mixed << (64 - first_bits_);
    const uint64_t rest = aligned << kShardBits;
    const int unused = 64 - (first_bits_ - kShardBits);
    // The middle bits move down to bit 0 of the lower half.
    const uint64_t middle = (rest & 0xffffffffu) >> unused;
    return Place{static_cast<uint32_t>(aligned >> (64 - kShardBits)),
                 Entry{(rest >> 32 << 32) | middle, second}};
  }

  void Decode(const Place& place, uint64_t* packed, Scratch&) const {
    const int middle_bits = first_bits_ - kShardBits - 32;
    const uint64_t middle = place.entry.high & 0xffffffffu;
    const uint64_t mixed = (uint64_t{place.shard} << (first_bits_ - kShardBits)) |
                           (place.entry.high >> 32 << middle_bits) | middle;
    packed[0] = mixer_.Unmix(mixed) ^ (Spread(place.entry.low) & mixer_.mask());
    if (second_bits_ != 0) packed[1] = place.entry.low;
  }

  // Memory beside the set.
  uint64_t bytes() const { return 0; }
  static void Save(CheckpointWriter&) {}
  static void Load(CheckpointReader&) {}

 private:
  // Smaller keys are padded, so that there is something to choose shard and bucket by.
  static constexpr int kLeastBits = 40;

  static uint64_t Spread(uint64_t second) {
    second *= 0x9e3779b97f4a7c15u;
    return second ^ (second >> 32);
  }

  int first_bits_;   // of the key's first word
  int second_bits_;  // of its second word
  Mixer mixer_;
};

}  // namespace knotcheck::checker
