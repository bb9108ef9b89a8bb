// SPDX-License-Identifier: Apache-2.0
//
// "atomically copies designated pointer-arg payloads": a thread of the target counts the first word
// of 1 MiB up and then the last one, so that at each moment they are equal, or the first is one
// ahead. The copy goes from the first to the last and takes longer than one such round.

#include "conform/proposals/pin_args/confirm/confirm.h"

static const char kTest[] = "pin_args_copy_not_atomic";
enum { kTries = 64, kWords = kMiB / 8 };
static _Atomic uint64_t words[kWords];
static char stack[1 << 14] __attribute__((aligned(16)));

static int Count(void* data) {
  (void)data;
  for (uint64_t n = 1;; ++n) {
    atomic_store(&words[0], n);
    atomic_store(&words[kWords - 1], n);
  }
  return 0;
}

static void Body(void* data) {
  (void)data;
  const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
  if (clone(Count, stack + sizeof(stack), flags, NULL) < 0) {
    atomic_store(&shared->stage, -1);
    pause();
  }
  for (int i = 0; i < kTries; ++i) syscall(SYS_pwrite64, -1, words, sizeof(words), 0);
  pause();
}

int main(void) {
  Begin(kTest);
  if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
    Skip(kTest, "one processor: nobody counts while it copies");
  const int listener = StartTarget(SYS_pwrite64, Body, NULL);
  static uint64_t buffer[kWords];
  uint64_t most = 0;
  int mixed = 0;
  for (int i = 0; i < kTries; ++i) {
    const struct seccomp_notif notif = Receive(listener);
    struct seccomp_notif_pin_args request = {
        .id = notif.id, .nr_args = 1, .buf_size = sizeof(buffer), .buf = (uintptr_t)buffer};
    request.args[0].arg_idx = 1;
    request.args[0].kind = SECCOMP_PIN_FIXED;
    request.args[0].max_bytes = kMiB;
    if (Pin(listener, &request) != 0) Die("PIN_ARGS");
    // In memory the last word is never newer than the first.
    const uint64_t ahead = buffer[kWords - 1] - buffer[0];
    if (buffer[kWords - 1] > buffer[0]) {
      ++mixed;
      if (ahead > most) most = ahead;
    }
    if (Send(listener, notif.id, CONTINUE_PINNED_FLAGS, 0) != 0) Die("SEND");
  }
  Note("%d of %d records hold what memory never held", mixed, kTries);
  Note("their last word is up to %llu rounds newer than their first", (unsigned long long)most);
  Verdict(kTest, mixed == 0);
}
