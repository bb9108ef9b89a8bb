// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
//
// States of the search: the arena in blocks, each content of which is kept once and has a number. A
// state is the numbers, since from one step to the next few blocks change.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "conform/source/arena.h"

namespace knotcheck::source {

class Parts {
 public:
  // Numbers what the arena holds.
  explicit Parts(Arena* arena);
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  // Of a state: two numbers a word.
  size_t words() const { return (current_.size() + 1) / 2; }
  // The bits of such a word that may be set.
  static constexpr uint64_t kMask = 0x00ff'ffff'00ff'ffff;
  // Makes the arena what it was when the state was stored.
  void Load(const uint64_t* state);
  // The state that the arena is in. False: there are no more numbers. Below the stack pointers of
  // threads other than `ran` nothing has changed.
  bool Store(int ran, uint64_t* state);

 private:
  using Number = uint32_t;
  static constexpr Number kMostNumbers = 1 << 22;  // two gigabytes
  static constexpr size_t kBlocksInChunk = 2048;

  std::string_view Content(Number number) const {
    return {chunks_[number / kBlocksInChunk].get() + number % kBlocksInChunk * kBlockBytes,
            kBlockBytes};
  }
  std::string_view Block(size_t index) const {
    return {arena_->bytes() + index * kBlockBytes, kBlockBytes};
  }
  Number NumberOf(std::string_view content);

  struct Hash {
    using is_transparent = void;
    const Parts* parts;
    size_t operator()(Number number) const { return (*this)(parts->Content(number)); }
    size_t operator()(std::string_view content) const {
      return absl::Hash<std::string_view>()(content);
    }
  };
  struct Equal {
    using is_transparent = void;
    const Parts* parts;
    bool operator()(Number a, Number b) const { return a == b; }
    bool operator()(Number a, std::string_view b) const { return parts->Content(a) == b; }
    bool operator()(std::string_view a, Number b) const { return a == parts->Content(b); }
  };

  Arena* arena_;
  std::vector<Number> current_;  // what the arena holds, but for what a step has changed since
  std::vector<std::unique_ptr<char[]>> chunks_;
  Number count_ = 0;
  absl::flat_hash_set<Number, Hash, Equal> numbers_;
};

}  // namespace knotcheck::source
