// SPDX-License-Identifier: Apache-2.0

#include "checker/tree.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"

namespace knotcheck::checker {
namespace {

constexpr size_t kFirstSlots = 16;

uint64_t HashNode(uint64_t value) {
  const __uint128_t m = static_cast<__uint128_t>(value ^ 0x9e3779b97f4a7c15u) * 0xa0761d6478bd642fu;
  return static_cast<uint64_t>(m) ^ static_cast<uint64_t>(m >> 64);
}

// The sum of these over all words is the hash of a state, so that it changes by little work when
// few words change.
uint64_t HashWord(uint64_t word, size_t position) {
  const __uint128_t m =
      static_cast<__uint128_t>(word ^ 0x2d358dccaa6c78a5u) * (0xd6e8feb86659fd93u + 2 * position);
  return static_cast<uint64_t>(m) ^ static_cast<uint64_t>(m >> 64);
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
  const Guard guard(stripe.busy);
  return Find(stripe, value, hash) << kStripeBits | number;
}

template <size_t kWords>
uint32_t NodeTable<kWords>::Find(Stripe& stripe, const Value& value, uint64_t hash) {
  if (stripe.count * 2 >= stripe.slots.size()) Grow(stripe);
  const size_t mask = stripe.slots.size() - 1;
  size_t position = hash & mask;
  for (; stripe.slots[position] != 0; position = (position + 1) & mask) {
    const uint32_t index = stripe.slots[position] - 1;
    if (Same(At(stripe, index), value)) return index;
  }
  const uint32_t index = stripe.count;
  // The last number would read as "no node" in the last stripe.
  KNOT_CHECK(index < kMostInStripe - 1);
  const uint32_t shifted = index + kFirst;
  const int chunk = std::bit_width(shifted) - kFirstBits - 1;
  if (stripe.chunks[chunk] == nullptr) stripe.chunks[chunk].reset(new Value[kFirst << chunk]);
  stripe.chunks[chunk][shifted - (kFirst << chunk)] = value;
  stripe.slots[position] = index + 1;
  ++stripe.count;
  return index;
}

template <size_t kWords>
void NodeTable<kWords>::Grow(Stripe& stripe) {
  // Not both at a time. Without memory there are no slots, and who comes next tries again.
  size_t count = kFirstSlots;
  while (count <= stripe.count * 2) count *= 2;
  std::vector<uint32_t>().swap(stripe.slots);
  stripe.slots.resize(count);
  for (uint32_t index = 0; index < stripe.count; ++index) {
    size_t position = Hash(At(stripe, index)) & (count - 1);
    while (stripe.slots[position] != 0) position = (position + 1) & (count - 1);
    stripe.slots[position] = index + 1;
  }
}

template <size_t kWords>
uint64_t NodeTable<kWords>::size() const {
  uint64_t size = 0;
  for (const Stripe& stripe : stripes_) size += stripe.count;
  return size;
}

TreeKeys::TreeKeys(int words) : words_(static_cast<size_t>(words)), mixer_(64) {
  uint32_t offset = 0;
  const auto blocks = static_cast<uint32_t>((words_ + kBlockWords - 1) / kBlockWords);
  for (uint32_t width = blocks;; width = (width + 1) / 2) {
    widths_.push_back(width);
    offsets_.push_back(offset);
    offset += width;
    if (width <= 2) break;
  }
  offsets_.push_back(offset);
  inner_ = std::vector<NodeTable<1>>(widths_.size() - 1);
}

TreeKeys::Scratch TreeKeys::NewScratch() const {
  Scratch scratch;
  scratch.blocks.resize(widths_[0]);
  scratch.nodes.resize(offsets_.back());
  scratch.current.resize(offsets_.back());
  scratch.changed.resize(widths_[0]);
  return scratch;
}

// The value of an inner node: the numbers of its children.
std::array<uint64_t, 1> TreeKeys::ValueAt(size_t level, uint32_t index,
                                          const std::vector<uint32_t>& nodes) const {
  const uint32_t* children = &nodes[offsets_[level - 1]];
  const bool pair = 2 * index + 1 < widths_[level - 1];
  return {uint64_t{children[2 * index]} << 32 | (pair ? children[2 * index + 1] : kNoNode)};
}

Place TreeKeys::Encode(const uint64_t* packed, Scratch& scratch) const {
  std::vector<uint32_t>& nodes = scratch.current;
  uint32_t* changed = scratch.changed.data();
  size_t changes = 0;
  uint64_t hash = scratch.hash;
  for (uint32_t i = 0; i < widths_[0]; ++i) {
    // The last block is filled up with zeros.
    Block block{};
    const size_t first = i * kBlockWords;
    if (first + kBlockWords <= words_) {
      std::memcpy(block.data(), packed + first, sizeof(Block));
    } else {
      std::copy(packed + first, packed + words_, block.begin());
    }
    if (scratch.known && Same(block, scratch.blocks[i])) continue;
    const uint64_t leaf = leaves_.Hash(block);
    if (scratch.known) hash -= HashWord(leaves_.Hash(scratch.blocks[i]), i);
    hash += HashWord(leaf, i);
    nodes[i] = leaves_.Intern(block, leaf);
    changed[changes++] = i;
  }
  const bool any_changed = changes > 0;
  for (size_t level = 1; level < widths_.size(); ++level) {
    size_t parents = 0;
    for (size_t c = 0; c < changes; ++c) {
      const uint32_t index = changed[c] / 2;
      if (parents > 0 && changed[parents - 1] == index) continue;
      const std::array<uint64_t, 1> value = ValueAt(level, index, nodes);
      nodes[offsets_[level] + index] = inner_[level - 1].Intern(value, HashNode(value[0]));
      changed[parents++] = index;
    }
    changes = parents;
  }
  const uint32_t* top = &nodes[offsets_[widths_.size() - 1]];
  const uint64_t key = uint64_t{top[0]} << 32 | (widths_.back() == 2 ? top[1] : 0);
  if (scratch.known && any_changed) {
    // Back to the nodes of the state that the next one will be compared with.
    std::copy(scratch.nodes.begin(), scratch.nodes.end(), nodes.begin());
  }
  const uint64_t shard = HashNode(hash) >> (64 - kShardBits);
  return Place{static_cast<uint32_t>(shard), Entry{mixer_.Mix(key), 0}};
}

void TreeKeys::Decode(const Place& place, uint64_t* packed, Scratch& scratch) const {
  std::vector<uint32_t>& nodes = scratch.nodes;
  const uint64_t key = mixer_.Unmix(place.entry.high);
  const size_t last = widths_.size() - 1;
  nodes[offsets_[last]] = static_cast<uint32_t>(key >> 32);
  if (widths_[last] == 2) nodes[offsets_[last] + 1] = static_cast<uint32_t>(key);
  for (size_t level = last; level > 0; --level) {
    uint32_t* children = &nodes[offsets_[level - 1]];
    for (uint32_t i = 0; i < widths_[level]; ++i) {
      const uint64_t value = inner_[level - 1].At(nodes[offsets_[level] + i])[0];
      children[2 * i] = static_cast<uint32_t>(value >> 32);
      if (2 * i + 1 < widths_[level - 1]) children[2 * i + 1] = static_cast<uint32_t>(value);
    }
  }
  scratch.hash = 0;
  for (uint32_t i = 0; i < widths_[0]; ++i) {
    const Block& block = scratch.blocks[i] = leaves_.At(nodes[i]);
    const size_t first = i * kBlockWords;
    std::copy_n(block.begin(), std::min(kBlockWords, words_ - first), packed + first);
    scratch.hash += HashWord(leaves_.Hash(block), i);
  }
  scratch.current = nodes;
  scratch.known = true;
}

uint64_t TreeKeys::bytes() const {
  uint64_t bytes = leaves_.size() * (sizeof(Block) + 8);
  for (const NodeTable<1>& table : inner_) bytes += table.size() * 16;
  return bytes;
}

}  // namespace knotcheck::checker
