// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
//
// The world of a source run: all that changes lies in one piece of memory at a fixed address, so
// that a state is a copy of it and pointers in it stay good. Tasks are coroutines whose stacks lie
// there.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "conform/source/kernel/knot.h"

namespace knotcheck::source {

inline constexpr uintptr_t kBase = 0x200000000000;
inline constexpr int kMaxThreads = 16;  // tasks, senders of signals, writers
inline constexpr size_t kStackBytes = 8192;
// What knot_alloc() gives at most: of most slots, and of some.
inline constexpr size_t kSlotBytes = 512;
inline constexpr size_t kLargeSlotBytes = 4608;
inline constexpr int kSmallSlots = 24;
inline constexpr int kSlots = kSmallSlots + 6;
inline constexpr int kHeldLocks = 6;
// The arena and each of its parts begin at a multiple of it, see parts.h.
inline constexpr size_t kBlockBytes = 512;
// 2^16 granules of 8 bytes, see Engine::Note().
inline constexpr size_t kMostBytes = size_t{8} << 16;

// Where a thread stands.
enum class Life : uint8_t { kNotStarted, kReady, kGone };

struct Thread {
  void* stack_pointer;
  int (*ready)(void*);  // nullptr: it can step
  void* what;
  uint32_t choices;  // of its next step; 0: one without a choice
  Life life;
  uint8_t held;
  uint8_t spins;
  bool faults;  // its next copy to its own memory fails
  const void* locks[kHeldLocks];
};

struct Slot {
  uint32_t bytes;  // 0: never given
  uint32_t freed;  // 0: in use; else its place in the order of what is freed
};

// The first of it; then the kernel's globals, user memory and what else the run keeps, slots'
// memory, stacks.
struct Header {
  Thread threads[kMaxThreads];
  Slot slots[kSlots];
  uint32_t failures_left;  // of allocations
};

class Arena {
 public:
  // Bytes of the kernel's globals and of what the run keeps. Maps it; aborts if it cannot.
  Arena(size_t kernel_bytes, size_t run_bytes, int threads);

  size_t words() const { return bytes_ / 8; }
  char* bytes() const { return reinterpret_cast<char*>(kBase); }
  Header& header() const { return *reinterpret_cast<Header*>(kBase); }
  void* kernel() const { return reinterpret_cast<void*>(kBase + kernel_at_); }
  void* run() const { return reinterpret_cast<void*>(kBase + run_at_); }
  bool Has(const void* at) const { return reinterpret_cast<uintptr_t>(at) - kBase < bytes_; }
  char* Stack(int thread) const {
    return reinterpret_cast<char*>(kBase + stacks_at_ + kStackBytes * static_cast<size_t>(thread));
  }
  char* Memory(int slot) const {
    const auto small = static_cast<size_t>(slot < kSmallSlots ? slot : kSmallSlots);
    const auto large = static_cast<size_t>(slot) - small;
    return reinterpret_cast<char*>(kBase + slots_at_ + kSlotBytes * small +
                                   kLargeSlotBytes * large);
  }
  // Whose stack an address lies on, or -1.
  int StackOf(const void* at) const;
  // The slot that an address lies in, or -1.
  int SlotOf(const void* at) const;
  // Whether an address is on the unused side of a stack, other than that of `ran`.
  bool IsDead(const void* at, int ran) const {
    const int stack = StackOf(at);
    return stack >= 0 && stack != ran && at < header().threads[stack].stack_pointer;
  }

 private:
  size_t kernel_at_;
  size_t run_at_;
  size_t slots_at_;
  size_t stacks_at_;
  size_t bytes_;
};

}  // namespace knotcheck::source
