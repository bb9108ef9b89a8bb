// SPDX-License-Identifier: Apache-2.0
//
// Tree compression: a state of many words becomes a pair of 32-bit references to nodes that states
// share (Laarman, van de Pol, Weber 2011, "Parallel recursive state compression for free"). Exact
// and invertible. The numbers of nodes depend on the order in which threads make them, their count
// does not; whatever must be the same on every run goes by the content of a state.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "checker/key.h"

namespace knotcheck::checker {

// Numbers 64-bit values. Threads may call all methods at the same time.
class NodeTable {
 public:
  NodeTable();
  // The number of `value`, a new one if it has none.
  uint32_t Intern(uint64_t value);
  // The value with a number that Intern() returned.
  uint64_t Value(uint32_t number) const {
    const Stripe& stripe = stripes_[number & (kStripes - 1)];
    const uint32_t index = (number >> kStripeBits) + kFirst;
    const int chunk = std::bit_width(index) - kFirstBits - 1;
    return stripe.chunks[chunk][index - (kFirst << chunk)];
  }
  // Not while another thread interns.
  uint64_t size() const;

 private:
  static constexpr int kStripeBits = 6;
  static constexpr uint32_t kStripes = 1u << kStripeBits;
  static constexpr uint32_t kMostInStripe = 1u << (32 - kStripeBits);
  // Each chunk holds twice as many values as the one before.
  static constexpr int kFirstBits = 5;
  static constexpr uint32_t kFirst = 1u << kFirstBits;
  static constexpr int kChunks = 32 - kStripeBits - kFirstBits + 1;

  struct alignas(64) Stripe {
    std::atomic_flag busy = ATOMIC_FLAG_INIT;
    uint32_t count = 0;
    std::vector<uint32_t> slots;  // 0, or the index of a value plus one
    std::unique_ptr<uint64_t[]> chunks[kChunks];
  };
  static uint64_t At(const Stripe& stripe, uint32_t index) {
    index += kFirst;
    const int chunk = std::bit_width(index) - kFirstBits - 1;
    return stripe.chunks[chunk][index - (kFirst << chunk)];
  }
  static uint32_t Find(Stripe& stripe, uint64_t value, uint64_t hash);
  static void Grow(Stripe& stripe);

  std::vector<Stripe> stripes_;
};

// Keys of packed states of any number of words. The words are the leaves of a binary tree; each
// level has one table, so that equal numbers in it mean equal contents.
class TreeKeys {
 public:
  static constexpr int kTagBits = 6;

  // The state that a thread decoded last, with its nodes: a successor shares most of them.
  struct Scratch {
    std::vector<uint64_t> words;
    std::vector<uint32_t> nodes;    // level by level
    std::vector<uint32_t> current;  // as `nodes`, of the state being encoded
    std::vector<uint32_t> changed;
    uint64_t hash = 0;   // of `words`
    bool known = false;  // a state has been decoded
  };

  explicit TreeKeys(int words);

  EntryShape shape() const { return EntryShape{32, 0}; }
  Scratch NewScratch() const;
  Place Encode(const uint64_t* packed, Scratch& scratch) const;
  void Decode(const Place& place, uint64_t* packed, Scratch& scratch) const;
  // A node counts 16 bytes: its value, and its place in an index that is at least half empty.
  // Not while another thread encodes.
  uint64_t bytes() const;

 private:
  static constexpr uint32_t kNoNode = 0xffffffffu;
  uint64_t ValueAt(size_t level, uint32_t index, const std::vector<uint32_t>& nodes) const;

  int words_;
  Mixer mixer_;
  std::vector<uint32_t> widths_;   // of the levels: the words, their pairs, ... at most two nodes
  std::vector<uint32_t> offsets_;  // of the levels in Scratch::nodes
  mutable std::vector<NodeTable> tables_;
};

}  // namespace knotcheck::checker
