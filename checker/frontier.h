// SPDX-License-Identifier: Apache-2.0
//
// The states of one level of a breadth-first search, byte-packed, in the order of their shards.

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "checker/key.h"

namespace knotcheck::checker {

class Frontier {
 public:
  explicit Frontier(EntryShape shape)
      : middle_bytes_(static_cast<size_t>(shape.middle_bits + 7) / 8),
        low_bytes_(static_cast<size_t>(shape.low_bits + 7) / 8),
        bytes_(4 + middle_bytes_ + low_bytes_) {}

  // Threads may append at the same time, each to another shard.
  void Append(uint32_t shard, const Entry* entries, size_t count) {
    std::vector<std::byte>& list = lists_[shard];
    const size_t begin = list.size();
    list.resize(begin + count * bytes_);
    std::byte* p = list.data() + begin;
    for (size_t i = 0; i < count; ++i, p += bytes_) {
      const uint64_t upper = entries[i].high >> 32;
      std::memcpy(p, &upper, 4);
      std::memcpy(p + 4, &entries[i].high, middle_bytes_);
      std::memcpy(p + 4 + middle_bytes_, &entries[i].low, low_bytes_);
    }
  }

  // Calls fn(place) for the states with positions `begin` .. `end`-1. Count() comes first.
  template <class Fn>
  void ForEach(size_t begin, size_t end, Fn&& fn) const {
    auto shard = static_cast<uint32_t>(std::upper_bound(starts_.begin(), starts_.end(), begin) -
                                       starts_.begin() - 1);
    for (size_t i = begin; i < end; ++i) {
      while (i >= starts_[shard + 1]) ++shard;
      const std::byte* p = lists_[shard].data() + (i - starts_[shard]) * bytes_;
      uint64_t upper = 0, middle = 0;
      Place place;
      place.shard = shard;
      std::memcpy(&upper, p, 4);
      std::memcpy(&middle, p + 4, middle_bytes_);
      std::memcpy(&place.entry.low, p + 4 + middle_bytes_, low_bytes_);
      place.entry.high = upper << 32 | middle;
      fn(place);
    }
  }

  // The number of states. Fixes their positions, until the next Append().
  size_t Count() {
    for (uint32_t s = 0; s < kShards; ++s) starts_[s + 1] = starts_[s] + lists_[s].size() / bytes_;
    return starts_[kShards];
  }

  void Clear() {
    for (std::vector<std::byte>& list : lists_) list.clear();
  }

 private:
  size_t middle_bytes_, low_bytes_, bytes_;
  std::array<std::vector<std::byte>, kShards> lists_;
  std::array<size_t, kShards + 1> starts_{};
};

}  // namespace knotcheck::checker
