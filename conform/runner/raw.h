// SPDX-License-Identifier: Apache-2.0
//
// System calls without libc. Tasks with the filter use nothing else: no errno, no locks, no
// thread-local data, which CLONE_VM processes would share. The runner's own calls carry kOwn in the
// sixth argument, and the filter lets such calls pass, so that a plan may trap any call.

#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>

#include <atomic>
#include <cstdint>
#include <ctime>

namespace knotcheck::runner {

// The mark of the runner's own calls.
inline constexpr long kOwn = 0x6b6e6f74;
// The mark of the one call of the runner that is trapped.
inline constexpr long kAsk = 0x6b6e6f75;

// A system call as the kernel returns it: an error is negative.
inline long Raw(long nr, long a0 = 0, long a1 = 0, long a2 = 0, long a3 = 0, long a4 = 0,
                long a5 = 0) {
  long ret;
  register long r10 __asm__("r10") = a3;
  register long r8 __asm__("r8") = a4;
  register long r9 __asm__("r9") = a5;
  __asm__ volatile("syscall"
                   : "=a"(ret)
                   : "a"(nr), "D"(a0), "S"(a1), "d"(a2), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return ret;
}

// One of the runner's own calls; at most five arguments.
inline long Own(long nr, long a0 = 0, long a1 = 0, long a2 = 0, long a3 = 0, long a4 = 0) {
  return Raw(nr, a0, a1, a2, a3, a4, kOwn);
}

// An address as a system call's argument.
inline long Arg(const void* pointer) { return reinterpret_cast<long>(pointer); }

// Sleeps while *word is value, at most nanoseconds (0: without limit).
inline long FutexWait(std::atomic<uint32_t>* word, uint32_t value, long nanoseconds = 0) {
  timespec limit = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  return Own(SYS_futex, Arg(word), FUTEX_WAIT, value, nanoseconds == 0 ? 0 : Arg(&limit));
}

inline void FutexWake(std::atomic<uint32_t>* word) {
  Own(SYS_futex, Arg(word), FUTEX_WAKE, 1 << 30);
}

extern "C" {
// clone(2) with a stack of its own: the new task calls run(argument), which does not return.
long knot_clone(long flags, void* stack_top, long own, void (*run)(void*), void* argument);
// What a signal handler returns to: rt_sigreturn(2), marked as the runner's own.
void knot_restorer();
// Goes on with run(argument) on another stack.
[[noreturn]] void knot_on_stack(void* stack_top, void (*run)(void*), void* argument);
}

}  // namespace knotcheck::runner
