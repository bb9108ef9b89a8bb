// SPDX-License-Identifier: Apache-2.0
//
// The states of one level of a breadth-first search, byte-packed, in the order of their shards.

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "checker/checkpoint.h"
#include "checker/key.h"

namespace knotcheck::checker {

class Frontier {
 public:
  explicit Frontier(EntryShape shape)
      : middle_bytes_(static_cast<size_t>(shape.middle_bits + 7) / 8),
        low_bytes_(static_cast<size_t>(shape.low_bits + 7) / 8),
        high_mask_(~uint64_t{0} >> (32 - 8 * middle_bytes_)),
        low_mask_(low_bytes_ == 0 ? 0 : ~uint64_t{0} >> (64 - 8 * low_bytes_)),
        bytes_(4 + middle_bytes_ + low_bytes_) {}

  // Threads may append at the same time, each to another shard.
  void Append(uint32_t shard, const Entry* entries, size_t count) {
    std::vector<std::byte>& list = lists_[shard];
    if (count == 0) return;
    const size_t begin = list.empty() ? 0 : list.size() - kSpare;
    const size_t size = begin + count * bytes_ + kSpare;
    if (size > list.capacity()) list.reserve(std::max(size, list.capacity() * 5 / 4));
    list.resize(size);
    std::byte* p = list.data() + begin;
    for (size_t i = 0; i < count; ++i, p += bytes_) {
      const uint64_t high = std::rotl(entries[i].high, 32);
      std::memcpy(p, &high, 8);
      std::memcpy(p + 4 + middle_bytes_, &entries[i].low, 8);
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
      Place place;
      place.shard = shard;
      std::memcpy(&place.entry.high, p, 8);
      std::memcpy(&place.entry.low, p + 4 + middle_bytes_, 8);
      place.entry.high = std::rotl(place.entry.high & high_mask_, 32);
      place.entry.low &= low_mask_;
      fn(place);
    }
  }

  // The number of states. Fixes their positions, until the next Append().
  size_t Count() {
    for (uint32_t s = 0; s < kShards; ++s) {
      const size_t bytes = lists_[s].empty() ? 0 : lists_[s].size() - kSpare;
      starts_[s + 1] = starts_[s] + bytes / bytes_;
    }
    return starts_[kShards];
  }

  void Save(CheckpointWriter& out) const {
    for (const std::vector<std::byte>& list : lists_) out.PutAll(list);
  }
  void Load(CheckpointReader& in) {
    for (std::vector<std::byte>& list : lists_) list = in.GetAll<std::byte>();
  }

  void Clear() {
    for (std::vector<std::byte>& list : lists_) list.clear();
  }

 private:
  // After the last state, so that all are read and written in whole words.
  static constexpr size_t kSpare = 8;

  size_t middle_bytes_, low_bytes_;
  uint64_t high_mask_, low_mask_;
  size_t bytes_;
  std::array<std::vector<std::byte>, kShards> lists_;
  std::array<size_t, kShards + 1> starts_{};
};

}  // namespace knotcheck::checker
