// SPDX-License-Identifier: Apache-2.0

#include "conform/runner/actor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "conform/runner/layout.h"

namespace knotcheck::runner {

World world;

namespace {

// The kernel's struct sigaction.
struct KernelSigaction {
  void (*handler)(int);
  unsigned long flags;
  void (*restorer)();
  uint64_t mask;
};

constexpr unsigned long kSaRestorer = 0x04000000;

Slot& SlotOf(int task) { return world.control->slot[task]; }

const Task& TaskOf(int task) { return world.plan->tasks[static_cast<size_t>(task)]; }

uint64_t Bit(int signal) { return uint64_t{1} << (signal - 1); }

// Other interleavings each time: nothing, or a wait of very different lengths.
void Jitter(Slot* slot) {
  const uint64_t random = NextRandom(&slot->random);
  if ((random & 3) == 0) return;
  const uint64_t spins = (random >> 16) & ((uint64_t{1} << ((random >> 2) & 15)) - 1);
  for (uint64_t i = 0; i < spins; ++i) __asm__ volatile("pause");
  if ((random >> 8 & 31) == 0) Own(SYS_sched_yield);
}

// Where a path of /proc leads, as the caller sees it: below its own root.
void AddLink(Level* level, const char* path) {
  char link[4096];
  const long size = Own(SYS_readlinkat, kProcFd, Arg(path), Arg(link), sizeof(link));
  // The analyser does not see what a system call writes; here and below.
  // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult)
  if (size <= 0 || link[0] != '/') return;
  AddText(level, "used=");
  AddHex(level, link, static_cast<uint64_t>(size));
}

void AddOpened(Level* level, int fd) {
  // A descriptor that a supervisor named, and that is no file of the targets, says nothing.
  struct stat status;
  // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult)
  if (Own(SYS_fstat, fd, Arg(&status)) != 0 || status.st_dev != world.root_device) return;
  char path[32] = "thread-self/fd/";
  char digits[12];
  int count = 0;
  do {
    digits[count++] = static_cast<char>('0' + fd % 10);
    fd /= 10;
  } while (fd > 0);
  size_t at = std::strlen(path);
  while (count > 0) path[at++] = digits[--count];
  path[at] = 0;
  AddLink(level, path);
}

// The name that memfd_create(2) took: "/memfd:NAME (deleted)".
void AddMemfd(Level* level, int fd) {
  constexpr char kBefore[] = "/memfd:";
  constexpr char kAfter[] = " (deleted)";
  char path[32] = "thread-self/fd/";
  path[std::strlen(path)] = static_cast<char>('0' + fd % 10);
  char link[300];
  const long size = Own(SYS_readlinkat, kProcFd, Arg(path), Arg(link), sizeof(link));
  const long begin = sizeof(kBefore) - 1;
  const long end = size - static_cast<long>(sizeof(kAfter) - 1);
  if (fd > 9 || end < begin || std::memcmp(link, kBefore, sizeof(kBefore) - 1) != 0) return;
  AddText(level, "used=");
  AddHex(level, link + begin, static_cast<uint64_t>(end - begin));
}

void AddBound(Level* level, int fd, uint64_t address) {
  char name[sizeof(sockaddr_un)];
  uint32_t size = sizeof(name);
  if (Own(SYS_getsockname, fd, Arg(name), Arg(&size)) != 0 || size > sizeof(name)) return;
  const char* const prefix = PutBack(*world.plan, ObjectAt(*world.plan, address), name, size);
  if (prefix != nullptr) std::memcpy(name, prefix, kPrefixBytes);
  AddText(level, "used=");
  AddHex(level, name, size);
}

void AddWritten(Level* level, int fd, int64_t count) {
  char bytes[4096];
  const int64_t most = fd == 4 && count < 4096 ? count : 4096;
  long size = Own(SYS_pread64, fd, Arg(bytes), most, 0);
  if (size < 0) return;
  if (fd == 5 && size > 0 && bytes[size - 1] == '\n') --size;
  AddText(level, "used=");
  AddHex(level, bytes, static_cast<uint64_t>(size));
}

void AddBuffer(Level* level, uint64_t address, int64_t count) {
  const uint64_t size = static_cast<uint64_t>(count);
  const int object = ObjectAt(*world.plan, address);
  if (object < 0 || ObjectAt(*world.plan, address + size - 1) != object) return;
  AddText(level, "used=");
  AddHex(level, reinterpret_cast<const char*>(address), size);
}

void AddUsed(Level* level, int nr, const uint64_t* args, int64_t ret) {
  if (ret < 0) return;
  const int fd = static_cast<int>(args[0]);
  if (nr == SYS_memfd_create) {
    AddMemfd(level, static_cast<int>(ret));
  } else if (nr == SYS_openat || nr == SYS_open || nr == SYS_openat2 || nr == SYS_creat) {
    AddOpened(level, static_cast<int>(ret));
  } else if (nr == SYS_bind) {
    AddBound(level, fd, args[1]);
  } else if (nr == SYS_write && (fd == 4 || fd == 5)) {
    AddWritten(level, fd, ret);
  } else if (nr == SYS_read && ret > 0) {
    AddBuffer(level, args[1], ret);
  }
}

// fork(2) or clone(2) of the plan: the child goes on with its own script on its own stack.
int64_t StartChild(const Op& op) {
  const int parent = CurrentTask();
  const int child = op.task;
  Slot& slot = SlotOf(child);
  void* const number = reinterpret_cast<void*>(static_cast<intptr_t>(child));
  long ret = 0;
  if (op.nr == SYS_fork) {
    ret = Raw(SYS_fork);
    // The result alone does not tell: a supervisor may have answered 0.
    if (ret == 0 && Own(SYS_gettid) != SlotOf(parent).tid.load()) {
      knot_on_stack(StackTop(child), RunTaskFromStart, number);
    }
  } else {
    ret = knot_clone(CLONE_VM | CLONE_FILES | CLONE_THREAD | CLONE_SIGHAND | CLONE_FS,
                     StackTop(child), 0, RunTaskFromStart, number);
  }
  if (ret <= 0) return ret;
  // Nor is every positive result a task.
  for (int i = 0; i < 100; ++i) {
    const uint32_t events = world.control->events.load();
    if (slot.tid.load() == ret) return 1;
    FutexWait(&world.control->events, events, 1000000);
  }
  return ret;
}

// A socket can be bound once, and a script may bind its own again.
void RenewSocket(long fd) {
  alignas(8) char name[128];
  uint32_t size = sizeof(name);
  if (Own(SYS_getsockname, fd, Arg(name), Arg(&size)) != 0 || size <= sizeof(uint16_t)) return;
  const long fresh = Own(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
  if (fresh < 0) return;
  Own(SYS_dup2, fresh, fd);
  Own(SYS_close, fresh);
}

int64_t CallNow(const Op& op, Level* level) {
  if (op.nr == SYS_fork || op.nr == SYS_clone) return StartChild(op);
  uint64_t args[6];
  for (int i = 0; i < 6; ++i) args[i] = ValueOf(*world.plan, op.args[i]);
  sock_filter allow = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
  const sock_fprog program = {1, &allow};
  if (op.nr == SYS_seccomp) {
    args[1] = args[0];
    args[0] = SECCOMP_SET_MODE_FILTER;
    args[2] = reinterpret_cast<uint64_t>(&program);
  }
  Own(SYS_lseek, 4, 0, SEEK_SET);
  if (op.nr == SYS_bind) RenewSocket(static_cast<long>(args[0]));
  const auto arg = [&](int i) { return static_cast<long>(args[i]); };
  Slot& slot = SlotOf(CurrentTask());
  slot.executing = op.nr == SYS_execve || op.nr == SYS_execveat ? 1 : 0;
  const int64_t ret = Raw(op.nr, arg(0), arg(1), arg(2), arg(3), arg(4), arg(5));
  slot.executing = 0;
  AddUsed(level, op.nr, args, ret);
  return ret;
}

int64_t KillTask(int task) {
  const int pid = SlotOf(task).pid.load();
  if (pid <= 0) return -ESRCH;
  // Whether a dead task's number is still there depends on who waits for it, not on the notifier.
  const int64_t ret = Own(SYS_kill, pid, SIGKILL);
  return ret == -ESRCH ? 0 : ret;
}

int64_t Execute(int task, const Op& op, uint32_t options, Level* level) {
  switch (op.code) {
    case Code::kCall:
      return CallNow(op, level);
    case Code::kStore:
      Store(*world.plan, op.word, op.value);
      return 0;
    case Code::kKill:
      return KillTask(op.task);
    default:
      return Supervise(task, op, options, level);
  }
}

// Stress: notes that an operation begins; its place, or -1 if there is no more.
int BeginToken(Slot* slot, int op, bool handler) {
  const uint32_t at = slot->tokens.fetch_add(1);
  if (at >= kMaxTokens) return -1;
  slot->token[at] = {static_cast<int16_t>(op), handler, false, 0, 0, 0};
  return static_cast<int>(at);
}

void EndToken(int task, Slot* slot, int at, const Op& op, const Level& level) {
  if (op.code == Code::kRecv && level.ret < 0) {
    slot->failed_recvs.fetch_add(1);
    // A policy's loop meets as many of these as there is time for.
    if (!world.plan->rules.empty() && TaskOf(task).kind == TaskKind::kSupervisor) {
      slot->tokens.fetch_sub(1);
      return;
    }
  } else {
    slot->failed_recvs = 0;
  }
  if (at < 0) return;
  Token& token = slot->token[at];
  const uint32_t pool = slot->pool_bytes.fetch_add(level.details_bytes);
  if (pool + level.details_bytes <= kPoolBytes) {
    std::memcpy(slot->pool + pool, level.details, level.details_bytes);
    token.details_at = pool;
    token.details_bytes = level.details_bytes;
  }
  token.ret = level.ret;
  token.returned = true;
}

// Waits until the conductor says what to begin; false: nothing more to come.
void AwaitOrder(Level* level) {
  level->phase = Phase::kReady;
  Changed(world.control);
  for (;;) {
    const uint32_t order = level->order.load();
    if (order != level->taken) break;
    FutexWait(&level->order, order);
  }
  ++level->taken;
}

void RunScript(int task, int depth, int first) {
  const Script& script = depth == 0 ? TaskOf(task).script : TaskOf(task).handler_script;
  Slot& slot = SlotOf(task);
  Level& level = slot.level[depth];
  const bool stress = world.control->stress;
  for (int at = first; at >= 0 && at < static_cast<int>(script.size());) {
    if (script[static_cast<size_t>(at)].code == Code::kEnd) break;
    uint32_t options = 0;
    int token = -1;
    if (stress) {
      const int next = Jump(task, script[static_cast<size_t>(at)], level.ret);
      if (next >= 0) {
        at = next;
        continue;
      }
      Jitter(&slot);
      token = BeginToken(&slot, at, depth == 1);
      level.op = at;
    } else {
      AwaitOrder(&level);
      at = level.op;
      options = level.options;
    }
    const Op& op = script[static_cast<size_t>(at)];
    level.details_bytes = 0;
    level.phase = Phase::kRunning;
    level.ret = Execute(task, op, op.options | options, &level);
    if (stress) EndToken(task, &slot, token, op, level);
    level.phase = Phase::kBetween;
    level.completed.fetch_add(1);
    if (!stress) Changed(world.control);
    ++at;
  }
  level.phase = depth == 0 ? Phase::kThrough : Phase::kBetween;
  Changed(world.control);
}

}  // namespace

int SignalFor(HandlerKind kind) {
  switch (kind) {
    case HandlerKind::kPlain:
      return SIGUSR2;
    case HandlerKind::kIgnored:
      return SIGWINCH;
    case HandlerKind::kRestarts:
      return SIGUSR1;
    case HandlerKind::kNone:
      break;
  }
  return SIGALRM;
}

bool MapStacks() {
  void* const base = reinterpret_cast<void*>(kStacksBase);
  return mmap(base, kStackBytes * kMaxTasks, PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0) == base;
}

void* StackTop(int task) {
  return reinterpret_cast<void*>(kStacksBase + kStackBytes * static_cast<uint64_t>(task + 1) - 64);
}

int CurrentTask() {
  const uint64_t here = reinterpret_cast<uint64_t>(__builtin_frame_address(0));
  return static_cast<int>((here - kStacksBase) / kStackBytes);
}

void RunTask(int task, int first, int depth) {
  Slot& slot = SlotOf(task);
  slot.pid = static_cast<int32_t>(Own(SYS_getpid));
  slot.tid = static_cast<int32_t>(Own(SYS_gettid));
  slot.life = Life::kAlive;
  Changed(world.control);
  if (world.control->stress) {
    while (world.control->go.load() == 0) FutexWait(&world.control->go, 0);
  }
  RunScript(task, depth, first);
  // A handler that has executed a program has nowhere to return to.
  if (depth == 1) Own(SYS_exit, 0);
  for (;;) FutexWait(&world.control->stop, 0);
}

void EndExecuted(int task, int depth) {
  Slot& slot = SlotOf(task);
  Level& level = slot.level[depth];
  if (world.control->stress) {
    for (int i = static_cast<int>(slot.tokens.load()) - 1; i >= 0; --i) {
      if (i >= kMaxTokens || slot.token[i].handler != (depth == 1)) continue;
      EndToken(task, &slot, i, TaskOf(task).script[static_cast<size_t>(level.op)], level);
      break;
    }
  }
  level.phase = Phase::kBetween;
  level.completed.fetch_add(1);
}

void RunTaskFromStart(void* task) {
  RunTask(static_cast<int>(reinterpret_cast<intptr_t>(task)), 0);
}

void OnSignal(int) {
  const int task = CurrentTask();
  Slot& slot = SlotOf(task);
  slot.level[1].phase = Phase::kBetween;
  slot.in_handler = 1;
  RunScript(task, 1, 0);
  slot.in_handler = 0;
  Changed(world.control);
}

void SetSignals() {
  const uint64_t both = Bit(SIGUSR1) | Bit(SIGUSR2);
  const KernelSigaction restarts = {OnSignal, kSaRestorer | SA_RESTART, knot_restorer, both};
  const KernelSigaction plain = {OnSignal, kSaRestorer, knot_restorer, both};
  const KernelSigaction ignored = {SIG_IGN, 0, nullptr, 0};
  Own(SYS_rt_sigaction, SIGUSR1, Arg(&restarts), 0, sizeof(uint64_t));
  Own(SYS_rt_sigaction, SIGUSR2, Arg(&plain), 0, sizeof(uint64_t));
  Own(SYS_rt_sigaction, SIGWINCH, Arg(&ignored), 0, sizeof(uint64_t));
  // Nobody waits for the children: they are gone when they are dead.
  Own(SYS_rt_sigaction, SIGCHLD, Arg(&ignored), 0, sizeof(uint64_t));
}

void AddText(Level* level, const char* text) {
  const bool key = text[0] >= 'a' && text[0] <= 'z';
  if (key && level->details_bytes > 0 && level->details_bytes < kDetailsBytes) {
    level->details[level->details_bytes++] = ' ';
  }
  while (*text != 0 && level->details_bytes < kDetailsBytes) {
    level->details[level->details_bytes++] = *text++;
  }
}

void AddHex(Level* level, const char* bytes, uint64_t size) {
  if (size == 0) return AddText(level, "-");
  for (uint64_t i = 0; i < size && level->details_bytes + 2 <= kDetailsBytes; ++i) {
    // NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign)
    const auto byte = static_cast<unsigned char>(bytes[i]);
    level->details[level->details_bytes++] = "0123456789abcdef"[byte >> 4];
    level->details[level->details_bytes++] = "0123456789abcdef"[byte & 15];
  }
}

void AddNumber(Level* level, int64_t number) {
  char digits[24];
  int at = sizeof(digits);
  digits[--at] = 0;
  do {
    digits[--at] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number > 0);
  AddText(level, digits + at);
}

uint64_t NextRandom(uint64_t* state) {
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return *state * 0x2545f4914f6cdd1dULL;
}

}  // namespace knotcheck::runner
