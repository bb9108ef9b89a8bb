// SPDX-License-Identifier: Apache-2.0

#include "checker/pack.h"

#include <algorithm>
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

Packer::Packer(const PackMasks& masks, [[maybe_unused]] Method method, int part_words)
    : state_words_(static_cast<int>(masks.words.size())) {
  const uint64_t gap = part_words > 0 ? 64 * static_cast<uint64_t>(part_words) : 1;
  uint64_t fill = 0;
  size_t part = 0;
  // The next packed word, after so many that are full or left as they are.
  const auto advance = [&](uint64_t to) {
    for (; fill / 64 < to / 64; fill = (fill / 64 + 1) * 64) ends_.push_back(pieces_.size());
    fill = to;
  };
  for (uint32_t byte = 0; byte < masks.words.size() * 8;) {
    if (byte % 8 == 0) dead_bits_.push_back(~masks.words[byte / 8]);
    for (; part < masks.parts.size() && masks.parts[part] <= byte; ++part) {
      advance((fill + gap - 1) / gap * gap);
    }
    // Up to the next word or part.
    uint32_t end = (byte / 8 + 1) * 8;
    if (part < masks.parts.size()) end = std::min(end, masks.parts[part]);
    const uint64_t above = end % 8 == 0 ? ~uint64_t{0} : (uint64_t{1} << (end % 8 * 8)) - 1;
    uint64_t mask = masks.words[byte / 8] & above & (~uint64_t{0} << (byte % 8 * 8));
    while (mask != 0) {
      // The lowest bits, as many as there is room for in the packed word.
      uint64_t rest = mask;
      const auto shift = static_cast<uint32_t>(fill % 64);
      const auto bits = std::min(64 - shift, static_cast<uint32_t>(std::popcount(mask)));
      for (uint32_t i = 0; i < bits; ++i) rest &= rest - 1;
      pieces_.push_back(Piece{mask ^ rest, byte / 8, shift});
      packed_bits_ += static_cast<int>(bits);
      advance(fill + bits);
      mask = rest;
    }
    byte = end;
  }
  if (fill % 64 != 0 || fill == 0) ends_.push_back(pieces_.size());
  packed_words_ = static_cast<int>(ends_.size());
  const auto words = static_cast<size_t>(std::max(part_words, 0));
  for (size_t first = 0; words > 0 && first < ends_.size(); first += words) {
    const size_t begin = first == 0 ? 0 : ends_[first - 1];
    const size_t end = ends_[std::min(first + words, ends_.size()) - 1];
    // A run of which nothing is packed has no words of its own.
    const uint32_t from =
        begin < pieces_.size() ? pieces_[begin].word : static_cast<uint32_t>(state_words_);
    runs_.push_back(Run{from, end > begin ? pieces_[end - 1].word + 1 : from});
  }
  // Every word belongs to a run, so that bits beyond the masks are seen.
  for (size_t i = 0; i < runs_.size(); ++i) {
    if (i == 0) runs_[i].begin = 0;
    const uint32_t next =
        i + 1 < runs_.size() ? runs_[i + 1].begin : static_cast<uint32_t>(state_words_);
    runs_[i].end = std::max(runs_[i].end, next);
  }
#if defined(__x86_64__)
  bmi2_ = method == Method::kFastest && __builtin_cpu_supports("bmi2");
#endif
}

}  // namespace knotcheck::checker
