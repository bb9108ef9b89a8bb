// SPDX-License-Identifier: Apache-2.0
//
// The exact visited set: packed states in the order of their discovery, each with the number of
// the state that it was first reached from, and an open-addressing index over them. Nothing is
// lossy: two states are the same only when all their bits are.

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/check.h"
#include "checker/pack.h"

namespace knotcheck::checker {

class VisitedSet {
 public:
  static constexpr uint32_t kNoParent = 0xffffffffu;
  // One state number is kept for "no slot".
  static constexpr uint64_t kMaxStates = 0xfffffffeu;

  // `words`: 8-byte words of a packed state.
  explicit VisitedSet(int words);

  uint64_t size() const { return size_; }
  int words() const { return words_; }

  // All memory that the set holds now, and what it will hold while it next grows its index.
  uint64_t bytes() const;
  uint64_t bytes_when_growing() const;

  // The packed state with this number.
  const uint64_t* State(uint32_t index) const {
    return chunks_[index >> kChunkBits].get() +
           static_cast<size_t>(index & (kChunkStates - 1)) * static_cast<size_t>(words_);
  }
  uint32_t Parent(uint32_t index) const {
    return parents_[index >> kChunkBits][index & (kChunkStates - 1)];
  }

  // Announces a later Insert: brings the slot of `hash` into the cache.
  void Prefetch(uint64_t hash) const { __builtin_prefetch(&slots_[hash & slot_mask_]); }

  // Announces a later Insert a second time: brings the state that the slot names into the cache.
  void PrefetchState(uint64_t hash) const {
    const uint32_t slot = slots_[hash & slot_mask_];
    if (slot != 0) __builtin_prefetch(State((slot & index_mask_) - 1));
  }

  // Adds the packed state, whose hash must be HashWords() of it, with the given parent. True when
  // it was not there before; then its number is size()-1.
  bool Insert(const uint64_t* packed, uint64_t hash, uint32_t parent);

 private:
  static constexpr int kChunkBits = 14;
  static constexpr uint32_t kChunkStates = 1u << kChunkBits;

  bool Same(uint32_t index, const uint64_t* packed) const {
    const uint64_t* state = State(index);
    uint64_t difference = 0;
    for (int i = 0; i < words_; ++i) difference |= state[i] ^ packed[i];
    return difference == 0;
  }
  void Grow();

  int words_;
  uint64_t size_ = 0;
  // A slot is 0 (empty) or the number of a state plus one in its low bits, below index_mask_, and
  // the top bits of the hash in the rest, which spare most comparisons of different states.
  std::vector<uint32_t> slots_;
  uint64_t slot_mask_ = 0;
  uint32_t index_mask_ = 0;
  std::vector<std::unique_ptr<uint64_t[]>> chunks_;
  std::vector<std::unique_ptr<uint32_t[]>> parents_;
};

inline bool VisitedSet::Insert(const uint64_t* packed, uint64_t hash, uint32_t parent) {
  const uint32_t tag = static_cast<uint32_t>(hash >> 32) & ~index_mask_;
  uint64_t position = hash & slot_mask_;
  while (true) {
    const uint32_t slot = slots_[position];
    if (slot == 0) break;
    if ((slot & ~index_mask_) == tag && Same((slot & index_mask_) - 1, packed)) return false;
    position = (position + 1) & slot_mask_;
  }
  KNOT_CHECK(size_ < kMaxStates);
  const uint32_t index = static_cast<uint32_t>(size_);
  const uint32_t offset = index & (kChunkStates - 1);
  if (offset == 0) {
    chunks_.emplace_back(new uint64_t[static_cast<size_t>(kChunkStates) * words_]);
    parents_.emplace_back(new uint32_t[kChunkStates]);
  }
  uint64_t* state = chunks_.back().get() + static_cast<size_t>(offset) * words_;
  for (int i = 0; i < words_; ++i) state[i] = packed[i];
  parents_.back()[offset] = parent;
  slots_[position] = (index + 1) | tag;
  ++size_;
  if (size_ * 4 > slots_.size() * 3) Grow();
  return true;
}

}  // namespace knotcheck::checker
