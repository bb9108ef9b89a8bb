// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0

#include "conform/source/parts.h"

#include <cstring>

namespace knotcheck::source {

Parts::Parts(Arena* arena)
    : arena_(arena),
      current_(arena->words() * sizeof(uint64_t) / kBlockBytes),
      numbers_(0, Hash{this}, Equal{this}) {
  for (size_t i = 0; i < current_.size(); ++i) current_[i] = NumberOf(Block(i));
}

Parts::Number Parts::NumberOf(std::string_view content) {
  const auto known = numbers_.find(content);
  if (known != numbers_.end()) return *known;
  if (count_ == kMostNumbers) return kMostNumbers;
  if (count_ % kBlocksInChunk == 0) {
    chunks_.push_back(std::make_unique<char[]>(kBlocksInChunk * kBlockBytes));
  }
  const Number number = count_++;
  std::memcpy(chunks_.back().get() + number % kBlocksInChunk * kBlockBytes, content.data(),
              kBlockBytes);
  numbers_.insert(number);
  return number;
}

void Parts::Load(const uint64_t* state) {
  for (size_t i = 0; i < current_.size(); ++i) {
    const auto number = static_cast<Number>(state[i / 2] >> (i % 2 * 32));
    if (number == current_[i]) continue;
    std::memcpy(arena_->bytes() + i * kBlockBytes, Content(number).data(), kBlockBytes);
    current_[i] = number;
  }
}

bool Parts::Store(int ran, uint64_t* state) {
  for (size_t i = 0; i < current_.size(); ++i) {
    const std::string_view block = Block(i);
    if (!arena_->IsDead(block.data() + kBlockBytes - 1, ran) && block != Content(current_[i])) {
      current_[i] = NumberOf(block);
      if (current_[i] == kMostNumbers) return false;
    }
    uint64_t& word = state[i / 2];
    word = i % 2 == 0 ? current_[i] : word | uint64_t{current_[i]} << 32;
  }
  return true;
}

}  // namespace knotcheck::source
