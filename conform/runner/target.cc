// SPDX-License-Identifier: Apache-2.0

#include "conform/runner/target.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "conform/runner/actor.h"
#include "conform/runner/layout.h"
#include "conform/runner/room.h"

namespace knotcheck::runner {
namespace {

constexpr long kThreadFlags = CLONE_VM | CLONE_FILES | CLONE_THREAD | CLONE_SIGHAND | CLONE_FS;
constexpr int kSetUpLimitMs = 5000;

// The filter is built by the conductor's process and installed by the first target.
std::vector<sock_filter> filter;

// What setting up was doing when it failed; in the order of the enumeration.
enum Step : uint32_t { kChroot, kDescriptors, kPeers, kFilter, kTargets, kThreads };
const char* const kStepNames[] = {"chroot",         "the targets' descriptors",
                                  "clone a peer",   "install the filter",
                                  "clone a target", "clone a thread"};

[[noreturn]] void Fail(Step step, long error) {
  world.control->setup_step = step;
  world.control->setup_error = static_cast<int32_t>(-error);
  Changed(world.control);
  Own(SYS_exit_group, 1);
  __builtin_unreachable();
}

void Check(Step step, long ret) {
  if (ret < 0) Fail(step, ret);
}

void* TaskNumber(int task) { return reinterpret_cast<void*>(static_cast<intptr_t>(task)); }

TaskKind KindOf(int task) { return world.plan->tasks[static_cast<size_t>(task)].kind; }

int TaskCount() { return static_cast<int>(world.plan->tasks.size()); }

// Descriptors 3 to 5; they are the lowest that are free.
void OpenDescriptors() {
  for (int fd = 3; fd <= 5; ++fd) Own(SYS_close, fd);
  Check(kDescriptors, Own(SYS_socket, AF_UNIX, SOCK_STREAM, 0));
  Check(kDescriptors, Own(SYS_memfd_create, Arg("file"), 0));
  Check(kDescriptors, Own(SYS_fchmod, 4, 0600));
  Check(kDescriptors, Own(SYS_ftruncate, 4, 64));
  Check(kDescriptors, Own(SYS_openat, kProcFd, Arg("self/comm"), O_RDWR));
}

void StartThreads(int target) {
  for (int i = 0; i < TaskCount(); ++i) {
    if (KindOf(i) != TaskKind::kThread) continue;
    if (world.plan->tasks[static_cast<size_t>(i)].of != target) continue;
    Check(kThreads, knot_clone(kThreadFlags, StackTop(i), kOwn, RunTaskFromStart, TaskNumber(i)));
  }
}

// A target that the first one has started: it has the filter and, so far, the other's descriptors.
void NextTarget(void* number) {
  const int task = static_cast<int>(reinterpret_cast<intptr_t>(number));
  OpenDescriptors();
  StartThreads(task);
  RunTaskFromStart(number);
}

// All targets have one listener, so they inherit the filter of the first. Peers have none, so they
// begin before it is there; all of them share the first target's memory, and the objects are shared
// by everybody. CLONE_PARENT: nobody's death is another one's business.
void FirstTarget(void* number) {
  const int task = static_cast<int>(reinterpret_cast<intptr_t>(number));
  Check(kChroot, Own(SYS_chroot, Arg(kRoot)));
  Check(kChroot, Own(SYS_chdir, Arg("/")));
  Own(SYS_umask, 0);
  SetSignals();
  Own(SYS_close_range, 6, kControlFd - 1, 0);
  Own(SYS_close_range, kProcFd + 1, ~0U, 0);
  OpenDescriptors();
  for (int i = 0; i < TaskCount(); ++i) {
    if (KindOf(i) != TaskKind::kPeer && KindOf(i) != TaskKind::kFilePeer) continue;
    const long files = KindOf(i) == TaskKind::kFilePeer ? CLONE_FILES : 0;
    Check(kPeers, knot_clone(CLONE_VM | CLONE_PARENT | SIGCHLD | files, StackTop(i), kOwn,
                             RunTaskFromStart, TaskNumber(i)));
  }
  const sock_fprog program = {static_cast<unsigned short>(filter.size()), filter.data()};
  unsigned long flags = kFlagNewListener;
  if (world.plan->wait_killable) flags |= kFlagWaitKillable;
  Check(kFilter, Own(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  const long listener =
      Own(SYS_seccomp, SECCOMP_SET_MODE_FILTER, static_cast<long>(flags), Arg(&program));
  Check(kFilter, listener);
  world.control->listener = static_cast<int32_t>(listener);
  Changed(world.control);
  while (world.control->listener_taken.load() == 0) FutexWait(&world.control->listener_taken, 0);
  Own(SYS_close, listener);
  Raw(SYS_getpid, 0, 0, 0, 0, 0, kAsk);
  for (int i = 0; i < TaskCount(); ++i) {
    if (i == task || KindOf(i) != TaskKind::kTarget) continue;
    Check(kTargets,
          knot_clone(CLONE_PARENT | SIGCHLD, StackTop(i), kOwn, NextTarget, TaskNumber(i)));
  }
  StartThreads(task);
  RunTaskFromStart(number);
}

bool BuildFilter(const Plan& plan, std::string* reason) {
  scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
  if (context == nullptr) {
    *reason = "seccomp_init";
    return false;
  }
  int error = 0;
  for (const int nr : plan.traps) {
    const int ret = seccomp_rule_add(context, SCMP_ACT_NOTIFY, nr, 1,
                                     SCMP_A5(SCMP_CMP_NE, static_cast<scmp_datum_t>(kOwn)));
    if (ret != 0 && ret != -EEXIST) error = ret;
  }
  // Where the plan traps it anyway there is nothing to add.
  const int asks = seccomp_rule_add(context, SCMP_ACT_NOTIFY, SYS_getpid, 1,
                                    SCMP_A5(SCMP_CMP_EQ, static_cast<scmp_datum_t>(kAsk)));
  if (asks != 0 && asks != -EEXIST) error = asks;
  const int file = memfd_create("filter", MFD_CLOEXEC);
  if (error == 0 && file >= 0) error = seccomp_export_bpf(context, file);
  seccomp_release(context);
  struct stat status = {};
  if (error == 0 && file >= 0 && fstat(file, &status) == 0) {
    filter.resize(static_cast<size_t>(status.st_size) / sizeof(sock_filter));
    if (pread(file, filter.data(), static_cast<size_t>(status.st_size), 0) != status.st_size) {
      error = -EIO;
    }
  }
  if (file >= 0) close(file);
  if (error != 0 || filter.empty()) {
    *reason = std::string("libseccomp: ") + std::strerror(-error);
    return false;
  }
  return true;
}

// Waits until `done` says so; false after the limit or when setting up has failed.
template <typename Done>
bool Await(Control* control, std::string* reason, Done done) {
  for (int waited = 0; waited < kSetUpLimitMs; ++waited) {
    const uint32_t events = control->events.load();
    if (done()) return true;
    if (control->setup_error.load() != 0) {
      *reason = std::string(kStepNames[control->setup_step.load()]) + ": " +
                std::strerror(control->setup_error.load());
      return false;
    }
    FutexWait(&control->events, events, 1000000);
  }
  *reason = "the tasks did not come up";
  return false;
}

bool TakeListener(int pid, int listener) {
  const int process = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (process < 0) return false;
  const int taken = static_cast<int>(syscall(SYS_pidfd_getfd, process, listener, 0));
  close(process);
  if (taken < 0) return false;
  const bool ok = dup3(taken, kListenerFd, O_CLOEXEC) == kListenerFd;
  close(taken);
  return ok;
}

// Ids are given out in sequence from a random one. One notification before the plan's tells where:
// then `after` works for a variable that holds none yet, too. Its id, or 0.
uint64_t LearnId() {
  pollfd listener = {kListenerFd, POLLIN, 0};
  seccomp_notif notif = {};
  if (poll(&listener, 1, kSetUpLimitMs) != 1 || ioctl(kListenerFd, kIoctlRecv, &notif) != 0) {
    return 0;
  }
  const seccomp_notif_resp response = {notif.id, 1, 0, 0};
  return ioctl(kListenerFd, kIoctlSend, &response) == 0 ? notif.id : 0;
}

void* SupervisorThread(void* number) {
  RunTask(static_cast<int>(reinterpret_cast<intptr_t>(number)), 0);
}

char* Pages(uint64_t bytes) {
  void* const pages = mmap(nullptr, (bytes + kPage - 1) & ~(kPage - 1), PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return pages == MAP_FAILED ? nullptr : static_cast<char*>(pages);
}

bool StartSupervisor(int task, uint64_t id) {
  Desk& desk = desks[task];
  for (seccomp_notif& about : desk.about) about.id = id;
  desk.readback_bytes = kPage;
  for (const Op& op : world.plan->tasks[static_cast<size_t>(task)].script) {
    if (op.code != Code::kVerb) continue;
    desk.readback_bytes = std::max(desk.readback_bytes, op.verb->readback(op));
  }
  desk.notif = reinterpret_cast<seccomp_notif*>(Pages(kPage));
  desk.request = Pages(kPage);
  desk.readback = Pages(desk.readback_bytes);
  desk.scratch = Pages(kMaxLook + kPage);
  for (char*& kept : desk.kept) kept = Pages(kMaxLook);
  if (desk.notif == nullptr || desk.request == nullptr || desk.readback == nullptr ||
      desk.scratch == nullptr || desk.kept[0] == nullptr || desk.kept[1] == nullptr) {
    return false;
  }
  pthread_t thread;
  return pthread_create(&thread, nullptr, SupervisorThread, TaskNumber(task)) == 0;
}

void NoHandler(int) {}

void SetSupervisorSignals() {
  struct sigaction action = {};
  action.sa_handler = NoHandler;
  sigaction(SIGUSR2, &action, nullptr);
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, nullptr);
  action.sa_handler = SIG_IGN;
  sigaction(SIGWINCH, &action, nullptr);
}

void LimitFiles(const Plan& plan, const Control& control) {
  for (size_t i = 0; i < plan.tasks.size(); ++i) {
    if (plan.tasks[i].nofile < 0) continue;
    const auto most = static_cast<rlim_t>(plan.tasks[i].nofile);
    const rlimit limit = {most, most};
    prlimit(control.slot[i].pid.load(), RLIMIT_NOFILE, &limit, nullptr);
  }
}

}  // namespace

bool StartTasks(const Plan& plan, Control* control, std::string* reason) {
  if (!BuildFilter(plan, reason)) return false;
  int first = 0;
  while (plan.tasks[static_cast<size_t>(first)].kind != TaskKind::kTarget) ++first;
  for (const Task& task : plan.tasks) {
    if (task.kind == TaskKind::kFilePeer && task.of != first) {
      *reason = "only the first target can have a filepeer";
      return false;
    }
  }
  const pid_t pid = fork();
  if (pid < 0) {
    *reason = std::string("fork: ") + std::strerror(errno);
    return false;
  }
  if (pid == 0) {
    const int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd <= 2; ++fd) dup2(null, fd);
    if (null > 2) close(null);
    knot_on_stack(StackTop(first), FirstTarget, TaskNumber(first));
  }
  if (!Await(control, reason, [&] { return control->listener.load() >= 0; })) return false;
  if (!TakeListener(pid, control->listener.load())) {
    *reason = std::string("pidfd_getfd: ") + std::strerror(errno);
    return false;
  }
  const int given = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  dup3(given, kGivenFd, O_CLOEXEC);
  close(given);
  control->listener_taken = 1;
  FutexWake(&control->listener_taken);
  const uint64_t id = LearnId();
  if (id == 0) {
    *reason = std::string("the first notification: ") + std::strerror(errno);
    return false;
  }
  SetSupervisorSignals();
  for (int i = 0; i < static_cast<int>(plan.tasks.size()); ++i) {
    if (plan.tasks[static_cast<size_t>(i)].kind != TaskKind::kSupervisor) continue;
    if (!StartSupervisor(i, id)) {
      *reason = "a supervisor's thread";
      return false;
    }
  }
  const bool up = Await(control, reason, [&] {
    for (size_t i = 0; i < plan.tasks.size(); ++i) {
      const TaskKind kind = plan.tasks[i].kind;
      if (kind == TaskKind::kChild || kind == TaskKind::kChildThread) continue;
      if (control->slot[i].life.load() == Life::kUnborn) return false;
    }
    return true;
  });
  if (up) LimitFiles(plan, *control);
  return up;
}

}  // namespace knotcheck::runner
