// SPDX-License-Identifier: Apache-2.0
//
// Bit-packing of states by the model's masks: the bits that carry information are gathered with
// parallel bit extract, so that a state costs the visited set its real content and no more.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "checker/model.h"

namespace knotcheck::checker {

// Packs states of words.size() 8-byte words into packed_words() 8-byte words and back. Exact: a
// set bit outside the masks ends the program with an internal error that names the byte.
class Packer {
 public:
  // Both methods give the same words. kFastest is BMI2 where the processor has it; kPortable is
  // what remains elsewhere, by name so that tests reach it everywhere.
  enum class Method : uint8_t { kFastest, kPortable };

  explicit Packer(const PackMasks& masks, Method method = Method::kFastest);

  int state_words() const { return state_words_; }
  int packed_words() const { return packed_words_; }
  int packed_bits() const { return packed_bits_; }

  // `state` has state_words() words, `packed` packed_words().
  void Pack(const uint64_t* state, uint64_t* packed) const { pack_(*this, state, packed); }
  void Unpack(const uint64_t* packed, uint64_t* state) const { unpack_(*this, packed, state); }

 private:
  // One word of the state that carries information. `fill` is where its bits begin in the packed
  // words.
  struct Lane {
    uint64_t mask;
    uint32_t word;
    uint32_t fill;
    uint32_t bits;
  };
  struct Bmi2;
  struct Portable;

  int state_words_;
  int packed_words_;
  int packed_bits_;
  std::vector<Lane> lanes_;
  // Words of the state that must be zero.
  std::vector<uint32_t> dead_;
  void (*pack_)(const Packer&, const uint64_t*, uint64_t*);
  void (*unpack_)(const Packer&, const uint64_t*, uint64_t*);
};

// A hash of `words` 8-byte words; the same on every machine and run.
inline uint64_t HashWords(const uint64_t* data, int words) {
  // The mixer is the 128-bit multiply of wyhash, one round a word.
  uint64_t h = 0x9e3779b97f4a7c15u;
  for (int i = 0; i < words; ++i) {
    const __uint128_t m = static_cast<__uint128_t>(data[i] ^ h) *
                          (0xd6e8feb86659fd93u + 2 * static_cast<uint64_t>(i));
    h = static_cast<uint64_t>(m) ^ static_cast<uint64_t>(m >> 64);
  }
  const __uint128_t m = static_cast<__uint128_t>(h) * 0xa0761d6478bd642fu;
  return static_cast<uint64_t>(m) ^ static_cast<uint64_t>(m >> 64);
}

}  // namespace knotcheck::checker
