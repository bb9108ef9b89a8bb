// SPDX-License-Identifier: Apache-2.0

#include "checker/pack.h"

#include <bit>
#include <cstdio>
#include <cstdlib>

namespace knotcheck::checker {

void Packer::Overflow(const uint64_t* state) const {
  for (size_t word = 0; word < dead_bits_.size(); ++word) {
    const uint64_t excess = state[word] & dead_bits_[word];
    if (excess == 0) continue;
    std::fprintf(stderr,
                 "internal error: a state uses byte %zu beyond its declared width (bits %#llx)\n",
                 word * 8 + static_cast<size_t>(std::countr_zero(excess)) / 8,
                 static_cast<unsigned long long>(excess));
    break;
  }
  std::_Exit(70);
}

uint64_t Packer::ExtractSlowly(uint64_t value, uint64_t mask) {
  uint64_t result = 0;
  for (int out = 0; mask != 0; mask &= mask - 1, ++out) {
    if (value & mask & -mask) result |= uint64_t{1} << out;
  }
  return result;
}

uint64_t Packer::DepositSlowly(uint64_t value, uint64_t mask) {
  uint64_t result = 0;
  for (; mask != 0; mask &= mask - 1, value >>= 1) {
    if (value & 1) result |= mask & -mask;
  }
  return result;
}

Packer::Packer(const PackMasks& masks, [[maybe_unused]] Method method)
    : state_words_(static_cast<int>(masks.words.size())) {
  uint32_t fill = 0;
  for (uint32_t word = 0; word < masks.words.size(); ++word) {
    dead_bits_.push_back(~masks.words[word]);
    for (uint64_t mask = masks.words[word]; mask != 0;) {
      // The lowest bits, as many as there is room for in the packed word.
      uint64_t rest = mask;
      const uint32_t shift = fill % 64;
      for (uint32_t room = 64 - shift; room > 0 && rest != 0; --room, ++fill) rest &= rest - 1;
      pieces_.push_back(Piece{mask ^ rest, word, shift});
      if (fill % 64 == 0) ends_.push_back(pieces_.size());
      mask = rest;
    }
  }
  if (fill % 64 != 0 || fill == 0) ends_.push_back(pieces_.size());
  packed_bits_ = static_cast<int>(fill);
  packed_words_ = static_cast<int>(ends_.size());
#if defined(__x86_64__)
  bmi2_ = method == Method::kFastest && __builtin_cpu_supports("bmi2");
#endif
}

}  // namespace knotcheck::checker
