// SPDX-License-Identifier: Apache-2.0
//
// The one mixer of all hashes here: wyhash's product of 128 bits, folded. The same on every machine
// and run, and no protection against who chooses what is hashed.

#pragma once

#include <cstdint>

namespace knotcheck::base {

// An odd factor and a first value, of no other meaning.
inline constexpr uint64_t kHashFactor = 0xd6e8feb86659fd93u;
inline constexpr uint64_t kHashSeed = 0x9e3779b97f4a7c15u;

inline uint64_t Fold(uint64_t a, uint64_t b) {
  const __uint128_t product = static_cast<__uint128_t>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// A hash of `words` 8-byte words, one round a word.
inline uint64_t HashWords(const uint64_t* data, int words) {
  uint64_t h = kHashSeed;
  for (int i = 0; i < words; ++i) h = Fold(data[i] ^ h, kHashFactor + 2 * static_cast<uint64_t>(i));
  return Fold(h, 0xa0761d6478bd642fu);
}

}  // namespace knotcheck::base
