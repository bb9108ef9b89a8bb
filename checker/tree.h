// SPDX-License-Identifier: Apache-2.0
//
// Tree compression: a state of many words becomes a pair of 32-bit references to nodes that states
// share (A. Laarman, van de Pol, Weber 2011, "Parallel recursive state compression for free").
// Exact and invertible. The numbers of nodes depend on the order in which threads make them, their
// count does not; whatever must be the same on every run goes by the content of a state.

#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "checker/checkpoint.h"
#include "checker/key.h"
#include "checker/pack.h"

namespace knotcheck::checker {

// Numbers values of so many 8-byte words. Threads may call all methods at the same time, but for
// those that say otherwise.
template <size_t kWords>
class NodeTable {
 public:
  using Value = std::array<uint64_t, kWords>;

  NodeTable() : stripes_(kStripes) {}
  static uint64_t Hash(const Value& value);
  // Whether several threads intern; it begins as true.
  void SetShared(bool shared) { shared_ = shared; }
  // The number of `value`, a new one if it has none. `hash` is its hash.
  uint32_t Intern(const Value& value, uint64_t hash);
  // Intern() of a value with this hash will soon be asked for.
  void Expect(uint64_t hash) const {
    const Stripe& stripe = stripes_[hash >> (64 - kStripeBits)];
    // A hint: another thread may be giving the stripe new slots.
    const uint32_t* const slots = stripe.first_slot.load(std::memory_order_relaxed);
    const uint64_t mask = stripe.slot_mask.load(std::memory_order_relaxed);
    if (slots != nullptr) __builtin_prefetch(slots + (hash & mask));
  }
  // It is asked for next, after Expect(). Nothing while several threads intern.
  void ExpectValue(uint64_t hash) const {
    if (shared_) return;
    const Stripe& stripe = stripes_[hash >> (64 - kStripeBits)];
    if (stripe.slots.empty()) return;
    const uint32_t slot = stripe.slots[hash & (stripe.slots.size() - 1)];
    if (slot != 0) __builtin_prefetch(&At(stripe, (slot & kIndexMask) - 1));
  }
  // The value with a number that Intern() returned.
  const Value& At(uint32_t number) const {
    return At(stripes_[number & (kStripes - 1)], number >> kStripeBits);
  }
  // Not while another thread interns.
  uint64_t size() const;
  // The values with their numbers, all of them; Load() into an empty table.
  void Save(CheckpointWriter& out) const;
  void Load(CheckpointReader& in);

 private:
  static constexpr int kStripeBits = 6;
  static constexpr uint32_t kStripes = 1u << kStripeBits;
  static constexpr uint32_t kMostInStripe = 1u << (32 - kStripeBits);
  // Each chunk holds twice as many values as the one before.
  static constexpr int kFirstBits = 5;
  static constexpr uint32_t kFirst = 1u << kFirstBits;
  static constexpr int kChunks = 32 - kStripeBits - kFirstBits + 1;

  // A slot is 0, or the index of a value plus one, and above it some bits of the value's hash: most
  // values that are not the one looked for need not be read.
  static constexpr int kIndexBits = 32 - kStripeBits;
  static constexpr uint32_t kIndexMask = (1u << kIndexBits) - 1;
  static uint32_t SlotOf(uint32_t index, uint64_t hash) {
    const auto tag = static_cast<uint32_t>(hash >> (64 - 2 * kStripeBits));
    return tag << kIndexBits | (index + 1);
  }

  struct alignas(64) Stripe {
    std::atomic_flag busy = ATOMIC_FLAG_INIT;
    uint32_t count = 0;
    std::vector<uint32_t> slots;
    // Of `slots`, for hints.
    std::atomic<const uint32_t*> first_slot = nullptr;
    std::atomic<uint64_t> slot_mask = 0;
    std::unique_ptr<Value[]> chunks[kChunks];
  };
  static const Value& At(const Stripe& stripe, uint32_t index) {
    index += kFirst;
    const int chunk = std::bit_width(index) - kFirstBits - 1;
    // At least kFirst: an index is below kMostInStripe, so the sum does not wrap around.
    // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult)
    return stripe.chunks[chunk][index - (kFirst << chunk)];
  }
  static uint32_t Find(Stripe& stripe, const Value& value, uint64_t hash);
  static void Grow(Stripe& stripe);

  std::vector<Stripe> stripes_;
  bool shared_ = true;
};

// Keys of packed states of any number of words. Blocks of eight words, a line of the cache, are the
// leaves of a tree. A node has four children as long as its level has many, for each level costs a
// look-up that the cache does not have; two in the last level, whose nodes nearly every state has
// for itself. Each level has one table, so that equal numbers in it mean equal contents. A step
// mostly changes one or two blocks, if what changes together stands together (PackMasks::parts).
class TreeKeys {
 public:
  static constexpr int kTagBits = 6;
  static constexpr size_t kBlockWords = 8;
  using Block = std::array<uint64_t, kBlockWords>;

  // A state that is being encoded: what of it differs from the one that was decoded last.
  struct Successor {
    std::vector<uint32_t> nodes;    // level by level
    std::vector<uint32_t> changed;  // nodes of one level
    std::vector<Block> fresh;       // the blocks of `changed`
    std::vector<uint64_t> hashes;   // of what `changed` will be looked up by
    size_t changes = 0;
    uint64_t hash = 0;  // of its blocks
  };
  // The state that a thread decoded last, with its nodes: a successor shares most of them. States
  // are encoded together, so that memory answers for one while the others are worked on.
  struct Scratch {
    std::vector<Block> blocks;
    std::vector<uint64_t> block_hashes;  // 0: not asked for yet
    std::vector<uint32_t> nodes;         // level by level
    uint64_t hash = 0;                   // of `blocks`
    bool known = false;                  // a state has been decoded
    const uint64_t* unpacked = nullptr;  // ... to here
    std::vector<uint32_t> leaves;        // its blocks, as the one before had them
    std::vector<Successor> queue;
    size_t queued = 0;
  };

  explicit TreeKeys(int words);

  EntryShape shape() const { return EntryShape{32, 0}; }
  // Whether several threads encode; it begins as true.
  void SetShared(bool shared);
  Scratch NewScratch() const;
  Place Encode(const uint64_t* packed, Scratch& scratch) const;
  // As many may be queued before they are taken.
  static constexpr size_t kMostQueued = 16;
  // Queues `state`. `from`: the one that was decoded last, as `packer` unpacked it.
  void Queue(const Packer& packer, const uint64_t* state, const uint64_t* from,
             Scratch& scratch) const;
  // Calls add(place) for each queued state, in their order; then none is queued.
  template <class Add>
  void TakeQueued(Scratch& scratch, Add&& add) const {
    InternQueued(scratch);
    for (size_t i = 0; i < scratch.queued; ++i) add(PlaceOf(scratch.queue[i]));
    scratch.queued = 0;
  }
  void Decode(const Place& place, uint64_t* packed, Scratch& scratch) const;
  // Decode(), unpacked: `state` is the one that this scratch decoded into before, or all zero. Only
  // what is not as before is written.
  void Unpack(const Place& place, const Packer& packer, uint64_t* state, Scratch& scratch) const;
  // A node counts its value, and 8 bytes for its place in an index that is at least half empty.
  // Not while another thread encodes.
  uint64_t bytes() const;
  void Save(CheckpointWriter& out) const;
  void Load(CheckpointReader& in);

 private:
  static constexpr uint32_t kNoNode = 0xffffffffu;
  // The nodes of one level, by the numbers of their children.
  struct Level {
    uint32_t width = 0;   // nodes of one state
    uint32_t offset = 0;  // of the first of them in Scratch::nodes
    uint32_t arity = 0;   // children of a node: 2 or 4; 0: the blocks
    std::unique_ptr<NodeTable<1>> pairs;
    std::unique_ptr<NodeTable<2>> quads;
  };
  void DecodeNodes(const Place& place, Scratch& scratch) const;
  Successor& NextInQueue(Scratch& scratch) const;
  void AddBlock(Scratch& scratch, Successor& next, uint32_t index, const Block& block) const;
  void InternQueued(Scratch& scratch) const;
  Place PlaceOf(const Successor& next) const;

  size_t words_;
  Mixer mixer_;
  std::vector<Level> levels_;  // the blocks first, at most two nodes last
  uint32_t nodes_ = 0;         // of all levels
  mutable NodeTable<kBlockWords> leaves_;
};

}  // namespace knotcheck::checker
