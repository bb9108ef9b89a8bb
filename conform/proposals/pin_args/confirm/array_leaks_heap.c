// SPDX-License-Identifier: Apache-2.0
//
// "bytes the kernel actually populated": a table of many pointers and one long string. Phase 2
// drops all entries but the first, and their slots of the header are copied out as they were
// allocated. Another process puts a pattern into buffers of that size and frees them before.

#include <sys/ipc.h>
#include <sys/msg.h>

#include "conform/proposals/pin_args/confirm/confirm.h"

static const char kTest[] = "pin_args_array_leaks_heap";
enum { kBytes = 4096, kEntries = kBytes / 5, kString = 2000, kMessages = 64, kTries = 16 };
enum { kGapBegin = 4 + 4, kGapEnd = 4 + 4 * kEntries };
static const unsigned char kPattern = 0xa5;
static char string[kString + 1];
static char* table[kEntries + 1];

static void Body(void* data) {
  (void)data;
  for (int i = 0; i < kTries; ++i) syscall(SYS_execve, "/nothing", table, NULL);
  pause();
}

// A message of a page, its header included, that is sent and received; by another process.
static void Spray(void) {
  const pid_t pid = fork();
  if (pid == 0) {
    struct {
      long type;
      unsigned char bytes[kBytes - 48];
    } message = {.type = 1};
    memset(message.bytes, kPattern, sizeof(message.bytes));
    int queues[kMessages];
    for (int i = 0; i < kMessages; ++i) {
      queues[i] = msgget(IPC_PRIVATE, 0600);
      if (queues[i] >= 0) msgsnd(queues[i], &message, sizeof(message.bytes), IPC_NOWAIT);
    }
    for (int i = 0; i < kMessages; ++i) {
      if (queues[i] >= 0) msgctl(queues[i], IPC_RMID, NULL);
    }
    _exit(0);
  }
  if (pid > 0) waitpid(pid, NULL, 0);
}

int main(void) {
  Begin(kTest);
  memset(string, 's', kString);
  for (int i = 0; i < kEntries; ++i) table[i] = string;
  const int listener = StartTarget(SYS_execve, Body, NULL);
  static unsigned char buffer[kBytes];
  int most = 0;
  int most_pattern = 0;
  for (int i = 0; i < kTries; ++i) {
    const struct seccomp_notif notif = Receive(listener);
    Spray();
    memset(buffer, 0, sizeof(buffer));
    struct seccomp_notif_pin_args request = {
        .id = notif.id, .nr_args = 1, .buf_size = kBytes, .buf = (uintptr_t)buffer};
    request.args[0].arg_idx = 1;
    request.args[0].kind = SECCOMP_PIN_CSTRING_ARRAY;
    request.args[0].max_bytes = kBytes;
    if (Pin(listener, &request) != 0) Die("PIN_ARGS");
    int written = 0;
    int pattern = 0;
    for (int at = kGapBegin; at < kGapEnd; ++at) {
      written += buffer[at] != 0;
      pattern += buffer[at] == kPattern;
    }
    if (i == 0) {
      Note("actual_entries %u of %d, actual_size %u", request.args[0].actual_entries, kEntries,
           request.args[0].actual_size);
      if (request.args[0].actual_entries != 1) Die("phase 2 did not drop what it should");
    }
    if (pattern > most_pattern || (pattern == most_pattern && written > most)) {
      most_pattern = pattern;
      most = written;
    }
    // The record goes with the call.
    Send(listener, notif.id, CONTINUE_PINNED_FLAGS, 0);
  }
  Note("the header has %d bytes for entries that are not there", kGapEnd - kGapBegin);
  Note("of them, at most %d are not zero, and %d are what another process had sent", most,
       most_pattern);
  Verdict(kTest, most == 0);
}
