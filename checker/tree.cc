// SPDX-License-Identifier: Apache-2.0

#include "checker/tree.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/hash.h"

namespace knotcheck::checker {
namespace {

constexpr size_t kFirstSlots = 16;

uint64_t HashNode(uint64_t value) {
  return base::Fold(value ^ base::kHashSeed, 0xa0761d6478bd642fu);
}

// The sum of these over all blocks is the hash of a state, so that it changes by little work when
// few blocks change. Its last bits are the sum of theirs alone: they are the shard.
uint64_t HashWord(uint64_t word, size_t position) {
  return base::Fold(word ^ 0x2d358dccaa6c78a5u, base::kHashFactor + 2 * position);
}

// Short enough that a call to compare them would cost more than the comparison.
template <size_t kWords>
bool Same(const std::array<uint64_t, kWords>& a, const std::array<uint64_t, kWords>& b) {
  uint64_t different = 0;
  for (size_t i = 0; i < kWords; ++i) different |= a[i] ^ b[i];
  return different == 0;
}

class Guard {
 public:
  explicit Guard(std::atomic_flag& flag) : flag_(flag) {
    while (flag_.test_and_set(std::memory_order_acquire)) {
      while (flag_.test(std::memory_order_relaxed)) {
      }
    }
  }
  ~Guard() { flag_.clear(std::memory_order_release); }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

 private:
  std::atomic_flag& flag_;
};

}  // namespace

template <size_t kWords>
uint64_t NodeTable<kWords>::Hash(const Value& value) {
  uint64_t sum = value[0];
  for (size_t i = 1; i < kWords; ++i) sum = HashWord(sum, i) + value[i];
  return HashNode(sum);
}

template <size_t kWords>
uint32_t NodeTable<kWords>::Intern(const Value& value, uint64_t hash) {
  const uint32_t number = static_cast<uint32_t>(hash >> (64 - kStripeBits));
  Stripe& stripe = stripes_[number];
  if (!shared_) return Find(stripe, value, hash) << kStripeBits | number;
  const Guard guard(stripe.busy);
  return Find(stripe, value, hash) << kStripeBits | number;
}

template <size_t kWords>
uint32_t NodeTable<kWords>::Find(Stripe& stripe, const Value& value, uint64_t hash) {
  if (stripe.count * 2 >= stripe.slots.size()) Grow(stripe);
  const uint32_t tag = SlotOf(0, hash) & ~kIndexMask;
  const size_t mask = stripe.slots.size() - 1;
  size_t position = hash & mask;
  for (; stripe.slots[position] != 0; position = (position + 1) & mask) {
    const uint32_t slot = stripe.slots[position];
    if ((slot & ~kIndexMask) != tag) continue;
    const uint32_t index = (slot & kIndexMask) - 1;
    if (Same(At(stripe, index), value)) return index;
  }
  const uint32_t index = stripe.count;
  // The last number would read as "no node" in the last stripe, and leave none for the slot.
  KNOT_CHECK(index < kMostInStripe - 1);
  const uint32_t shifted = index + kFirst;
  const int chunk = std::bit_width(shifted) - kFirstBits - 1;
  if (stripe.chunks[chunk] == nullptr) stripe.chunks[chunk].reset(new Value[kFirst << chunk]);
  stripe.chunks[chunk][shifted - (kFirst << chunk)] = value;
  stripe.slots[position] = SlotOf(index, hash);
  ++stripe.count;
  return index;
}

template <size_t kWords>
void NodeTable<kWords>::Grow(Stripe& stripe) {
  // Not both at a time. Without memory there are no slots, and who comes next tries again.
  size_t count = kFirstSlots;
  while (count <= stripe.count * 2) count *= 2;
  stripe.first_slot.store(nullptr, std::memory_order_relaxed);
  std::vector<uint32_t>().swap(stripe.slots);
  stripe.slots.resize(count);
  stripe.slot_mask.store(count - 1, std::memory_order_relaxed);
  stripe.first_slot.store(stripe.slots.data(), std::memory_order_relaxed);
  for (uint32_t index = 0; index < stripe.count; ++index) {
    const uint64_t hash = Hash(At(stripe, index));
    size_t position = hash & (count - 1);
    while (stripe.slots[position] != 0) position = (position + 1) & (count - 1);
    stripe.slots[position] = SlotOf(index, hash);
  }
}

template <size_t kWords>
uint64_t NodeTable<kWords>::size() const {
  uint64_t size = 0;
  for (const Stripe& stripe : stripes_) size += stripe.count;
  return size;
}

template <size_t kWords>
void NodeTable<kWords>::Save(CheckpointWriter& out) const {
  for (const Stripe& stripe : stripes_) {
    out.Put(stripe.count);
    uint32_t saved = 0;
    for (int chunk = 0; saved < stripe.count; ++chunk) {
      const uint32_t portion = std::min(kFirst << chunk, stripe.count - saved);
      out.Bytes(stripe.chunks[chunk].get(), portion * sizeof(Value));
      saved += portion;
    }
  }
}

template <size_t kWords>
void NodeTable<kWords>::Load(CheckpointReader& in) {
  for (Stripe& stripe : stripes_) {
    KNOT_CHECK(stripe.count == 0);
    const auto count = in.Get<uint32_t>();
    for (int chunk = 0; stripe.count < count; ++chunk) {
      const uint32_t portion = std::min(kFirst << chunk, count - stripe.count);
      stripe.chunks[chunk].reset(new Value[kFirst << chunk]);
      in.Bytes(stripe.chunks[chunk].get(), portion * sizeof(Value));
      stripe.count += portion;
    }
    if (count > 0) Grow(stripe);
  }
}

TreeKeys::TreeKeys(int words) : words_(static_cast<size_t>(words)), mixer_(64) {
  auto width = static_cast<uint32_t>((words_ + kBlockWords - 1) / kBlockWords);
  for (uint32_t arity = 0;; arity = width > 4 ? 4 : 2, width = (width + arity - 1) / arity) {
    Level level;
    level.width = width;
    level.offset = nodes_;
    level.arity = arity;
    if (arity == 2) level.pairs = std::make_unique<NodeTable<1>>();
    if (arity == 4) level.quads = std::make_unique<NodeTable<2>>();
    levels_.push_back(std::move(level));
    nodes_ += width;
    if (width <= 2) break;
  }
}

void TreeKeys::SetShared(bool shared) {
  leaves_.SetShared(shared);
  for (const Level& level : levels_) {
    if (level.pairs != nullptr) level.pairs->SetShared(shared);
    if (level.quads != nullptr) level.quads->SetShared(shared);
  }
}

TreeKeys::Scratch TreeKeys::NewScratch() const {
  Scratch scratch;
  scratch.blocks.resize(levels_[0].width);
  scratch.block_hashes.resize(levels_[0].width);
  scratch.nodes.resize(nodes_);
  scratch.leaves.resize(levels_[0].width);
  scratch.queue.resize(kMostQueued);
  for (Successor& next : scratch.queue) {
    next.nodes.resize(nodes_);
    next.changed.resize(levels_[0].width);
    next.fresh.resize(levels_[0].width);
    next.hashes.resize(levels_[0].width);
  }
  return scratch;
}

TreeKeys::Successor& TreeKeys::NextInQueue(Scratch& scratch) const {
  KNOT_CHECK(scratch.queued < kMostQueued);
  Successor& next = scratch.queue[scratch.queued++];
  std::copy(scratch.nodes.begin(), scratch.nodes.end(), next.nodes.begin());
  next.changes = 0;
  next.hash = scratch.hash;
  return next;
}

void TreeKeys::AddBlock(Scratch& scratch, Successor& next, uint32_t index,
                        const Block& block) const {
  if (scratch.known && Same(block, scratch.blocks[index])) return;
  const uint64_t leaf = leaves_.Hash(block);
  if (scratch.known) {
    uint64_t& before = scratch.block_hashes[index];
    if (before == 0) before = HashWord(leaves_.Hash(scratch.blocks[index]), index);
    next.hash -= before;
  }
  next.hash += HashWord(leaf, index);
  leaves_.Expect(leaf);
  next.fresh[next.changes] = block;
  next.hashes[next.changes] = leaf;
  next.changed[next.changes++] = index;
}

void TreeKeys::Queue(const Packer& packer, const uint64_t* state, const uint64_t* from,
                     Scratch& scratch) const {
  Successor& next = NextInQueue(scratch);
  packer.PackChanged<kBlockWords>(state, from, [&](uint32_t index, const Block& block) {
    AddBlock(scratch, next, index, block);
  });
}

Place TreeKeys::Encode(const uint64_t* packed, Scratch& scratch) const {
  Successor& next = NextInQueue(scratch);
  for (uint32_t i = 0; i < levels_[0].width; ++i) {
    // The last block is filled up with zeros.
    Block block{};
    const size_t first = i * kBlockWords;
    std::copy_n(packed + first, std::min(kBlockWords, words_ - first), block.begin());
    AddBlock(scratch, next, i, block);
  }
  Place place;
  TakeQueued(scratch, [&place](const Place& of) { place = of; });
  return place;
}

// Level by level, all of the queue at each.
void TreeKeys::InternQueued(Scratch& scratch) const {
  const auto queue = std::span(scratch.queue).first(scratch.queued);
  const auto expect_values = [&queue](const auto& table) {
    for (const Successor& next : queue) {
      for (size_t c = 0; c < next.changes; ++c) table.ExpectValue(next.hashes[c]);
    }
  };
  expect_values(leaves_);
  for (Successor& next : queue) {
    for (size_t c = 0; c < next.changes; ++c) {
      next.nodes[next.changed[c]] = leaves_.Intern(next.fresh[c], next.hashes[c]);
    }
  }
  for (size_t l = 1; l < levels_.size(); ++l) {
    const Level& level = levels_[l];
    const Level& below = levels_[l - 1];
    for (Successor& next : queue) {
      size_t parents = 0;
      for (size_t c = 0; c < next.changes; ++c) {
        const uint32_t index = next.changed[c] / level.arity;
        if (parents > 0 && next.changed[parents - 1] == index) continue;
        // The block of this place is interned: its words hold the node from here on.
        Block& value = next.fresh[parents];
        const uint32_t first = level.arity * index;
        for (uint32_t i = 0; i < level.arity; i += 2) {
          const auto child = [&](uint32_t at) -> uint64_t {
            return at < below.width ? next.nodes[below.offset + at] : kNoNode;
          };
          value[i / 2] = child(first + i) << 32 | child(first + i + 1);
        }
        if (level.arity == 2) {
          next.hashes[parents] = NodeTable<1>::Hash({value[0]});
          level.pairs->Expect(next.hashes[parents]);
        } else {
          next.hashes[parents] = NodeTable<2>::Hash({value[0], value[1]});
          level.quads->Expect(next.hashes[parents]);
        }
        next.changed[parents++] = index;
      }
      next.changes = parents;
    }
    if (level.arity == 2) {
      expect_values(*level.pairs);
    } else {
      expect_values(*level.quads);
    }
    for (Successor& next : queue) {
      for (size_t c = 0; c < next.changes; ++c) {
        const Block& value = next.fresh[c];
        next.nodes[level.offset + next.changed[c]] =
            level.arity == 2 ? level.pairs->Intern({value[0]}, next.hashes[c])
                             : level.quads->Intern({value[0], value[1]}, next.hashes[c]);
      }
    }
  }
}

Place TreeKeys::PlaceOf(const Successor& next) const {
  const uint32_t* const top = &next.nodes[levels_.back().offset];
  const uint64_t key = uint64_t{top[0]} << 32 | (levels_.back().width == 2 ? top[1] : 0);
  return Place{static_cast<uint32_t>(next.hash % kShards), Entry{mixer_.Mix(key), 0}};
}

void TreeKeys::DecodeNodes(const Place& place, Scratch& scratch) const {
  std::vector<uint32_t>& nodes = scratch.nodes;
  const uint64_t key = mixer_.Unmix(place.entry.high);
  const Level& last = levels_.back();
  nodes[last.offset] = static_cast<uint32_t>(key >> 32);
  if (last.width == 2) nodes[last.offset + 1] = static_cast<uint32_t>(key);
  for (size_t l = levels_.size() - 1; l > 0; --l) {
    const Level& level = levels_[l];
    const Level& below = levels_[l - 1];
    for (uint32_t i = 0; i < level.width; ++i) {
      const uint32_t node = nodes[level.offset + i];
      const uint64_t* const value =
          level.arity == 2 ? level.pairs->At(node).data() : level.quads->At(node).data();
      const uint32_t first = level.arity * i;
      const uint32_t children = std::min(level.arity, below.width - first);
      for (uint32_t c = 0; c < children; ++c) {
        const uint64_t pair = value[c / 2];
        nodes[below.offset + first + c] = static_cast<uint32_t>(c % 2 == 0 ? pair >> 32 : pair);
      }
    }
  }
  // Its last bits are all that the shards of its successors need.
  scratch.hash = place.shard;
}

void TreeKeys::Decode(const Place& place, uint64_t* packed, Scratch& scratch) const {
  DecodeNodes(place, scratch);
  for (uint32_t i = 0; i < levels_[0].width; ++i) {
    const Block& block = scratch.blocks[i] = leaves_.At(scratch.nodes[i]);
    const size_t first = i * kBlockWords;
    std::copy_n(block.begin(), std::min(kBlockWords, words_ - first), packed + first);
  }
  std::fill(scratch.block_hashes.begin(), scratch.block_hashes.end(), 0);
  scratch.known = true;
  scratch.unpacked = nullptr;
}

void TreeKeys::Unpack(const Place& place, const Packer& packer, uint64_t* state,
                      Scratch& scratch) const {
  const bool again = scratch.unpacked == state;
  std::copy_n(scratch.nodes.begin(), levels_[0].width, scratch.leaves.begin());
  DecodeNodes(place, scratch);
  for (uint32_t i = 0; i < levels_[0].width; ++i) {
    if (again && scratch.nodes[i] == scratch.leaves[i]) continue;
    const Block& block = scratch.blocks[i] = leaves_.At(scratch.nodes[i]);
    scratch.block_hashes[i] = 0;
    packer.UnpackRun(i, block, state);
  }
  scratch.known = true;
  scratch.unpacked = state;
}

uint64_t TreeKeys::bytes() const {
  uint64_t bytes = leaves_.size() * (sizeof(Block) + 8);
  for (const Level& level : levels_) {
    if (level.arity == 2) bytes += level.pairs->size() * (8 + 8);
    if (level.arity == 4) bytes += level.quads->size() * (16 + 8);
  }
  return bytes;
}

void TreeKeys::Save(CheckpointWriter& out) const {
  leaves_.Save(out);
  for (const Level& level : levels_) {
    if (level.arity == 2) level.pairs->Save(out);
    if (level.arity == 4) level.quads->Save(out);
  }
}

void TreeKeys::Load(CheckpointReader& in) {
  leaves_.Load(in);
  for (const Level& level : levels_) {
    if (level.arity == 2) level.pairs->Load(in);
    if (level.arity == 4) level.quads->Load(in);
  }
}

}  // namespace knotcheck::checker
