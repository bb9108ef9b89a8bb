// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0

#include "conform/source/engine.h"

#include <algorithm>
#include <cstring>

namespace knotcheck::source {

Engine* engine = nullptr;

extern "C" {
// Keeps what a call must keep on the old stack, and goes on where the new one was left.
void knot_switch(void** from, void* to);
void knot_begin();
void knot_call_aside(void* stack, void (*function)(void*), void* what);
}

__asm__(
    ".text\n.globl knot_switch\n.type knot_switch,@function\nknot_switch:\n"
    "  push %rbp\n  push %rbx\n  push %r12\n  push %r13\n  push %r14\n  push %r15\n"
    "  mov %rsp,(%rdi)\n  mov %rsi,%rsp\n"
    "  pop %r15\n  pop %r14\n  pop %r13\n  pop %r12\n  pop %rbx\n  pop %rbp\n  ret\n"
    ".size knot_switch,.-knot_switch\n"
    // A new coroutine: %r12 is the body, %r13 its thread.
    ".globl knot_begin\n.type knot_begin,@function\nknot_begin:\n"
    "  mov %r13,%rdi\n  call *%r12\n  ud2\n.size knot_begin,.-knot_begin\n"
    ".globl knot_call_aside\n.type knot_call_aside,@function\nknot_call_aside:\n"
    "  push %rbp\n  mov %rsp,%rbp\n  mov %rdi,%rsp\n  mov %rdx,%rdi\n  call *%rsi\n"
    "  mov %rbp,%rsp\n  pop %rbp\n  ret\n.size knot_call_aside,.-knot_call_aside\n");

namespace {

constexpr size_t kAsideBytes = 1 << 18;
alignas(64) char aside_stack[kAsideBytes];

// What a suspended thread's stack begins with, as knot_switch() leaves it.
struct Suspended {
  uint64_t r15, r14, r13, r12, rbx, rbp, goes_on;
};

}  // namespace

void Engine::CallAside(void (*function)(void*), void* what) {
  knot_call_aside(aside_stack + kAsideBytes, function, what);
}

void Engine::Prepare(int thread, void (*body)(int)) {
  char* const stack = arena_->Stack(thread);
  std::memset(stack, 0, kStackBytes);
  auto* top = reinterpret_cast<uint64_t*>(stack + kStackBytes) - 2;
  *--top = reinterpret_cast<uint64_t>(&knot_begin);
  *--top = 0;                                 // rbp
  *--top = 0;                                 // rbx
  *--top = reinterpret_cast<uint64_t>(body);  // r12
  *--top = static_cast<uint64_t>(thread);     // r13
  *--top = 0;                                 // r14
  *--top = 0;                                 // r15
  Thread& t = arena_->header().threads[thread];
  t = Thread{};
  t.stack_pointer = top;
}

void Engine::Start(int thread) { arena_->header().threads[thread].life = Life::kReady; }

uint32_t Engine::Choices(int thread) const {
  const Thread& t = arena_->header().threads[thread];
  if (t.life != Life::kReady) return 0;
  if (t.ready != nullptr && t.ready(t.what) == 0) return 0;
  return std::max<uint32_t>(t.choices, 1);
}

bool Engine::Step(int thread, uint32_t choice) {
  current_ = thread;
  lock_set_ = kNoSet;
  choice_ = choice;
  accesses_ = 0;
  failed_ = false;
  Thread& t = Me();
  t.ready = nullptr;
  t.what = nullptr;
  t.choices = 0;
  knot_switch(&main_stack_, t.stack_pointer);
  // What lies below is dead, and would tell one state from another. It was zero before the step.
  char* const stack = arena_->Stack(thread);
  char* const live =
      t.life == Life::kGone ? stack + kStackBytes : static_cast<char*>(t.stack_pointer);
  const auto* const words = reinterpret_cast<const uint64_t*>(stack);
  const size_t lowest = static_cast<size_t>(
      std::find_if(words, words + kStackBytes / 8, [](uint64_t word) { return word != 0; }) -
      words);
  if (8 * lowest < kLeastLeft && !failed_) {
    failed_ = true;
    defect_ = {KNOT_LOST, "a stack that is too small", 0};
  }
  char* const dirty = stack + 8 * lowest;
  if (dirty < live) std::memset(dirty, 0, static_cast<size_t>(live - dirty));
  current_ = KNOT_TASKS;
  return !failed_;
}

std::vector<uintptr_t> Engine::Frames(int thread) const {
  std::vector<uintptr_t> frames;
  const Thread& t = arena_->header().threads[thread];
  const auto* const saved = static_cast<const Suspended*>(t.stack_pointer);
  frames.push_back(saved->goes_on);
  // Each frame begins with the one that called it, and where that goes on.
  uintptr_t frame = saved->rbp;
  while (arena_->StackOf(reinterpret_cast<const void*>(frame)) == thread) {
    const auto* const at = reinterpret_cast<const uintptr_t*>(frame);
    frames.push_back(at[1]);
    if (at[0] <= frame) break;
    frame = at[0];
  }
  return frames;
}

void Engine::Mark(const void* begin, const void* end, bool* slots) const {
  for (auto at = static_cast<const uintptr_t*>(begin); at < static_cast<const uintptr_t*>(end);
       ++at) {
    const int slot = arena_->SlotOf(reinterpret_cast<const void*>(*at));
    if (slot < 0 || slots[slot]) continue;
    const Slot& s = arena_->header().slots[slot];
    if (s.bytes == 0 || s.freed != 0) continue;
    slots[slot] = true;
    Mark(arena_->Memory(slot), arena_->Memory(slot) + s.bytes, slots);
  }
}

// Whatever looks like an address is one, as mm/kmemleak.c has it.
const void* Engine::Leak() const {
  bool reached[kSlots] = {};
  Mark(arena_->kernel(), arena_->run(), reached);
  for (int t = 0; t < threads_; ++t) {
    const Thread& thread = arena_->header().threads[t];
    if (thread.life == Life::kGone) continue;
    Mark(thread.stack_pointer, arena_->Stack(t) + kStackBytes, reached);
  }
  for (int i = 0; i < kSlots; ++i) {
    const Slot& slot = arena_->header().slots[i];
    if (slot.bytes != 0 && slot.freed == 0 && !reached[i]) return arena_->Memory(i);
  }
  return nullptr;
}

void Engine::Leave() {
  Thread& t = Me();
  knot_switch(&t.stack_pointer, main_stack_);
}

void Engine::Yield() {
  if (current_ >= threads_) return;
  Leave();
}

void Engine::Wait(int (*ready)(void*), void* what) {
  if (current_ >= threads_) return;
  Me().ready = ready;
  Me().what = what;
  Leave();
}

uint32_t Engine::Choose(uint32_t count) {
  if (count <= 1) return 0;
  Me().choices = count;
  Leave();
  return choice_;
}

void Engine::Gone() {
  Me().life = Life::kGone;
  Leave();
  __builtin_unreachable();
}

void Engine::Fail(knot_defect kind, const std::string& text, uintptr_t from) {
  failed_ = true;
  defect_ = {kind, text, from};
  Me().life = Life::kGone;
  Leave();
  __builtin_unreachable();
}

uint32_t Engine::LockSet() {
  if (lock_set_ != kNoSet) return lock_set_;
  std::vector<const void*> locks(Me().locks, Me().locks + Me().held);
  std::sort(locks.begin(), locks.end());
  const auto [at, fresh] = lock_sets_.emplace(locks, static_cast<uint32_t>(sets_by_number_.size()));
  if (fresh) sets_by_number_.push_back(locks);
  return lock_set_ = at->second;
}

void Engine::Touch(const void* at, size_t bytes, uintptr_t from) {
  const int slot = arena_->SlotOf(at);
  if (slot >= 0) {
    const Slot& s = arena_->header().slots[slot];
    if (s.bytes == 0 || s.freed != 0) Fail(KNOT_USE_AFTER_FREE, "memory that is freed", from);
    const auto offset = static_cast<size_t>(static_cast<const char*>(at) - arena_->Memory(slot));
    if (offset + bytes > s.bytes) Fail(KNOT_OUT_OF_BOUNDS, "beyond what was allocated", from);
    return;
  }
  const int stack = arena_->StackOf(at);
  if (stack < 0 || stack == current_ || current_ >= threads_) return;
  const Thread& other = arena_->header().threads[stack];
  if (other.life == Life::kGone || static_cast<const char*>(at) < other.stack_pointer) {
    Fail(KNOT_USE_AFTER_RETURN, "the stack of a function that has returned", from);
  }
}

void Engine::Access(const void* at, size_t bytes, bool writes, bool is_volatile, uintptr_t from) {
  if (current_ >= threads_ || bytes == 0) return;
  constexpr uintptr_t kFirstPage = 0x1000;
  if (reinterpret_cast<uintptr_t>(at) < kFirstPage) Fail(KNOT_WILD_POINTER, "a NULL pointer", from);
  if (++accesses_ > kMostAccesses) Fail(KNOT_LOOP, "a step that does not end", from);
  if (!arena_->Has(at)) return;
  Touch(at, bytes, from);
  const int stack = arena_->StackOf(at);
  if (is_volatile) {
    if (stack != current_) {
      Yield();
      Touch(at, bytes, from);
    }
    return;
  }
  if (yields_.count(from) != 0) {
    Yield();
    Touch(at, bytes, from);
  }
  bool noted = false;
  Aside([&] { noted = Note(at, bytes, writes, from); });
  if (!noted) Fail(KNOT_LOST, "more sets of locks than are told apart", from);
}

bool Engine::Note(const void* at, size_t bytes, bool writes, uintptr_t from) {
  const Seen seen{from, current_, LockSet(), writes};
  if (seen.locks >= kMostLockSets) return false;
  const auto first = reinterpret_cast<uintptr_t>(at) / 8;
  const auto last = (reinterpret_cast<uintptr_t>(at) + bytes - 1) / 8;
  for (uintptr_t granule = first; granule <= last; ++granule) {
    // All of it, exactly: code is of one object, and an arena has fewer granules than 2^16.
    const uint64_t key = (from & 0xffffffff) << 32 | (granule - kBase / 8) << 16 |
                         uint64_t{seen.locks} << 6 | static_cast<uint64_t>(current_) << 1 |
                         static_cast<uint64_t>(writes);
    if (!known_.insert(key).second) continue;
    std::set<Seen>& others = seen_[granule];
    if (!others.insert(seen).second) continue;
    for (const Seen& other : others) {
      if (other.thread == current_ || (!writes && !other.writes)) continue;
      const auto& mine = sets_by_number_[seen.locks];
      const bool common = std::any_of(mine.begin(), mine.end(), [&](const void* lock) {
        const auto& theirs = sets_by_number_[other.locks];
        return std::find(theirs.begin(), theirs.end(), lock) != theirs.end();
      });
      if (common) continue;
      races_.insert(from);
      races_.insert(other.from);
    }
  }
  return true;
}

bool Engine::TakeRaces() {
  const size_t before = yields_.size();
  yields_.merge(races_);
  races_.clear();
  seen_.clear();
  known_.clear();
  return yields_.size() > before;
}

void* Engine::Alloc(size_t bytes, char byte, uintptr_t from) {
  Header& header = arena_->header();
  if (bytes == 0 || bytes > kLargeSlotBytes) {
    Fail(KNOT_LOST, "an allocation of " + std::to_string(bytes) + " bytes", from);
  }
  if (header.failures_left > 0 && current_ < threads_ && Choose(2) == 1) {
    --header.failures_left;
    return nullptr;
  }
  // What was never given, else what was freed longest ago.
  const bool large = bytes > kSlotBytes;
  int found = -1;
  for (int i = large ? kSmallSlots : 0; i < (large ? kSlots : kSmallSlots); ++i) {
    const Slot& slot = header.slots[i];
    if (slot.bytes == 0) {
      found = i;
      break;
    }
    if (slot.freed != 0 && (found < 0 || slot.freed < header.slots[found].freed)) found = i;
  }
  if (found < 0) Fail(KNOT_LOST, "more allocations at a time than there are slots", from);
  const uint32_t taken = header.slots[found].freed;
  for (Slot& slot : header.slots) {
    if (taken != 0 && slot.freed > taken) --slot.freed;
  }
  header.slots[found] = {static_cast<uint32_t>(bytes), 0};
  std::memset(arena_->Memory(found), byte, bytes);
  return arena_->Memory(found);
}

void Engine::Free(const void* memory, uintptr_t from) {
  if (memory == nullptr) return;
  const int slot = arena_->SlotOf(memory);
  if (slot < 0 || memory != arena_->Memory(slot)) {
    Fail(KNOT_DOUBLE_FREE, "a free of what was never allocated", from);
  }
  Slot& s = arena_->header().slots[slot];
  if (s.freed != 0) Fail(KNOT_DOUBLE_FREE, "a second free", from);
  // In the order of their frees, without gaps, so that what comes round again is the same state.
  uint32_t rank = 1;
  for (const Slot& other : arena_->header().slots) rank += other.freed != 0;
  s.freed = rank;
  std::memset(arena_->Memory(slot), 0, s.bytes);
}

void Engine::Locked(const void* lock, bool spins) {
  if (current_ >= threads_) return;
  Thread& t = Me();
  if (t.held == kHeldLocks) Fail(KNOT_LOST, "more locks at a time than are kept", 0);
  lock_set_ = kNoSet;
  t.locks[t.held++] = lock;
  t.spins = static_cast<uint8_t>(t.spins + spins);
}

void Engine::Unlocked(const void* lock, bool spins) {
  if (current_ >= threads_) return;
  Thread& t = Me();
  const auto end = t.locks + t.held;
  const auto at = std::find(t.locks, end, lock);
  if (at == end) Fail(KNOT_LOCK_NOT_HELD, "an unlock of a lock that the task does not hold", 0);
  std::copy(at + 1, end, at);
  lock_set_ = kNoSet;
  t.locks[--t.held] = nullptr;
  t.spins = static_cast<uint8_t>(t.spins - spins);
}

bool Engine::Holds(const void* lock) const {
  if (current_ >= threads_) return true;
  const Thread& t = Me();
  return std::find(t.locks, t.locks + t.held, lock) != t.locks + t.held;
}

}  // namespace knotcheck::source
