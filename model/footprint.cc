// SPDX-License-Identifier: Apache-2.0

#include "model/footprint.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "model/kernel/locals.h"

namespace knotcheck::model {
namespace {

// The resources. Of each task: its pending signals, and those that kill; the rest is of all.
constexpr uint64_t Signals(int task) { return uint64_t{1} << task; }
constexpr uint64_t Fatal(int task) { return uint64_t{1} << (8 + task); }
constexpr uint64_t Files(int table) { return uint64_t{1} << (16 + table); }
constexpr uint64_t kAllFiles = uint64_t{0xff} << 16;
constexpr uint64_t kLock = uint64_t{1} << 24;
constexpr uint64_t kCompletion = uint64_t{1} << 25;
constexpr uint64_t kWaitQueue = uint64_t{1} << 26;
constexpr uint64_t kRequestCount = uint64_t{1} << 27;
constexpr uint64_t kUserCount = uint64_t{1} << 28;
constexpr uint64_t kMemory = uint64_t{1} << 29;
constexpr uint64_t kFaults = uint64_t{1} << 30;
constexpr uint64_t kFile = uint64_t{1} << 31;
constexpr uint64_t kAllocations = uint64_t{1} << 32;
constexpr uint64_t kFilterChains = uint64_t{1} << 33;
constexpr uint64_t kLooks = uint64_t{1} << 34;
constexpr uint64_t Lives(int task) { return uint64_t{1} << (35 + task); }
constexpr uint64_t kAllLives = uint64_t{0xff} << 35;
constexpr uint64_t kEverything = (uint64_t{1} << 43) - 1;

bool WritesMemory(Nr nr) {
  const auto& roles = SyscallOf(nr).roles;
  return nr == Nr::kFork || std::any_of(roles.begin(), roles.end(), [](const Role& role) {
           return role.shape == Shape::kOutBuffer;
         });
}

template <class Fn>
void ForEachOp(const TaskInfo& task, Fn&& fn) {
  for (const auto* ops : {&task.ops, &task.handler}) {
    for (size_t at = 0; at < ops->size(); ++at) fn(*ops, at);
  }
}

}  // namespace

Footprints::Footprints(const Program& program, const Proposal& proposal, const Config& config)
    : program_(program), proposal_(proposal), config_(config), dead_(program) {
  in_doubt_ = config.mutations != 0 || config.own_mutations != 0;
  completes_often_ = program.puts_back;
  const size_t tasks = program.tasks.size();
  script_writes_.assign(tasks, 0);
  can_be_killed_.assign(tasks, false);
  chooses_.assign(tasks, false);
  bool forks = false;
  for (size_t t = 0; t < tasks; ++t) {
    const TaskInfo& info = program.tasks[t];
    ForEachOp(info, [&](const std::vector<Op>& ops, size_t at) {
      const Op& op = ops[at];
      const bool call = op.code == OpCode::kSyscall;
      stores_ |= op.code == OpCode::kStore || (call && WritesMemory(op.nr));
      stores_remotely_ |= op.code == OpCode::kStore && info.kind == TaskKind::kSupervisor;
      executes_ |= call && IsExec(op.nr);
      completes_often_ |= op.code == OpCode::kAddfd;
      script_writes_[t] |= WrittenByOp(ops, at);
      if (op.code == OpCode::kChoose && info.kind == TaskKind::kSupervisor) chooses_[t] = true;
      forks |= call && (op.nr == Nr::kFork || op.nr == Nr::kClone);
      if (op.code != OpCode::kKill) return;
      for (size_t u = 0; u < tasks; ++u) {
        if (program.tasks[u].group == program.tasks[op.task].group) can_be_killed_[u] = true;
      }
    });
    if (info.kind == TaskKind::kSupervisor) {
      // fdget() of the listener, while somebody may close it.
      if (program.closes) script_writes_[t] |= kFile;
      continue;
    }
    for (size_t u = 0; u < tasks; ++u) {
      const TaskInfo& other = program.tasks[u];
      if (u == t || other.kind == TaskKind::kSupervisor) continue;
      if (other.files == info.files) shares_files_ = true;
      if (other.group == info.group) can_be_killed_[t] = true;
    }
  }
  if (forks) shares_files_ = true;
  one_supervisor_ = std::count_if(program.tasks.begin(), program.tasks.end(), [](const auto& task) {
                      return task.kind == TaskKind::kSupervisor;
                    }) == 1;
  for (size_t t = 0; t < tasks; ++t) {
    if (program.tasks[t].kind != TaskKind::kSupervisor) continue;
    // What it sees, others that it tells know at once.
    for (size_t u = 0; u < tasks; ++u) {
      const TaskInfo& other = program.tasks[u];
      if (u == t || other.kind != TaskKind::kSupervisor || program.tasks[t].decides) continue;
      if (other.lookers == program.tasks[t].lookers) script_writes_[t] |= kLooks;
    }
    // An ioctl that is chosen with its first step begins when the lock is free.
    if (program.tasks[t].ops[0].free) continue;
    shows_lock_ |= can_be_killed_[t];
    for (const SenderInfo& sender : program.senders) shows_lock_ |= sender.task == t;
  }
}

bool Footprints::MayBeSignalled(const State& state, int task, bool fatal) const {
  if (can_be_killed_[static_cast<size_t>(task)]) return true;
  const uint8_t group = program_.tasks[static_cast<size_t>(task)].group;
  for (size_t i = 0; i < program_.senders.size(); ++i) {
    const SenderInfo& sender = program_.senders[i];
    if (state.signals_left[i] == 0) continue;
    if (program_.tasks[sender.task].group != group) continue;
    // A new image has no handler, and what had one kills.
    const bool kills = sender.disposition == SenderInfo::Disposition::kFatal || executes_;
    if (!fatal || kills) return true;
  }
  return false;
}

uint64_t Footprints::WrittenByOp(const std::vector<Op>& ops, size_t at) const {
  const Op& op = ops[at];
  if (op.code == OpCode::kChoose) {
    // A second choice is for the next step.
    uint64_t written = 0;
    for (size_t next : op.alternatives) {
      while (ops[next].code == OpCode::kJump) next = ops[next].target;
      if (ops[next].code != OpCode::kChoose) written |= WrittenByOp(ops, next);
    }
    return written;
  }
  if (op.code == OpCode::kStore) return kMemory;
  if (op.code == OpCode::kKill) {
    const uint8_t group = program_.tasks[op.task].group;
    return SignalsOfGroup(group) | LivesOfGroup(group);
  }
  return 0;
}

uint64_t Footprints::SignalsOfGroup(uint8_t group) const {
  uint64_t signals = 0;
  for (size_t t = 0; t < program_.tasks.size(); ++t) {
    const int task = static_cast<int>(t);
    if (program_.tasks[t].group == group) signals |= Signals(task) | Fatal(task);
  }
  return signals;
}

uint64_t Footprints::LivesOfGroup(uint8_t group) const {
  uint64_t lives = 0;
  for (size_t t = 0; t < program_.tasks.size(); ++t) {
    if (program_.tasks[t].group == group) lives |= Lives(static_cast<int>(t));
  }
  return lives;
}

const StepInfo* Footprints::FindStep(const State& state, int task) const {
  const Task& me = state.tasks[task];
  const Frame& frame = me.frames[TopFrame(me)];
  Kernel kernel(program_, proposal_, config_);
  const StepInfo* const step = kernel.NextStep(state, task);
  steps_[frame.function * 32u + frame.pc].store(step, std::memory_order_relaxed);
  return step;
}

int Footprints::TaskAtHand(const State& state, int task) const {
  const Task& me = state.tasks[task];
  int top = 0;
  size_t base = 0;
  while (top + 1 < kMaxFrames && me.frames[top + 1].function != 0) {
    base += FunctionOf(proposal_, me.frames[top++].function).local_bytes;
  }
  const uint8_t* const locals = me.locals + base;
  if (me.frames[top].function == static_cast<uint8_t>(Fn::k_process_vm_rw_core)) {
    VmReadLocals l;
    std::memcpy(&l, locals, sizeof(l));
    return me.variable_task[l.variable] - 1;
  }
  const FunctionInfo& function = FunctionOf(proposal_, me.frames[top].function);
  for (size_t i = 0; i < function.local_bytes; ++i) {
    if (function.locals[i] == 't') return locals[i];
    if (function.locals[i] == 'T') return locals[i] - 1;
  }
  return -1;
}

bool Footprints::IsNamed(const State& state, int task) const {
  for (size_t t = 0; t < program_.tasks.size(); ++t) {
    if (program_.tasks[t].kind != TaskKind::kSupervisor) continue;
    const Task& other = state.tasks[t];
    for (int v = 0; v < kMaxVariables; ++v) {
      if (other.variable_task[v] != task + 1) continue;
      // A state and its canonical form must have the same holds.
      if (!(dead_.Of(t, other) >> v & 1)) return true;
    }
    size_t base = 0;
    for (int f = 0; f < kMaxFrames && other.frames[f].function != 0; ++f) {
      const FunctionInfo& function = FunctionOf(proposal_, other.frames[f].function);
      for (size_t i = 0; i < function.local_bytes; ++i) {
        const uint8_t local = other.locals[base + i];
        if (function.locals[i] == 't' && local == task) return true;
        if (function.locals[i] == 'T' && local == task + 1) return true;
      }
      base += function.local_bytes;
    }
  }
  return false;
}

bool Footprints::OnlyWaitsForReply(const State& state, int task) const {
  const Task& me = state.tasks[task];
  if (!me.knotif.listed || me.knotif.ready != 0) return false;
  if ((me.flags & (kSigPending | kSigkillPending)) || MayBeSignalled(state, task, false)) {
    return false;
  }
  const StepInfo* const step = StepAt(state, task);
  return step != nullptr && (step->touches & kWaitsReady) != 0;
}

// The reply of an ADDFD|SEND that is still queued can be taken back by its caller, any other one by
// a RECV of this notification that has not yet come to its end; and whoever sent it may not have
// come to complete().
bool Footprints::IsAnsweredForGood(const State& state, int task) const {
  const Knotif& n = state.tasks[task].knotif;
  if (n.state != kReplied || n.addfd[0] != 0) return false;
  for (size_t t = 0; t < program_.tasks.size(); ++t) {
    const Task& other = state.tasks[t];
    size_t base = 0;
    for (int f = 0; f < kMaxFrames && other.frames[f].function != 0; ++f) {
      const auto in = static_cast<Fn>(other.frames[f].function);
      const auto local = [&](size_t offset) { return other.locals[base + offset]; };
      if (in == Fn::k_seccomp_notify_recv && local(offsetof(RecvLocals, id)) == n.id) return false;
      if (in == Fn::k_seccomp_notify_send && local(offsetof(SendLocals, target)) == task + 1) {
        return false;
      }
      if (in == Fn::k_seccomp_notify_addfd && local(offsetof(AddfdLocals, target)) == task + 1) {
        return false;
      }
      if (in == Fn::k_seccomp_notify_detach && local(offsetof(DetachLocals, task)) == task + 1) {
        return false;
      }
      base += FunctionOf(proposal_, other.frames[f].function).local_bytes;
    }
  }
  return true;
}

StepFootprint Footprints::OfChoice(const State& state, int task) const {
  StepFootprint footprint;
  footprint.acquires = kLock;
  // The descriptor of the listener makes it a step that moves nowhere.
  footprint.writes = kFile | kRequestCount | kWaitQueue | Signals(task) | Fatal(task);
  if (shows_lock_) footprint.writes |= kLock;
  footprint.reads = kUserCount;
  // What SEND does it does with the lock only.
  if (state.filter().notify_lock != 0) return footprint;
  for (size_t t = 0; t < program_.tasks.size(); ++t) {
    const Task& target = state.tasks[t];
    if (target.knotif.listed) footprint.reads |= Files(target.files);
  }
  return footprint;
}

StepFootprint Footprints::OfTask(const State& state, int task) const {
  const StepInfo* const step = StepAt(state, task);
  const Task& me = state.tasks[task];
  // Whatever a child's first step will be.
  if (me.status == kNotStarted) return {.writes = kEverything};
  if (step == nullptr) return {};
  const uint32_t touches = step->touches;
  StepFootprint footprint;
  const bool locked = state.filter().notify_lock != 0;
  if (in_doubt_) footprint.writes = kEverything;
  footprint.writes |= script_writes_[static_cast<size_t>(task)] & kLooks;
  if (state.globals().allocation_failures_left > 0) footprint.writes |= kAllocations;
  if (touches & (kLocks | kLocksInterruptibly)) {
    footprint.acquires |= kLock;
    if (shows_lock_) footprint.writes |= kLock;
    // What it does when it does not get the lock is another matter.
    if ((touches & kLocksInterruptibly) && locked) footprint.reads |= kLock | Signals(task);
  }
  if (touches & kUnlocks) {
    footprint.releases |= kLock;
    if (shows_lock_) footprint.writes |= kLock;
  }
  if (touches & kSignals) footprint.writes |= Signals(task) | Fatal(task);
  if (touches & kFatal) footprint.reads |= Fatal(task);
  if (touches & kWaitsReady) {
    // A completion that is there is its own: others only add to it, up to what the model counts.
    if (me.knotif.ready == 0) footprint.reads |= kCompletion | Signals(task) | Fatal(task);
    if (completes_often_ && !IsAnsweredForGood(state, task)) footprint.reads |= kCompletion;
  }
  if (touches & kWaitsAddfd) {
    if (!me.kaddfd.done) footprint.reads |= kCompletion | Signals(task) | Fatal(task);
  }
  if (touches & kCompletes) footprint.writes |= kCompletion;
  if (touches & (kQueue | kWakes)) footprint.writes |= kWaitQueue;
  if ((touches & kWakesPolls) && program_.polls) footprint.writes |= kWaitQueue;
  if (touches & kSleeps) {
    // Once woken it stays so.
    if (me.flags & kOnWqh) footprint.writes |= kWaitQueue | Signals(task) | Fatal(task);
  }
  if (touches & kRequests) footprint.writes |= kRequestCount;
  if (touches & kReadsUsers) footprint.reads |= kUserCount;
  // A task without the scenario's filter is no user of it.
  const bool user = program_.tasks[static_cast<size_t>(task)].filtered;
  if ((touches & kUsers) && user) footprint.writes |= kUserCount;
  if (touches & kZaps) {
    footprint.writes |= SignalsOfGroup(program_.tasks[static_cast<size_t>(task)].group);
  }
  if (touches & kFiles) footprint.writes |= Files(me.files);
  if (touches & kUnsharesFiles)
    footprint.writes |= Files(program_.tasks[static_cast<size_t>(task)].unshared);
  // A lock that is taken is all that such a step can meet: then it looks at nothing.
  if ((touches & kTargetFiles) && !locked) {
    // Of the notification that it answers, as long as there is one: no id is given out twice.
    const uint8_t id =
        me.variable_id[program_.tasks[static_cast<size_t>(task)].ops[me.op].variable];
    for (size_t t = 0; t < program_.tasks.size(); ++t) {
      const Task& target = state.tasks[t];
      if (target.knotif.listed && target.knotif.id == id) footprint.reads |= Files(target.files);
    }
  }
  if (touches & kReadsMemory) footprint.reads |= kMemory;
  if (touches & kStoresMemory) footprint.writes |= kMemory;
  if (touches & kLife) footprint.writes |= Lives(task);
  if (touches & kGroupLives) {
    footprint.reads |= LivesOfGroup(program_.tasks[static_cast<size_t>(task)].group);
  }
  if (touches & kTargetLife) {
    const int other = TaskAtHand(state, task);
    footprint.reads |=
        other < 0 ? kAllLives : LivesOfGroup(program_.tasks[static_cast<size_t>(other)].group);
  }
  if (touches & kStartsTask) {
    const auto& info = program_.tasks[static_cast<size_t>(task)];
    const Op& op = (me.flags & kInHandler) ? info.handler[me.handler_op] : info.ops[me.op];
    footprint.writes |= Lives(op.task) | Files(program_.tasks[op.task].files);
    // fork() copies memory, clone() does not.
    if (op.nr == Nr::kFork) {
      footprint.reads |= kMemory;
      footprint.writes |= kMemory;
    }
  }
  if (touches & kMayFault) footprint.writes |= kFaults;
  if (touches & kListener) footprint.writes |= kFile;
  if ((touches & kChains) && program_.installs != 0) {
    footprint.writes |= kFilterChains;
    // Whether a listener is open, all tables say that somebody alive has.
    footprint.reads |= kAllFiles | kAllLives;
  }
  if (touches & kBudget) footprint.writes |= kAllocations;
  if (touches & kByOp) {
    // A supervisor's jumps and decisions are its own, so any op may be what they lead to.
    const TaskInfo& info = program_.tasks[static_cast<size_t>(task)];
    const auto& ops = (me.flags & kInHandler) ? info.handler : info.ops;
    footprint.writes |= info.kind == TaskKind::kSupervisor
                            ? script_writes_[static_cast<size_t>(task)]
                            : WrittenByOp(ops, (me.flags & kInHandler) ? me.handler_op : me.op);
    // process_vm_writev(2) needs somebody whose memory it is.
    if (info.kind == TaskKind::kSupervisor && (footprint.writes & kMemory)) {
      footprint.reads |= kAllLives;
    }
    if (chooses_[static_cast<size_t>(task)]) {
      const StepFootprint choice = OfChoice(state, task);
      footprint.reads |= choice.reads;
      footprint.writes |= choice.writes;
      footprint.acquires |= choice.acquires;
    }
  }
  return footprint;
}

StepFootprint Footprints::Of(const State& state, int thread) const {
  const int tasks = static_cast<int>(program_.tasks.size());
  const int senders = static_cast<int>(program_.senders.size());
  if (thread < tasks) return OfTask(state, thread);
  if (thread >= tasks + senders) {
    return {.writes = state.writes_left[thread - tasks - senders] != 0 ? kMemory : 0};
  }
  if (state.signals_left[thread - tasks] == 0) return {};
  const SenderInfo& sender = program_.senders[static_cast<size_t>(thread - tasks)];
  StepFootprint footprint{.reads = Lives(sender.task), .writes = Signals(sender.task)};
  // A new image has no handler, and what had one kills.
  if (sender.disposition == SenderInfo::Disposition::kFatal || executes_) {
    const uint8_t group = program_.tasks[sender.task].group;
    footprint.reads |= LivesOfGroup(group);
    footprint.writes |= SignalsOfGroup(group);
  }
  return footprint;
}

ThreadHold Footprints::HoldOf(const State& state, int thread, uint64_t of) const {
  ThreadHold hold;
  if (in_doubt_) return hold;
  bool writers = false;
  for (size_t i = 0; i < program_.writers.size(); ++i) writers |= state.writes_left[i] != 0;
  if (!writers && !stores_) hold.stable |= kMemory;
  // Nobody can fork any more: a child of who has the filter is started by its parent alone.
  if (state.filter().users == 0) hold.stable |= kUserCount;
  if (thread >= static_cast<int>(program_.tasks.size())) return hold;
  const Task& me = state.tasks[thread];
  if (me.status == kNotStarted) return hold;
  if ((of & (Signals(thread) | Fatal(thread))) != 0) {
    if (!MayBeSignalled(state, thread, false)) hold.exclusive |= Signals(thread);
    if (!MayBeSignalled(state, thread, true)) hold.exclusive |= Fatal(thread);
  }
  if ((of & kAllLives) == 0) {
    // Nothing to find out.
  } else if (program_.tasks[static_cast<size_t>(thread)].kind == TaskKind::kSupervisor) {
    // Nobody else can end the wait of those that only wait for its reply.
    for (int t = 0; one_supervisor_ && t < static_cast<int>(program_.tasks.size()); ++t) {
      if (OnlyWaitsForReply(state, t)) hold.stable |= Lives(t);
    }
  } else if (program_.installs == 0 && !stores_remotely_ && !me.knotif.listed &&
             !MayBeSignalled(state, thread, false) && !IsNamed(state, thread)) {
    // Nobody looks whether it lives.
    hold.exclusive |= Lives(thread);
  }
  if (shares_files_ || program_.installs != 0 || (of & kAllFiles) == 0) return hold;
  // The table of a trapped task belongs to whoever has notify_lock, else to the task.
  const uint8_t owner = state.filter().notify_lock;
  const bool locks = owner == thread + 1;
  if (program_.tasks[static_cast<size_t>(thread)].kind != TaskKind::kSupervisor) {
    if (!me.knotif.listed || locks) hold.exclusive |= Files(me.files);
    return hold;
  }
  for (size_t t = 0; t < program_.tasks.size(); ++t) {
    const Task& target = state.tasks[t];
    if (target.knotif.listed && (locks || owner == 0)) hold.stable |= Files(target.files);
  }
  return hold;
}

std::string Footprints::Undeclared(const std::vector<Field>& fields, const State& before,
                                   int thread, const State& after) const {
  const StepFootprint footprint = Of(before, thread);
  const bool locks =
      before.filter().notify_lock == thread + 1 || after.filter().notify_lock == thread + 1;
  // Who starts a task writes all of it.
  const auto starts = [&](int task) {
    return before.tasks[static_cast<size_t>(task)].status == kNotStarted &&
           (footprint.writes & Lives(task)) != 0;
  };
  const auto declared = [&](const Field& field) {
    const bool own = field.owner == thread;
    switch (field.resource) {
      case Resource::kOwn:
        return own || starts(field.owner);
      case Resource::kGuarded:
        return own || locks || (field.owner >= 0 && starts(field.owner));
      case Resource::kUnchecked:
        return true;
      case Resource::kLife:
        return (footprint.writes & Lives(field.owner)) != 0;
      case Resource::kSignalsOfTask:
        // What is pending for a task dies with it, and who sends looks whether it lives.
        return (footprint.writes & (Signals(field.owner) | Fatal(field.owner))) != 0 ||
               (own && (footprint.writes & Lives(field.owner)) != 0) || starts(field.owner);
      case Resource::kQueueOfFilter:
        return own || (footprint.writes & kWaitQueue) != 0;
      case Resource::kCompletionOf:
        // Others only add to it; what it takes from it is its own.
        return own || (footprint.writes & kCompletion) != 0;
      case Resource::kLockOfFilter:
        return ((footprint.acquires | footprint.releases) & kLock) != 0;
      case Resource::kRequestsOfFilter:
        return (footprint.writes & kRequestCount) != 0;
      case Resource::kUsersOfFilter:
        return (footprint.writes & kUserCount) != 0;
      case Resource::kListenerFile:
        // References are only counted, unless somebody may close.
        return !program_.closes || (footprint.writes & kFile) != 0;
      case Resource::kChainsOfGroup:
        return (footprint.writes & kFilterChains) != 0 || (own && footprint.writes != 0) ||
               starts(field.owner);
      case Resource::kTableOfFiles:
        return (footprint.writes & Files(field.owner)) != 0;
      case Resource::kUserMemory:
        return (footprint.writes & kMemory) != 0;
      case Resource::kAllocationsLeft:
        return (footprint.writes & kAllocations) != 0;
      case Resource::kBudgetOfThread:
        return thread >= static_cast<int>(program_.tasks.size());
    }
    return false;
  };
  std::string text;
  const auto* const from = reinterpret_cast<const uint8_t*>(before.words());
  const auto* const to = reinterpret_cast<const uint8_t*>(after.words());
  for (const Field& field : fields) {
    if (((from[field.offset] ^ to[field.offset]) & field.mask) == 0 || declared(field)) continue;
    absl::StrAppend(&text, text.empty() ? "" : ", ", Difference({field}, before, after));
  }
  return text;
}

}  // namespace knotcheck::model
