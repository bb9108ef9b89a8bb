// SPDX-License-Identifier: Apache-2.0

#include "checker/visited_set.h"

#include <bit>

namespace knotcheck::checker {
namespace {
constexpr size_t kFirstSlots = 1u << 12;

// The low bits of a slot that hold a state's number plus one, when there are `slots` slots.
uint32_t IndexMask(size_t slots) {
  return slots >= (size_t{1} << 32) ? ~uint32_t{0} : static_cast<uint32_t>(slots - 1);
}
}  // namespace

VisitedSet::VisitedSet(int words)
    : words_(words),
      slots_(kFirstSlots),
      slot_mask_(kFirstSlots - 1),
      index_mask_(IndexMask(kFirstSlots)) {}

uint64_t VisitedSet::bytes() const {
  const uint64_t per_chunk = kChunkStates * (static_cast<uint64_t>(words_) * 8 + 4);
  return slots_.size() * 4 + chunks_.size() * per_chunk;
}

uint64_t VisitedSet::bytes_when_growing() const { return bytes() + slots_.size() * 4; }

void VisitedSet::Grow() {
  const size_t count = slots_.size() * 2;
  // Clear the old index first: every state can be hashed again, and holding both would cost half
  // as much memory again.
  std::vector<uint32_t>().swap(slots_);
  slots_.resize(count);
  slot_mask_ = count - 1;
  index_mask_ = IndexMask(count);
  for (uint64_t index = 0; index < size_; ++index) {
    const uint64_t hash = HashWords(State(static_cast<uint32_t>(index)), words_);
    uint64_t position = hash & slot_mask_;
    while (slots_[position] != 0) position = (position + 1) & slot_mask_;
    slots_[position] =
        static_cast<uint32_t>(index + 1) | (static_cast<uint32_t>(hash >> 32) & ~index_mask_);
  }
}

}  // namespace knotcheck::checker
