// SPDX-License-Identifier: Apache-2.0
//
// How kernel functions are written here. A transcribed function is straight-line C++ in the order
// of the C function, with its name and its local names; wherever another thread could interfere
// stands STEP("the C statement"). The function is resumed at the STEP where it stood: its program
// counter is a byte of its frame, its locals are bytes of its task, both inside State.
//
//   Flow seccomp_notify_id_valid(Kernel& k) {
//     auto& l = k.Locals<IdValidLocals>();
//     FUNCTION_BEGIN;
//     STEP("ret = mutex_lock_interruptible(&filter->notify_lock)", kLocksInterruptibly);
//     if (!k.TryLock()) return Flow::kBlocked;
//     ...
//     STEP("mutex_unlock(&filter->notify_lock)", kUnlocks);
//     k.Unlock();
//     return k.Return(l.ret);
//     FUNCTION_END;
//   }
//
// A step is what follows a STEP up to the next one that is reached, calls and returns included.
// What a task does to memory that no other task can see belongs to the step before it. A step that
// cannot be taken returns Flow::kBlocked and must not have changed anything that it keeps: the
// caller drops the state. docs/adr/0001 says why it is done this way.
//
// What is remembered of who saw and approved what is not the kernel's: a function tells it to a
// probe, in one line (model/ghost/probes.h). What user space does is in model/user/.

#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "model/config.h"
#include "model/errno.h"
#include "model/observation.h"
#include "model/program.h"
#include "model/property.h"
#include "model/proposal.h"
#include "model/state.h"

namespace knotcheck::model {

enum class Fn : uint8_t {
  kNone,
#define KNOT_FUNCTION(name, file, locals) k_##name,
#include "model/kernel/functions.def"
#undef KNOT_FUNCTION
  kCount,
};
static_assert(static_cast<int>(Fn::kCount) <= kFirstProposalFunction);

const FunctionInfo& CoreFunction(int function);
// A function by its number in a frame, under this proposal.
inline const FunctionInfo& FunctionOf(const Proposal& proposal, int function) {
  if (function < kFirstProposalFunction) return CoreFunction(function);
  return proposal.functions[static_cast<size_t>(function - kFirstProposalFunction)];
}

// What a step touches that other threads can touch at the same time: what notify_lock does not
// guard. A task's frames, its locals and what hangs on a trapped task are not named: the first are
// its own, the last belong to whoever holds notify_lock while the notification is listed, and to
// the task otherwise. model/footprint.h makes footprints of these.
enum Touch : uint32_t {
  kNothing = 0,
  kLocks = 1u << 0,               // waits for notify_lock
  kLocksInterruptibly = 1u << 1,  // ... or for a signal
  kUnlocks = 1u << 2,
  kSignals = 1u << 3,       // looks for its own signals
  kFatal = 1u << 4,         // looks for its own SIGKILL only
  kWaitsReady = 1u << 5,    // sleeps until knotif->ready or a signal
  kWaitsAddfd = 1u << 6,    // sleeps until kaddfd->completion or a signal
  kCompletes = 1u << 7,     // completes somebody's completion
  kQueue = 1u << 8,         // its own place on filter->wqh
  kSleeps = 1u << 9,        // sleeps there until it is woken, or for a signal
  kWakes = 1u << 10,        // wakes everybody there
  kWakesPolls = 1u << 11,   // ... if anybody polls
  kRequests = 1u << 12,     // notif->requests
  kReadsUsers = 1u << 13,   // filter->users
  kFiles = 1u << 14,        // its own descriptor table
  kTargetFiles = 1u << 15,  // reads the trapped task's
  kReadsMemory = 1u << 16,  // user memory
  kStoresMemory = 1u << 17,
  kLife = 1u << 18,        // whether it lives, and in which address space
  kListener = 1u << 19,    // the listener's descriptor and file
  kBudget = 1u << 20,      // how many allocations may still fail
  kByOp = 1u << 21,        // whatever the next op of the script needs
  kUsers = 1u << 22,       // changes filter->users
  kZaps = 1u << 23,        // kills the other threads of its group
  kChains = 1u << 24,      // which filters the threads of its group have
  kGroupLives = 1u << 25,  // reads which threads of its group live
  kTargetLife = 1u << 26,  // reads whether the task that it has at hand lives, and in which space
  kStartsTask = 1u << 27,  // the task that its op names begins to live
  kMayFault = 1u << 28,    // it may break a rule after which nothing goes on
  kUnsharesFiles = 1u << 29,  // fills the descriptor table that an execve makes
};

// One STEP of the source, for traces, coverage and footprints.
struct StepInfo {
  const char* function;
  const char* statement;
  int line;
  uint32_t touches;    // Touch bits
  const char* source;  // this file
};

// Every STEP of the program, in no particular order.
std::vector<const StepInfo*> AllSteps();

// What a traced step shows. `reads` are racy reads of user memory: the word and its value.
struct TraceStep {
  int task = -1;  // index into Program::tasks; -1: a sender or a writer
  std::string function;
  std::string file;
  std::string statement;
  std::vector<std::string> notes;
  std::vector<std::pair<int, Value>> reads;
  std::vector<Event> events;
};

struct Coverage;

class Kernel {
 public:
  // All three must outlive it.
  Kernel(const Program& the_program, const Proposal& the_proposal, const Config& the_config)
      : p(the_program), proposal(the_proposal), config(the_config) {}

  // One action of a task: its next step, with `choice` where the step has several outcomes.
  // False: blocked, or no such choice; then *s is garbage.
  bool Step(State* state, int task, int choice);
  // The step at which a task stands; nullptr: none, it has not started or is dead.
  const StepInfo* NextStep(const State& state, int task);
  // After Step: how many outcomes that step has.
  int arity() const { return arity_; }
  const EventSet& events() const { return events_; }
  bool faulted() const { return fault_; }
  // Notes go here while it is set.
  void SetTrace(TraceStep* trace) { trace_ = trace; }
  bool tracing() const { return trace_ != nullptr; }
  // What functions and calls return is noted there while it is set.
  void SetCoverage(Coverage* coverage) { coverage_ = coverage; }
  // What user space can tell of the steps goes there while it is set.
  void SetObservations(Observations* observations) { observations_ = observations; }
  bool observing() const { return observations_ != nullptr; }
  void Observe(Observation observation) {
    if (observations_ == nullptr) return;
    observation.task = static_cast<uint8_t>(cur);
    observation.call = CallIndex(cur);
    observations_->push_back(observation);
  }
  // The STEP that the last Step took; nullptr: none was reached.
  const StepInfo* taken() const { return taken_; }

  // The frame of the running function.
  uint8_t Pc() const { return me().frames[depth_].pc; }
  void SetPc(int pc) { me().frames[depth_].pc = static_cast<uint8_t>(pc); }
  template <class L>
  L& Locals() {
    static_assert(alignof(L) == 1 && std::has_unique_object_representations_v<L>);
    KNOT_CHECK(base_ + sizeof(L) <= kLocalBytes);
    return *reinterpret_cast<L*>(me().locals + base_);
  }
  // Calls `function`: the locals of the new frame, all zero, to put its arguments into.
  template <class L>
  L& Push(int function) {
    PushFrame(function);
    return *reinterpret_cast<L*>(me().locals + base_);
  }
  template <class L>
  L& Push(Fn function) {
    return Push<L>(static_cast<int>(function));
  }
  void Push(Fn function) { PushFrame(static_cast<int>(function)); }
  void Push(int function) { PushFrame(function); }
  Flow Return(int value) {
    ret = static_cast<Ret>(value);
    return Flow::kReturn;
  }
  // True: only the step's name was asked for.
  bool Enter(const StepInfo& step);

  // The outcome of a step with n outcomes; at most one call a step.
  int Choose(int n);
  // A trace tells what was read of a word that a most general peer stores to.
  void NoteRead(size_t word, Value value) {
    if (trace_ != nullptr) trace_->reads.emplace_back(static_cast<int>(word), value);
  }
  bool chose() const { return chose_; }
  // The function that is called now runs through its first STEP, as part of this step.
  void Fold() { fold_ = true; }

  // __seccomp_filter_release() of an installed filter and of those below it: whether the scenario's
  // has lost a user by that.
  bool ReleaseInstalled(size_t filter);
  // filter->notify_lock.
  bool TryLock();
  void Unlock();
  // notif->notifications: the task with this notification, or -1.
  int FindNotification(int id) const;
  // complete() of a knotif's and of a kaddfd's completion.
  void CompleteReady(int task);
  void CompleteAddfd(int task);
  // wake_up_poll(&filter->wqh, ...): every task that sleeps there.
  void WakeUp();

  bool SignalPending(int task) const {
    const uint8_t f = s->tasks[task].flags;
    return (f & kSigkillPending) || ((f & kSigPending) && !(f & kInHandler));
  }
  bool FatalSignalPending(int task) const { return s->tasks[task].flags & kSigkillPending; }

  // After CALL_HOOK: the proposal did the fetch, and `ret` is its result.
  bool Served(uint8_t hook) const {
    return hook != static_cast<uint8_t>(Hook::kNotHandled) && ret != kNotServed;
  }
  // What a frame that a fetch hook pushed returns when user memory is to be read after all.
  static constexpr Ret kNotServed = -128;

  const Op& op() const {
    const Task& t = me();
    return (t.flags & kInHandler) ? info().handler[t.handler_op] : info().ops[t.op];
  }
  // The running call's registers. A scalar where an address is wanted is NULL, and an address is no
  // number that means anything.
  Nr Number() const {
    return s->layout().has_registers ? p.calls[s->registers[cur].now.nr - 1u] : op().nr;
  }
  Value PointerArg(int arg) const {
    if (s->layout().has_registers) return Loaded(arg).address;
    return op().pointers[static_cast<size_t>(arg)];
  }
  int ScalarArg(int arg) const {
    if (s->layout().has_registers) return Loaded(arg).scalar;
    return op().scalars[static_cast<size_t>(arg)];
  }
  // Where the handler of a signal begins, and where it has returned.
  void SaveRegisters();
  void RestoreRegisters();
  // The address of a role of the running call: in its register, or copied from user memory.
  Value RoleAddress(int role) const {
    const Role& r = SyscallOf(Number()).roles[static_cast<size_t>(role)];
    return r.parent < 0 ? PointerArg(r.arg) : me().nested[role];
  }
  // Whether getname_flags() of it has LOOKUP_EMPTY.
  bool AllowsEmptyName(int role) const {
    const int flags = SyscallOf(Number()).roles[static_cast<size_t>(role)].length_arg;
    return AllowsEmptyPath(Number(), static_cast<size_t>(role), flags < 0 ? 0 : ScalarArg(flags));
  }
  // How many bytes of it the call asks for: what the register says, else all of the object.
  int RoleBytes(int role) const;
  // The call that a task makes now, as a number that outlives it: what seccomp_data and copies of
  // it stand for, since argument registers do not change here.
  uint8_t CallIndex(int task) const {
    const Task& t = s->tasks[task];
    return (t.flags & kInHandler) ? static_cast<uint8_t>(t.handler_op | 0x80) : t.op;
  }
  const Op& CallOf(int task, uint8_t call) const {
    const TaskInfo& of = p.tasks[static_cast<size_t>(task)];
    return (call & 0x80) ? of.handler[call & 0x7f] : of.ops[call];
  }

  // One word of the running task's user memory (or of `task`'s, remotely): its value, or nothing
  // when it is not mapped. A racy word is a choice, so at most one a step.
  struct UserWord {
    bool mapped = false;
    Value value = 0;
  };
  UserWord ReadUser(int task, Value address, int word_index) {
    return ReadUser(task, address, word_index, MmOf(task));
  }
  // The address space of a task, as a number: whoever holds a reference to it goes on with it when
  // the task executes a program.
  enum Mm : uint8_t { kNoMm, kFirstMm, kNewMm };  // kNewMm + Task::image
  uint8_t MmOf(int task) const {
    const Task& t = s->tasks[task];
    if (t.status == kDead) return kNoMm;
    return (t.flags & kExeced) ? static_cast<uint8_t>(kNewMm + t.image) : uint8_t{kFirstMm};
  }
  // Whether exit_mm() has run. It comes behind seccomp_filter_release(), but where release_task()
  // calls that. What a task does from then on nobody else can tell, so it is one with the end.
  bool MmIsGone(int task) const;
  UserWord ReadUser(int task, Value address, int word_index, uint8_t mm);
  // How many bytes are mapped from an address on; 0: none.
  int MappedBytes(int task, Value address, uint8_t mm) const;
  // ... of an argument of the running call.
  UserWord ReadArgument(int role, int word_index);
  bool WriteArgument(int role, int word_index, Value value);
  // Whether anything is mapped where an argument of the running call begins. Asked where the kernel
  // comes to it, it is an event that nothing is.
  bool IsMapped(int role);

  // fput(): a descriptor of the running task's table named this file and does so no more. Whoever
  // closes the last one has the release of a listener to do, and nobody else: by then the filter's
  // record may be another's.
  void FileClosed(uint8_t file);
  // ____fput() of what was put off: it takes ->notif from the listener's filter.
  void ReleaseFiles();
  // A number for a file that is opened now: the smallest that nothing names in the table of `cur`.
  uint8_t OpenFile() const;

  bool MayFailAllocation() const { return s->globals().allocation_failures_left > 0; }
  // An allocation: false when the adversary makes it fail.
  bool Allocate();

  void Raise(Event event) { events_.Add(event); }
  // A broken rule after which nothing that follows means anything.
  void Fault(Event event) {
    Raise(event);
    fault_ = true;
  }
  // A toggle by its name: a Variant, a Mutation or a Fix of the kernel or of the proposal's room.
  template <class Name>
  bool Has(Name name) const {
    return IsSet(config, name);
  }

  // Traces only: "knotif 1: SENT" and the like.
  template <class... Args>
  void Note(const char* format, const Args&... args) {
    if (trace_ != nullptr) [[unlikely]]
      AddNote(FormatNote(format, args...));
  }
  std::string ValueText(Value value) const;

  // The running task's call has returned `result` to user space.
  void CoverAnswer(const Op& call, Ret result) {
    if (coverage_ != nullptr) [[unlikely]]
      AddAnswer(call, result);
  }
  // The running task is gone; nothing of it remains but its status.
  Flow Die();
  // SIGKILL for every thread of `task`'s group.
  void SendSigkill(int task);

  const Program& p;
  const Proposal& proposal;
  const Config& config;
  State* s = nullptr;
  int cur = 0;
  Ret ret = 0;  // of the function that returned last, or of a hook that did its work

  Task& me() { return s->tasks[cur]; }
  const Task& me() const { return s->tasks[cur]; }
  const TaskInfo& info() const { return p.tasks[static_cast<size_t>(cur)]; }
  Filter& filter() { return s->filter(); }

 private:
  const Register& Loaded(int arg) const {
    const uint8_t number = s->registers[cur].now.args[arg];
    static const Register kNothing;
    return number == 0 ? kNothing : p.registers[number - 1u];
  }
  void PushFrame(int function);
  void PopFrame();
  const FunctionInfo& Function(int function) const;
  void FindTop();
  void AddNote(std::string note);
  void CoverReturn();
  void AddAnswer(const Op& call, Ret result);
  template <class... Args>
  static std::string FormatNote(const char* format, const Args&... args);

  int depth_ = 0;
  size_t base_ = 0;
  int choice_ = 0;
  int arity_ = 1;
  bool chose_ = false;
  bool fold_ = false;
  bool fault_ = false;
  EventSet events_;
  TraceStep* trace_ = nullptr;
  Coverage* coverage_ = nullptr;
  Observations* observations_ = nullptr;
  const StepInfo* taken_ = nullptr;
  const StepInfo** probed_ = nullptr;
};

// The function that makes the running op's ioctl on the listener.
int seccomp_notify_ioctl(const Kernel& k);
// process_vm_readv(2) of word `w` of what lies at an address of task `pid`: 0, or -errno.
Ret process_vm_readv(Kernel& k, int pid, Value address, int w, Value* word);

}  // namespace knotcheck::model

#include "fmt/core.h"

namespace knotcheck::model {
template <class... Args>
std::string Kernel::FormatNote(const char* format, const Args&... args) {
  return fmt::format(fmt::runtime(format), args...);
}
}  // namespace knotcheck::model

// __COUNTER__ numbers the resume points of a function; the statement's text is all that a reader
// needs to see.
#define FUNCTION_BEGIN              \
  enum { knot_base = __COUNTER__ }; \
  switch (k.Pc()) {                 \
    case 0:
#define FUNCTION_END \
  default:           \
    break;           \
    }                \
    ::knotcheck::CheckFailed(__FILE__, __LINE__, "a known program counter")

// STEP("the C statement", what it touches: Touch bits).
#define STEP(statement, touches) KNOT_STEP_(__COUNTER__ - knot_base, statement, touches)
#define KNOT_STEP_(pc, statement, touches)                                                         \
  k.SetPc(pc);                                                                                     \
  return ::knotcheck::model::Flow::kYield;                                                         \
  case pc: {                                                                                       \
    static const ::knotcheck::model::StepInfo knot_step = {__func__, statement, __LINE__, touches, \
                                                           __FILE__};                              \
    [[gnu::section("knot_steps"),                                                                  \
      gnu::used]] static const ::knotcheck::model::StepInfo* const knot_step_entry = &knot_step;   \
    if (k.Enter(knot_step)) return ::knotcheck::model::Flow::kBlocked;                             \
  }                                                                                                \
    static_cast<void>(0)

// Calls a function and goes on when it has returned: CALL(k.Push(Fn::k_x)).
#define CALL(push) KNOT_CALL_(__COUNTER__ - knot_base, push)
#define KNOT_CALL_(resume, push)          \
  k.SetPc(resume);                        \
  push;                                   \
  return ::knotcheck::model::Flow::kCall; \
  case resume:                            \
    static_cast<void>(0)

// Calls a hook, which may push a frame: CALL_HOOK(l.hook, k.proposal.exit(k)). Afterwards l.hook, a
// byte of the locals, says what became of it, and k.ret is the result of a pushed frame.
#define CALL_HOOK(local, expression) KNOT_CALL_HOOK_(__COUNTER__ - knot_base, local, expression)
#define KNOT_CALL_HOOK_(resume, local, expression)                          \
  k.SetPc(resume);                                                          \
  (local) = static_cast<uint8_t>(expression);                               \
  if ((local) == static_cast<uint8_t>(::knotcheck::model::Hook::kCalled)) { \
    return ::knotcheck::model::Flow::kCall;                                 \
  }                                                                         \
  [[fallthrough]];                                                          \
  case resume:                                                              \
    static_cast<void>(0)
