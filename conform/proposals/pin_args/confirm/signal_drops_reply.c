// SPDX-License-Identifier: Apache-2.0
//
// "Allow exactly one reply", and whoever gives it is told: a target makes umask(2) again and again;
// each time it gets a signal, and a reply soon after. When SEND has said 0 and the next
// notification comes although the call has not returned, the reply was dropped. The window is
// between the end of the target's wait and its mutex_lock(), so the supervisor's pause is random.

#include "conform/proposals/pin_args/confirm/confirm.h"

static const char kTest[] = "accepted_reply_is_acted_on";
enum { kRounds = 300000, kPauseMost = 4096 };

static void Nothing(int signal) { (void)signal; }

static void Body(void* data) {
  (void)data;
  const struct sigaction action = {.sa_handler = Nothing, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
  for (;;) {
    syscall(SYS_umask, 0);
    atomic_fetch_add(&shared->stage, 1);
  }
}

int main(void) {
  printf("TAP version 13\n1..1\n");
  fflush(stdout);
  alarm(100);
  const int listener = StartTarget(SYS_umask, Body, NULL);
  unsigned random = 1;
  int accepted = 0;
  int dropped = 0;
  int rounds = 0;
  for (; rounds < kRounds && dropped == 0; ++rounds) {
    struct seccomp_notif notif;
    memset(&notif, 0, sizeof(notif));
    // ENOENT: the signal of the last round has ended the notification.
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notif) != 0) continue;
    dropped = accepted - atomic_load(&shared->stage);
    if (dropped != 0) break;
    random = random * 1664525u + 1013904223u;
    kill(target_pid, SIGUSR1);
    for (unsigned i = 0; i < (random >> 8) % kPauseMost; ++i) __asm__ volatile("pause");
    if (Send(listener, notif.id, 0, 0) == 0) ++accepted;
  }
  Note("%d rounds; SEND said 0 to %d replies, of which %d were dropped", rounds, accepted, dropped);
  Verdict(kTest, dropped == 0);
}
