// SPDX-License-Identifier: Apache-2.0
//
// What the programs of this folder share: a target whose call is trapped, the supervisor's side of
// the notifier, memory control groups, and kselftest's TAP. `ok`: the kernel keeps what PIN_ARGS
// promises; `not ok`: the finding shows. Whatever cannot be asked here is skipped, with status 4.

#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SECCOMP_IOCTL_NOTIF_PIN_ARGS
#define SECCOMP_PIN_FIXED 0
#define SECCOMP_PIN_CSTRING 1
#define SECCOMP_PIN_CSTRING_ARRAY 2
#define SECCOMP_USER_NOTIF_FLAG_CONTINUE_PINNED (1UL << 1)

struct seccomp_pin_arg {
  uint8_t arg_idx;
  uint8_t kind;
  uint16_t _reserved;
  uint32_t max_bytes;
  uint32_t max_entries;
  uint32_t _reserved2;
  uint32_t actual_size;
  uint32_t actual_entries;
  uint32_t truncated;
  uint32_t _reserved3;
  uint64_t user_addr;
  uint64_t buf_offset;
};

struct seccomp_notif_pin_args {
  uint64_t id;
  uint32_t nr_args;
  uint32_t buf_size;
  uint64_t buf;
  struct seccomp_pin_arg args[6];
};

#define SECCOMP_IOCTL_NOTIF_PIN_ARGS SECCOMP_IOWR(5, struct seccomp_notif_pin_args)
#endif

enum { kFailed = 1, kSkipped = 4, kMiB = 1 << 20, kWaitMs = 10000 };

// "# TEXT" on stdout.
__attribute__((format(printf, 1, 2))) static inline void Note(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  printf("# ");
  vprintf(format, arguments);
  printf("\n");
  va_end(arguments);
  fflush(stdout);
}

static pid_t target_pid;

static inline void EndTarget(void) {
  if (target_pid > 0) kill(target_pid, SIGKILL);
  if (target_pid > 0) waitpid(target_pid, NULL, 0);
  target_pid = 0;
}

// The last line; ends the program.
__attribute__((noreturn)) static inline void Verdict(const char* test, int kept) {
  EndTarget();
  printf("%s 1 %s\n", kept ? "ok" : "not ok", test);
  exit(kept ? 0 : kFailed);
}

__attribute__((noreturn)) static inline void Skip(const char* test, const char* why) {
  EndTarget();
  printf("ok 1 %s # SKIP %s\n", test, why);
  exit(kSkipped);
}

// What must work for anything to be asked.
__attribute__((noreturn)) static inline void Die(const char* what) {
  const int error = errno;
  EndTarget();
  printf("Bail out! %s: %s\n", what, strerror(error));
  exit(2);
}

// What supervisor and target both see.
struct Shared {
  atomic_int listener;  // the descriptor, plus 1
  atomic_int stage;     // the target's; its body counts it up
  atomic_int go;        // the supervisor's
  long ret;
};
static struct Shared* shared;

// Waits until an atomic is at least that.
static inline int Await(atomic_int* what, int least) {
  for (int i = 0; i < kWaitMs; ++i) {
    if (atomic_load(what) >= least) return 1;
    usleep(1000);
  }
  return 0;
}

// Starts a process that shares the descriptors, traps the call `nr` and then does `body`.
static inline int StartTarget(int nr, void (*body)(void*), void* data) {
  shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) Die("mmap");
  fflush(stdout);
  target_pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
  if (target_pid < 0) Die("clone");
  if (target_pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};
    const long fd =
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    atomic_store(&shared->listener, fd < 0 ? -1 : (int)fd + 1);
    if (fd >= 0) body(data);
    _exit(0);
  }
  for (int i = 0; i < kWaitMs && atomic_load(&shared->listener) == 0; ++i) usleep(1000);
  if (atomic_load(&shared->listener) <= 0) Die("a listener");
  return atomic_load(&shared->listener) - 1;
}

// RECV of the next notification.
static inline struct seccomp_notif Receive(int listener) {
  struct pollfd one = {.fd = listener, .events = POLLIN};
  struct seccomp_notif notif;
  memset(&notif, 0, sizeof(notif));
  if (poll(&one, 1, kWaitMs) != 1 || !(one.revents & POLLIN)) Die("no notification");
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notif) != 0) Die("RECV");
  return notif;
}

static inline int Pin(int listener, struct seccomp_notif_pin_args* request) {
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_PIN_ARGS, request);
}

// A kernel that has PIN_ARGS finds no notification of this id. Asked in a process of its own, which
// ends with its filter.
static inline int HasPinArgs(void) {
  const pid_t pid = fork();
  if (pid == 0) {
    struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    const struct sock_fprog program = {1, &allow};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const long fd =
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    struct seccomp_notif_pin_args probe = {.id = 1, .nr_args = 1};
    probe.args[0].max_bytes = 1;
    _exit(fd >= 0 && Pin((int)fd, &probe) != 0 && errno == ENOENT ? 0 : 1);
  }
  int status = 1;
  return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

// The first lines. Nothing is touched where the kernel does not have what is asked of.
static inline void Begin(const char* test) {
  printf("TAP version 13\n1..1\n");
  fflush(stdout);
  alarm(120);
  if (!HasPinArgs()) Skip(test, "no SECCOMP_IOCTL_NOTIF_PIN_ARGS");
}

static inline int Send(int listener, uint64_t id, uint32_t flags, int error) {
  struct seccomp_notif_resp response = {.id = id, .error = error, .flags = flags};
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

#define CONTINUE_PINNED_FLAGS \
  (SECCOMP_USER_NOTIF_FLAG_CONTINUE | (uint32_t)SECCOMP_USER_NOTIF_FLAG_CONTINUE_PINNED)

// A memory control group of this name below the mounted hierarchy, with this process (0) or
// another one in it. The names are the program's own, so that two do not meet.
static inline int EnterGroup(const char* name, pid_t pid) {
  char path[256];
  char text[32];
  int fd = open("/sys/fs/cgroup/cgroup.subtree_control", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const int enabled = write(fd, "+memory", 7) == 7;
  close(fd);
  snprintf(path, sizeof(path), "/sys/fs/cgroup/%s", name);
  if (!enabled || (mkdir(path, 0755) != 0 && errno != EEXIST)) return 0;
  snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/cgroup.procs", name);
  fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const int size = snprintf(text, sizeof(text), "%d", pid);
  const int entered = write(fd, text, (size_t)size) == size;
  close(fd);
  return entered;
}

// memory.current of a group; -1 if it cannot be read.
static inline long GroupBytes(const char* name) {
  char path[256];
  char text[64] = "";
  snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/memory.current", name);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  const ssize_t size = read(fd, text, sizeof(text) - 1);
  close(fd);
  return size > 0 ? atol(text) : -1;
}

// Back to the root, so that the group can go.
static inline void LeaveGroup(const char* name) {
  char path[256];
  EndTarget();
  const int fd = open("/sys/fs/cgroup/cgroup.procs", O_WRONLY | O_CLOEXEC);
  if (fd >= 0 && write(fd, "0", 1) != 1) Note("this process stays in %s", name);
  if (fd >= 0) close(fd);
  snprintf(path, sizeof(path), "/sys/fs/cgroup/%s", name);
  rmdir(path);
}

// Whether the kernel's log has a line with `what` and, behind it, `where`; it is shown. The log is
// the machine's, so each program wants a guest of its own.
static inline int Logged(const char* what, const char* where) {
  static char log[1 << 20];
  const int size = klogctl(3, log, sizeof(log) - 1);
  if (size <= 0) return 0;
  log[size] = 0;
  for (char* at = strstr(log, what); at != NULL; at = strstr(at + 1, what)) {
    at[strcspn(at, "\n")] = 0;
    if (strstr(at, where) != NULL) {
      Note("%s", at);
      return 1;
    }
    at += strlen(at);
  }
  return 0;
}
