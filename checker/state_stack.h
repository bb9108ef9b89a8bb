// SPDX-License-Identifier: Apache-2.0
//
// Memory for states that are needed for a while: the successor at hand, a canonical form, what a
// transition of several steps comes through. States may be too large for a thread's stack, and a
// search must not allocate for each transition.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/check.h"

namespace knotcheck::checker {

// Buffers of one size, given back in the reverse order of being taken (StateBuffer). They never
// move, and memory that was once needed is kept. Each thread has its own stack.
class StateStack {
 public:
  // `words`: 8-byte words of a state.
  explicit StateStack(size_t words) : words_(words) {}
  StateStack(const StateStack&) = delete;
  StateStack& operator=(const StateStack&) = delete;

  size_t words() const { return words_; }
  // Buffers that are taken, and those that there is memory for.
  size_t depth() const { return depth_; }
  size_t capacity() const { return buffers_.size(); }

 private:
  friend class StateBuffer;
  // Allocated at a time, unless one state is larger.
  static constexpr size_t kChunkWords = size_t{1} << 12;

  uint64_t* Push() {
    if (depth_ == buffers_.size()) [[unlikely]]
      Grow();
    return buffers_[depth_++];
  }
  void Pop(const uint64_t* top) {
    KNOT_CHECK(depth_ > 0 && buffers_[depth_ - 1] == top);
    --depth_;
  }
  void Grow() {
    const size_t count = std::max<size_t>(kChunkWords / std::max<size_t>(words_, 1), 1);
    buffers_.reserve(buffers_.size() + count);
    chunks_.push_back(std::make_unique_for_overwrite<uint64_t[]>(count * words_));
    for (size_t i = 0; i < count; ++i) buffers_.push_back(&chunks_.back()[i * words_]);
  }

  size_t words_;
  size_t depth_ = 0;
  std::vector<uint64_t*> buffers_;
  std::vector<std::unique_ptr<uint64_t[]>> chunks_;
};

// A buffer of a stack from here to the end of the block. Throws std::bad_alloc when there is no
// memory for it.
class StateBuffer {
 public:
  // With whatever stands there.
  explicit StateBuffer(StateStack& stack) : stack_(stack), words_(stack.Push()) {}
  // With a copy of `state`.
  StateBuffer(StateStack& stack, const uint64_t* state) : StateBuffer(stack) { Copy(state); }
  ~StateBuffer() { stack_.Pop(words_); }
  StateBuffer(const StateBuffer&) = delete;
  StateBuffer& operator=(const StateBuffer&) = delete;

  uint64_t* words() const { return words_; }
  void Copy(const uint64_t* state) { std::copy_n(state, stack_.words(), words_); }

 private:
  StateStack& stack_;
  uint64_t* words_;
};

}  // namespace knotcheck::checker
