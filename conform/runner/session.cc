// SPDX-License-Identifier: Apache-2.0

#include "conform/runner/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>

#include "conform/runner/actor.h"
#include "conform/runner/conductor.h"
#include "conform/runner/fuse.h"
#include "conform/runner/hold.h"
#include "conform/runner/layout.h"
#include "conform/runner/observe.h"
#include "conform/runner/park.h"
#include "conform/runner/target.h"

namespace knotcheck::runner {
namespace {

// Exit statuses of the first process.
constexpr int kDone = 0;
constexpr int kOverLimit = 2;
constexpr int kCouldNot = 3;
// What setting up and cleaning up may take beyond the plan's own limit.
constexpr int64_t kSlackMs = 20000;

// What the first process says to the one that waits for it.
char* reason_page = nullptr;
constexpr size_t kReasonBytes = 4096;

int CouldNot(const std::string& reason) {
  std::snprintf(reason_page, kReasonBytes, "%s", reason.c_str());
  return kCouldNot;
}

int CouldNotDo(const char* what) { return CouldNot(std::string(what) + ": " + strerror(errno)); }

bool WriteFile(const char* path, const std::string& text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool ok = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  return ok;
}

int FirstProcess(const std::function<int()>& body, uid_t user, gid_t group) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (user != 0) {
    WriteFile("/proc/self/setgroups", "deny");
    if (!WriteFile("/proc/self/uid_map", "0 " + std::to_string(user) + " 1") ||
        !WriteFile("/proc/self/gid_map", "0 " + std::to_string(group) + " 1")) {
      return CouldNotDo("user namespace");
    }
  }
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return CouldNotDo("private mounts");
  }
  if (mount("proc", "/proc", "proc", 0, nullptr) != 0) return CouldNotDo("mount /proc");
  if (mount("tmpfs", kScratch, "tmpfs", 0, "mode=755") != 0) return CouldNotDo("mount tmpfs");
  return body();
}

// Copies this program to a path.
bool CopySelf(const std::string& path) {
  const int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  const int to = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
  struct stat status = {};
  bool ok = from >= 0 && to >= 0 && fstat(from, &status) == 0;
  for (off_t left = status.st_size; ok && left > 0;) {
    const ssize_t size = sendfile(to, from, nullptr, static_cast<size_t>(left));
    ok = size > 0;
    left -= size;
  }
  if (from >= 0) close(from);
  if (to >= 0) close(to);
  return ok;
}

bool MakeFiles(const Plan& plan) {
  const std::string program = std::string(kScratch) + "/program";
  const bool executes = plan.Calls(SYS_execve) || plan.Calls(SYS_execveat);
  if (mkdir(kRoot, 0755) != 0 || (executes && !CopySelf(program))) return false;
  for (const std::string& file : plan.files) {
    for (size_t at = file.find('/', 1); at != std::string::npos; at = file.find('/', at + 1)) {
      mkdir((kRoot + file.substr(0, at)).c_str(), 0755);
    }
    const std::string path = kRoot + file;
    if (executes) {
      if (link(program.c_str(), path.c_str()) != 0 && errno != EEXIST) return false;
    } else {
      const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
      // A name that was cut off may be that of a directory by now.
      if (fd < 0 && errno == EISDIR) continue;
      if (fd < 0) return false;
      const bool filled = ftruncate(fd, kPage) == 0;
      close(fd);
      if (!filled) return false;
    }
  }
  return true;
}

Control* MapControl(const Plan& plan) {
  const int fd = memfd_create("knot_runner", 0);
  if (fd < 0 || ftruncate(fd, sizeof(Control)) != 0 || dup2(fd, kControlFd) != kControlFd) {
    return nullptr;
  }
  close(fd);
  void* const memory =
      mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, kControlFd, 0);
  if (memory == MAP_FAILED || plan.text.size() > kTextBytes) return nullptr;
  auto* const control = static_cast<Control*>(memory);
  control->magic = kMagic;
  control->stress = plan.stress;
  std::memcpy(control->text, plan.text.data(), plan.text.size());
  control->text_bytes = plan.text.size();
  return control;
}

void Reset(const Plan& plan, Control* control, uint64_t run) {
  control->go = 0;
  control->listener = -1;
  control->listener_taken = 0;
  control->setup_error = 0;
  control->outcome_bytes = 0;
  uint64_t random = (plan.seed + 1) * 0x9e3779b97f4a7c15ULL + run * 0xd1342543de82ef95ULL;
  for (size_t i = 0; i < plan.tasks.size(); ++i) {
    Slot& slot = control->slot[i];
    slot.life = Life::kUnborn;
    slot.pid = slot.tid = 0;
    slot.in_handler = 0;
    slot.executing = 0;
    slot.tokens = slot.pool_bytes = slot.failed_recvs = 0;
    random |= 1;
    slot.random = NextRandom(&random) | 1;
    for (Level& level : slot.level) {
      level.order = level.completed = 0;
      level.phase = Phase::kReady;
      level.taken = 0;
      level.details_bytes = 0;
      level.ret = 0;
    }
  }
}

int Broken(Control* control, const std::string& reason) {
  control->outcome_bytes = std::min(reason.size(), kOutcomeBytes);
  std::memcpy(control->outcome, reason.data(), control->outcome_bytes);
  return static_cast<int>(Ending::kBroken);
}

// The process of the conductor and the supervisors: one run.
int ConductorProcess(const Plan& plan, Control* control) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGCHLD, SIG_IGN);
  std::string reason;
  if (plan.NeedsHold() && !OpenHold(&reason)) return Broken(control, reason);
  if (plan.Parks() && !OpenPark(&reason)) return Broken(control, reason);
  std::map<int, int> files;
  for (const Order& order : plan.orders) {
    if (order.object < 0 || files.count(order.object) > 0) continue;
    const int object = order.object;
    files[object] = ServeObject(control, object, MappedBytes(plan, object), &reason);
    if (files[object] < 0) return Broken(control, reason);
  }
  if (!MapObjects(plan, files) || !MapStacks()) return Broken(control, "the plan's memory");
  if (!StartTasks(plan, control, &reason)) return Broken(control, reason);
  if (plan.stress) return static_cast<int>(Stress(plan, control));
  const std::string wrong = Conduct(plan, control);
  if (!wrong.empty()) return Broken(control, wrong);
  return static_cast<int>(Ending::kOk);
}

// Waits for a child; false if it takes longer.
bool WaitFor(pid_t pid, int64_t limit_ms, int* status) {
  const int64_t until = Now() + limit_ms;
  const int process = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  for (;;) {
    if (waitpid(pid, status, WNOHANG) == pid) break;
    if (Now() >= until) {
      if (process >= 0) close(process);
      return false;
    }
    pollfd one = {process, POLLIN, 0};
    // Without pidfd_open(2), look again soon.
    poll(&one, 1, process >= 0 ? static_cast<int>(until - Now()) : 1);
  }
  if (process >= 0) close(process);
  return true;
}

// Ends all processes of the namespace but this one, its first.
void EndAll() {
  kill(-1, SIGKILL);
  while (waitpid(-1, nullptr, __WALL) > 0 || errno == EINTR) {
  }
}

int RunAll(const Plan& plan) {
  if (!MakeFiles(plan)) return CouldNotDo("the plan's files");
  Control* const control = MapControl(plan);
  if (control == nullptr) return CouldNotDo("the plan's control memory");
  const int proc = open("/proc", O_RDONLY | O_DIRECTORY);
  if (proc < 0 || dup2(proc, kProcFd) != kProcFd) return CouldNotDo("/proc");
  if (proc != kProcFd) close(proc);
  struct stat root = {};
  stat(kRoot, &root);
  world = {&plan, control, root.st_dev};
  std::map<std::string, uint64_t> outcomes;
  int ending = kDone;
  for (uint64_t run = 0; run < plan.runs && ending == kDone; ++run) {
    Reset(plan, control, run);
    const pid_t pid = fork();
    if (pid < 0) return CouldNotDo("fork");
    if (pid == 0) _exit(ConductorProcess(plan, control));
    int status = 0;
    // A directed plan's orders have limits of their own, and setting up takes a while.
    const auto limit = static_cast<int64_t>(plan.limit_ms) + (plan.stress ? 6000 : 0);
    if (!WaitFor(pid, limit, &status)) {
      ending = kOverLimit;
    } else if (WIFEXITED(status) && WEXITSTATUS(status) == static_cast<int>(Ending::kLimit)) {
      ending = kOverLimit;
    } else if (WIFEXITED(status) && WEXITSTATUS(status) == static_cast<int>(Ending::kBroken)) {
      ending = CouldNot(std::string(control->outcome, control->outcome_bytes));
    } else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
      ending = CouldNot("the conductor has died, status " + std::to_string(status));
    } else if (plan.stress) {
      ++outcomes[std::string(control->outcome, control->outcome_bytes)];
    }
    EndAll();
  }
  for (const auto& [text, count] : outcomes) {
    PrintLine("outcome " + std::to_string(count) + " " + text);
  }
  return ending;
}

}  // namespace

int InNamespaces(const std::function<int()>& body, int64_t limit_ms, std::string* reason) {
  if (reason_page == nullptr) {
    void* const page =
        mmap(nullptr, kReasonBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
      *reason = "no memory";
      return -1;
    }
    reason_page = static_cast<char*>(page);
  }
  reason_page[0] = 0;
  const uid_t user = geteuid();
  const gid_t group = getegid();
  const int flags =
      CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | (user != 0 ? CLONE_NEWUSER : 0) | SIGCHLD;
  const auto pid = static_cast<pid_t>(syscall(SYS_clone, flags, 0, 0, 0, 0));
  if (pid < 0) {
    *reason = std::string("namespaces: ") + strerror(errno);
    return -1;
  }
  if (pid == 0) _exit(FirstProcess(body, user, group));
  int status = 0;
  if (!WaitFor(pid, limit_ms, &status)) {
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return kOverLimit;
  }
  if (!WIFEXITED(status)) {
    *reason = "the plan's first process has died, status " + std::to_string(status);
    return -1;
  }
  *reason = reason_page;
  return WEXITSTATUS(status);
}

std::string RunPlan(const Plan& plan) {
  std::string reason;
  const auto limit = static_cast<int64_t>(plan.limit_ms * plan.runs) + kSlackMs;
  const int status = InNamespaces([&] { return RunAll(plan); }, limit, &reason);
  if (status == kDone) return "ok";
  if (status == kOverLimit) return "limit";
  return "broken " + (reason.empty() ? "status " + std::to_string(status) : reason);
}

}  // namespace knotcheck::runner
