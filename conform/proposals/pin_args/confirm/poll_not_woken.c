// SPDX-License-Identifier: Apache-2.0
//
// A listener is writable while a notification waits for its reply, and whoever sleeps in poll() is
// told when it becomes so. One thread makes ADDFD|SEND, which has no descriptor to give (EMFILE)
// and puts the notification back; another one polls for POLLOUT at that moment. When its poll()
// ends with its time only, and with POLLOUT, nobody has woken it. The moment is between ADDFD's
// complete() and the target's mutex_lock(), so it takes some rounds.

#include <pthread.h>
#include <sys/resource.h>
#include <time.h>

#include "conform/proposals/pin_args/confirm/confirm.h"

static const char kTest[] = "poll_is_told_that_a_reply_is_missing_again";
enum { kRounds = 20000, kPollMs = 500 };

static int listener;
static atomic_int asked, answered, failed;
static atomic_long answered_at;
static uint64_t asked_id;

static long Now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void Body(void* data) {
  (void)data;
  // No more descriptors than there are.
  const struct rlimit none = {3, 3};
  if (setrlimit(RLIMIT_NOFILE, &none) != 0) _exit(1);
  for (;;) syscall(SYS_umask, 0);
}

static void* Installs(void* data) {
  for (int round = 1;; ++round) {
    while (atomic_load(&asked) < round) __asm__ volatile("pause");
    struct seccomp_notif_addfd addfd = {.id = asked_id, .flags = SECCOMP_ADDFD_FLAG_SEND};
    const int fd = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &addfd);
    atomic_store(&failed, fd < 0 ? errno : 0);
    atomic_store(&answered_at, Now());
    atomic_store(&answered, round);
  }
  return data;
}

static int PollOut(int milliseconds) {
  struct pollfd one = {.fd = listener, .events = POLLOUT};
  return poll(&one, 1, milliseconds) == 1 && (one.revents & POLLOUT) != 0;
}

int main(void) {
  printf("TAP version 13\n1..1\n");
  fflush(stdout);
  alarm(100);
  listener = StartTarget(SYS_umask, Body, NULL);
  pthread_t thread;
  if (pthread_create(&thread, NULL, Installs, NULL) != 0) Die("a thread");
  int slept = 0;
  for (int round = 1; round <= kRounds; ++round) {
    const struct seccomp_notif notif = Receive(listener);
    asked_id = notif.id;
    atomic_store(&asked, round);
    // Not writable: ADDFD|SEND has replied, and the target has not looked yet.
    int replied = 0;
    while (!replied && atomic_load(&answered) < round) replied = !PollOut(0);
    const long begin = Now();
    const int writable = !replied || PollOut(kPollMs);
    const long took = Now() - begin;
    if (!Await(&answered, round)) Die("ADDFD does not return");
    if (atomic_load(&failed) != EMFILE) Die("ADDFD does not fail with EMFILE");
    slept += replied;
    const long earlier = begin + took - atomic_load(&answered_at);
    if (took >= kPollMs && earlier >= kPollMs / 2) {
      Note(
          "round %d: poll() slept %ld ms, all its time, and then said %s; ADDFD had said EMFILE "
          "%ld ms before",
          round, took, writable ? "POLLOUT" : "nothing", earlier);
      Verdict(kTest, 0);
    }
    if (Send(listener, notif.id, 0, -EACCES) != 0) Die("SEND");
  }
  Note("%d rounds, in %d of which poll() began before the target had looked", kRounds, slept);
  Verdict(kTest, 1);
}
