// SPDX-License-Identifier: Apache-2.0
//
// The exact visited set: a hash table of quotients (checker/key.h) in shards that grow each on its
// own. A bucket is a cache line of byte-granular slots. What does not fit into its own line goes
// into one of the next two, and in the last resort into a small table beside. A line never loses an
// entry, so a look-up goes on exactly where an insertion did: past full lines. Each entry carries a
// small tag, which plays no part in comparisons.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "checker/checkpoint.h"
#include "checker/key.h"

namespace knotcheck::checker {

// A plain exact table of entries, for the few that find no room in their lines.
class CrowdedTable {
 public:
  // True if it was not there before.
  bool Insert(const Entry& entry, uint32_t tag);
  template <class Fn>
  void ForEach(Fn&& fn) const {
    for (const Slot& slot : slots_) {
      if (slot.tag != kNoTag) fn(slot.entry, slot.tag);
    }
  }
  uint64_t size() const { return count_; }

 private:
  static constexpr uint32_t kNoTag = ~uint32_t{0};
  struct Slot {
    Entry entry;
    uint32_t tag = kNoTag;
  };
  bool Place(const Entry& entry, uint32_t tag);

  uint64_t count_ = 0;
  std::vector<Slot> slots_;
};

class CompactSet {
 public:
  CompactSet(EntryShape shape, int tag_bits);
  ~CompactSet();
  CompactSet(const CompactSet&) = delete;
  CompactSet& operator=(const CompactSet&) = delete;

  // Adds `count` entries to a shard, in their order, until `most` of them were new. Moves the new
  // ones to the front of `entries`, in their order, and returns how many they are. Threads may
  // insert at the same time, each into another shard.
  size_t Insert(uint32_t shard, Entry* entries, size_t count, uint32_t tag, size_t most);
  // True if it was not there before.
  bool Insert(const Place& place, uint32_t tag);

  // Calls fn(entry, tag) for all entries of a shard, in no particular order.
  void ForEach(uint32_t shard, const std::function<void(const Entry&, uint32_t)>& fn) const;

  // Line by line; Load() into an empty set of the same shape.
  void Save(CheckpointWriter& out) const;
  void Load(CheckpointReader& in);

  uint64_t size() const;
  // Memory of the lines: the number of entries in each shard decides it.
  uint64_t bytes() const;
  // Entries that found no room in their own line and the two after it.
  uint64_t crowded() const;
  int tag_bits() const { return tag_bits_; }

 private:
  // How the lines of a shard are divided; follows from their number.
  struct Format {
    uint32_t lines = 0;     // that entries may call their own; two more follow
    int slot_bytes = 0;     // 63 / slot_bytes slots a line; the last byte counts them
    int drop = 0;           // floor(log2(lines))
    int quotient_bits = 0;  // 32 - drop + shape.middle_bits
    uint64_t inverse = 0;   // floor((2^64 - 1) / lines)
  };
  struct alignas(64) Shard {
    std::byte* memory = nullptr;
    uint64_t count = 0;
    uint64_t limit = 0;
    Format format;
    CrowdedTable crowded;
  };

  // What an insertion needs to know of a shard.
  struct Layout {
    std::byte* memory;
    uint64_t lines;
    int drop, middle_bits, low_bits;
    int far_shift;  // where the bit after the quotient stands
  };

  Format FormatOf(uint32_t lines) const;
  static size_t Bytes(const Format& format);
  // How many lines a shard has when it grows next.
  uint32_t LinesAfter(const Shard& shard) const;
  void Allocate(Shard& shard, uint32_t lines) const;
  static void Free(const Shard& shard);
  void Grow(Shard& shard) const;
  template <int kSlotBytes>
  size_t InsertInto(Shard& shard, Entry* entries, size_t count, uint32_t tag, size_t most);
  Layout LayoutOf(const Shard& shard) const;
  template <int kSlotBytes, bool kKnownNew>
  static bool InsertOne(const Layout& layout, CrowdedTable& crowded, const Entry& entry,
                        uint32_t tag);
  template <int kSlotBytes, class Fn>
  void Visit(const Shard& shard, Fn&& fn) const;

  EntryShape shape_;
  int tag_bits_;
  std::vector<Shard> shards_;
};

}  // namespace knotcheck::checker
