// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
//
// Steps of the compiled C: coroutines that yield where another task may come between, memory that
// is watched, and the race check that finds at which plain accesses that is.

#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "conform/source/arena.h"

namespace knotcheck::source {

// A plain access that two tasks make without a lock in common, by its address in the C.
using Yields = std::set<uintptr_t>;

class Engine {
 public:
  Engine(Arena* arena, int threads) : arena_(arena), threads_(threads) {}

  // Makes a coroutine that begins in body(thread), and is not started yet.
  void Prepare(int thread, void (*body)(int));
  void Start(int thread);

  // Whether the thread can step in the state that the arena holds, and in how many ways.
  uint32_t Choices(int thread) const;
  // One step of it. False: the C ended it with a defect, see defect().
  bool Step(int thread, uint32_t choice);

  struct Defect {
    knot_defect kind = KNOT_DEFECTS;
    std::string text;
    uintptr_t at = 0;
  };
  const Defect& defect() const { return defect_; }
  // The functions that a thread is in, the innermost first: where each goes on. Of a thread that
  // waits for its next step.
  std::vector<uintptr_t> Frames(int thread) const;
  // Memory that is in use and that nothing in use points to; nullptr: there is none.
  const void* Leak() const;

  // What was found since the last call. True: there is something new, and the search must begin
  // again.
  bool TakeRaces();

  // Called by the C.
  void Yield();
  void Wait(int (*ready)(void*), void* what);
  uint32_t Choose(uint32_t count);
  void Access(const void* at, size_t bytes, bool writes, bool is_volatile, uintptr_t from);
  // Whether the memory is in use; a defect if not.
  void Touch(const void* at, size_t bytes, uintptr_t from);
  // `byte`: what it holds at first.
  void* Alloc(size_t bytes, char byte, uintptr_t from);
  void Free(const void* memory, uintptr_t from);
  [[noreturn]] void Fail(knot_defect kind, const std::string& text, uintptr_t from);
  void Locked(const void* lock, bool spins);
  void Unlocked(const void* lock, bool spins);
  bool Holds(const void* lock) const;
  bool HoldsAny() const { return Me().held != 0; }
  bool Spins() const { return Me().spins != 0; }
  [[noreturn]] void Gone();
  int current() const { return current_; }
  bool IsStepping() const { return current_ < threads_; }
  Arena& arena() { return *arena_; }
  // Calls fn() on a stack that is no part of the state. What it leaves on its stack may be another
  // thing each time: addresses of this program's own memory. It must not yield or fail.
  template <class Fn>
  static void Aside(Fn fn) {
    CallAside([](void* what) { (*static_cast<Fn*>(what))(); }, &fn);
  }

 private:
  struct Seen {
    uintptr_t from;
    int thread;
    uint32_t locks;
    bool writes;
    auto operator<=>(const Seen&) const = default;
  };

  Thread& Me() const { return arena_->header().threads[current_]; }
  void Leave();
  static void CallAside(void (*function)(void*), void* what);
  // Whether the access could be noted.
  bool Note(const void* at, size_t bytes, bool writes, uintptr_t from);
  uint32_t LockSet();
  void Mark(const void* begin, const void* end, bool* slots) const;
  static constexpr uint32_t kNoSet = ~0u;
  static constexpr uint32_t kMostLockSets = 1024;
  static constexpr uint32_t kMostAccesses = 1 << 20;  // of one step
  static constexpr size_t kLeastLeft = 512;           // of a stack, in bytes

  Arena* arena_;
  int threads_;
  int current_ = KNOT_TASKS;
  uint32_t choice_ = 0;
  uint32_t accesses_ = 0;  // of this step
  void* main_stack_ = nullptr;
  bool failed_ = false;
  Defect defect_;
  Yields yields_;
  Yields races_;
  std::map<std::vector<const void*>, uint32_t> lock_sets_;
  std::vector<std::vector<const void*>> sets_by_number_;
  std::map<uintptr_t, std::set<Seen>> seen_;  // by granule of 8 bytes
  std::unordered_set<uint64_t> known_;        // what is in seen_, in one word each
  uint32_t lock_set_ = kNoSet;                // of the running task
};

extern Engine* engine;

}  // namespace knotcheck::source
