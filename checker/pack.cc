// SPDX-License-Identifier: Apache-2.0

#include "checker/pack.h"

#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace knotcheck::checker {
namespace {

[[noreturn]] void Overflow(uint32_t word, uint64_t excess) {
  std::fprintf(stderr,
               "internal error: a state uses byte %u beyond its declared width (bits %#llx)\n",
               word * 8 + static_cast<uint32_t>(std::countr_zero(excess)) / 8,
               static_cast<unsigned long long>(excess));
  std::_Exit(70);
}

uint64_t ExtractBits(uint64_t value, uint64_t mask) {
  uint64_t result = 0;
  for (int out = 0; mask != 0; mask &= mask - 1, ++out) {
    if (value & mask & -mask) result |= uint64_t{1} << out;
  }
  return result;
}

uint64_t DepositBits(uint64_t value, uint64_t mask) {
  uint64_t result = 0;
  for (; mask != 0; mask &= mask - 1, value >>= 1) {
    if (value & 1) result |= mask & -mask;
  }
  return result;
}

}  // namespace

struct Packer::Portable {
  static void Pack(const Packer& p, const uint64_t* state, uint64_t* packed) {
    std::memset(packed, 0, static_cast<size_t>(p.packed_words_) * 8);
    for (const Lane& lane : p.lanes_) {
      const uint64_t value = state[lane.word];
      if (value & ~lane.mask) [[unlikely]]
        Overflow(lane.word, value & ~lane.mask);
      const uint64_t bits = ExtractBits(value, lane.mask);
      const uint32_t shift = lane.fill % 64;
      packed[lane.fill / 64] |= bits << shift;
      if (shift + lane.bits > 64) packed[lane.fill / 64 + 1] |= bits >> (64 - shift);
    }
    for (const uint32_t word : p.dead_) {
      if (state[word] != 0) [[unlikely]]
        Overflow(word, state[word]);
    }
  }

  static void Unpack(const Packer& p, const uint64_t* packed, uint64_t* state) {
    std::memset(state, 0, static_cast<size_t>(p.state_words_) * 8);
    for (const Lane& lane : p.lanes_) {
      const uint32_t shift = lane.fill % 64;
      uint64_t bits = packed[lane.fill / 64] >> shift;
      if (shift + lane.bits > 64) bits |= packed[lane.fill / 64 + 1] << (64 - shift);
      state[lane.word] = DepositBits(bits, lane.mask);
    }
  }
};

#if defined(__x86_64__)
struct Packer::Bmi2 {
  __attribute__((target("bmi2"))) static void Pack(const Packer& p, const uint64_t* state,
                                                   uint64_t* packed) {
    uint64_t acc = 0;
    uint32_t filled = 0;
    uint64_t excess = 0;
    for (const Lane& lane : p.lanes_) {
      const uint64_t value = state[lane.word];
      excess |= value & ~lane.mask;
      const uint64_t bits = _pext_u64(value, lane.mask);
      acc |= bits << filled;
      filled += lane.bits;
      if (filled >= 64) {
        *packed++ = acc;
        filled -= 64;
        acc = filled == 0 ? 0 : bits >> (lane.bits - filled);
      }
    }
    if (filled > 0) *packed = acc;
    for (const uint32_t word : p.dead_) excess |= state[word];
    if (excess != 0) [[unlikely]] {
      for (const Lane& lane : p.lanes_) {
        if (state[lane.word] & ~lane.mask) Overflow(lane.word, state[lane.word] & ~lane.mask);
      }
      for (const uint32_t word : p.dead_) {
        if (state[word] != 0) Overflow(word, state[word]);
      }
    }
  }

  __attribute__((target("bmi2"))) static void Unpack(const Packer& p, const uint64_t* packed,
                                                     uint64_t* state) {
    for (const uint32_t word : p.dead_) state[word] = 0;
    for (const Lane& lane : p.lanes_) {
      const uint32_t shift = lane.fill % 64;
      uint64_t bits = packed[lane.fill / 64] >> shift;
      if (shift + lane.bits > 64) bits |= packed[lane.fill / 64 + 1] << (64 - shift);
      state[lane.word] = _pdep_u64(bits, lane.mask);
    }
  }
};
#endif

Packer::Packer(const PackMasks& masks, [[maybe_unused]] Method method)
    : state_words_(static_cast<int>(masks.words.size())),
      packed_words_(0),
      packed_bits_(0),
      pack_(&Portable::Pack),
      unpack_(&Portable::Unpack) {
  uint32_t fill = 0;
  for (uint32_t word = 0; word < masks.words.size(); ++word) {
    const uint64_t mask = masks.words[word];
    if (mask == 0) {
      dead_.push_back(word);
      continue;
    }
    const uint32_t bits = static_cast<uint32_t>(std::popcount(mask));
    lanes_.push_back(Lane{mask, word, fill, bits});
    fill += bits;
  }
  packed_bits_ = static_cast<int>(fill);
  packed_words_ = fill == 0 ? 1 : static_cast<int>((fill + 63) / 64);
#if defined(__x86_64__)
  if (method == Method::kFastest && fill > 0 && __builtin_cpu_supports("bmi2")) {
    pack_ = &Bmi2::Pack;
    unpack_ = &Bmi2::Unpack;
  }
#endif
}

}  // namespace knotcheck::checker
