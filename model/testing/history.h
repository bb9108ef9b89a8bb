// SPDX-License-Identifier: Apache-2.0
//
// The history of one run, as plain facts: who trapped, who looked at what and when, which bytes
// came from where, what was promised and what was served. The second judge
// (model/testing/second_judge.h) reads nothing else.
//
// Facts come from what a kernel and a supervisor have: the state before a step and after it, the
// statement that was run, and what user space could tell. Ghost state and events are not looked at,
// since they are what the first judge judges by.

#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "model/kernel/kernel.h"
#include "model/kernel/locals.h"
#include "model/observation.h"
#include "model/proposals/pin_args/state.h"
#include "model/system.h"

namespace knotcheck::model::testing {

inline constexpr uint8_t kNobody = 0xff;

enum class What : uint8_t {
  // notify_lock. `target` of kUnlocked: the owner until then, kNobody: there was none.
  kLocked,
  kLockedAgain,
  kUnlocked,
  kLockedInUserMode,
  // Notifications: `target` trapped, `id` is the notification.
  kTrapped,         // by `task` itself
  kReceived,        // RECV gave it to `task`
  kReplyAccepted,   // SEND of `task`, or its ADDFD|SEND (`addfd`): flags, error, ret
  kReplyTakenBack,  // its ADDFD|SEND was told that nothing was sent
  kAddfdReturned,   // its ADDFD|SEND returned `ret`
  kInstalled,       // descriptor `fd`, for an ADDFD
  kAnsweredByClose,
  kLeft,  // the task goes on: `taken`, with the reply that stands there; flags, error, ret; `dying`
  // Looks of the supervisor `task` at notification `id` of `target`, whose call is `call`.
  kSawWord,   // word `word` of entry `entry` of `role`; `shown`: of the record, else of memory
  kSawEnd,    // ... all that there is of the role; `word`: the first slot that is beyond its length
  kLookOver,  // `ok`
  // Calls of `task`.
  kReturned,        // `ret`
  kReturnedToUser,  // `record`: what is attached to it
  kUserRead,        // the kernel read something of `role` from user memory
  kFetched,         // ... or copied a word of it, from `user` memory or its own
  kCounted,         // execve counted `ret` strings; `user`
  kServed,          // a record served a fetch of `role`; `ok`: without an error
  kUnmapped,        // nothing is mapped where the kernel fetches `role`
  kActs,            // the call acts on its argument
  kActedOn,         // ... word, value
  kFdLookedUp,      // the `entry`-th of the call's descriptors: `fd`
  kStored,          // a word of a result of `role` reached the caller's buffer
  kStoredInRecord,  // ... went into the record
  kDelivered,       // read(2) or its like counts `ret` bytes, `word` words, of `role`
  kCloned,          // `target`, with `record`
  kFilterAttached,
  kListeners,  // `target` has `ret` filters with a listener
  kUnused,     // no task uses the filter any more
  // Descriptor tables: `table`, `fd`.
  kFileOpened,   // `value`: which file, 0: the slot is free now
  kFileCopied,   // from slot `from`
  kTableCopied,  // from table `from`
  // Records of PIN_ARGS: `record` is 1 + its index.
  kPinAsked,    // `task` asks to pin notification `id`, which waits for a reply; `error`; `image`
  kPinChecked,  // its request for `bytes` bytes was not refused for its numbers
  kRecordMade,  // by `task` for `id` of `target`; `ok`: at the target's expense
  kRecordFreed,
  kRecordFreedAgain,
  kRecordLost,      // nothing leads to it, and it was not freed
  kRecordRead,      // `freed`
  kRecordAttached,  // `roles` are pinned
  kRecordArmed,     // SEND made it live for `id`
  kRecordFound,     // a fetch of `role` found it
  kCopiedOut,       // its bytes went to user space; `bare`: some that nobody wrote
  kStringWalked,    // a walker came to the end of a string
  kCutOff,          // ... or left something out
  kWalkOver,        // a walker is done; `told`: says that something is cut off
  kMmTaken,         // a walker takes the target's mm: `image`; `ok`: that of the call; `shown`: for
                    // a string
  kWalkRead,        // ... and has read there
};

struct Fact {
  What what;
  int step = 0;
  uint8_t task = kNobody;
  uint8_t target = kNobody;
  uint8_t id = 0;
  uint8_t call = 0;
  uint8_t role = 0, entry = 0, word = 0;
  Value value = 0;
  uint8_t record = 0;
  uint8_t table = 0, from = 0;
  uint8_t image = 0;  // what a target has executed: 0: nothing yet, then as ImageRun() has it
  int fd = 0;
  int ret = 0;
  int flags = 0, error = 0;
  uint8_t roles = 0;
  uint64_t bytes = 0;
  bool user = false, shown = false, ok = false, addfd = false, taken = false, dying = false;
  bool told = false, bare = false, freed = false;
};

// One step as it was taken.
struct Moment {
  const System& system;
  int step;
  int task;  // index into Program::tasks; -1: a sender or a writer
  const State& before;
  const State& after;
  const TraceStep& shown;
  const Observations& observations;
  bool fault;

  const Program& program() const { return system.program(); }
  const TaskInfo& info() const { return program().tasks[static_cast<size_t>(task)]; }
  const Task& Before() const { return before.tasks[task]; }
  const Task& After() const { return after.tasks[task]; }
  bool At(const char* function, const char* statement) const {
    return shown.function == function && shown.statement.rfind(statement, 0) == 0;
  }
  bool In(const char* function) const { return shown.function == function; }
  Fact New(What what) const {
    Fact fact{what};
    fact.step = step;
    fact.task = static_cast<uint8_t>(task);
    return fact;
  }
  pin_args::PinState PinsBefore() const { return pin_args::StateOf(before); }
  pin_args::PinState PinsAfter() const { return pin_args::StateOf(after); }
  bool pins() const { return std::string(system.proposal().name) == "pin_args"; }
};

// The index of one of the proposal's functions, by its name; 0: it has none of that name.
inline int ProposalFunction(const System& system, const char* name) {
  const auto& functions = system.proposal().functions;
  for (size_t i = 0; i < functions.size(); ++i) {
    if (std::strcmp(functions[i].name, name) == 0) {
      return kFirstProposalFunction + static_cast<int>(i);
    }
  }
  return 0;
}

// The locals of a task's innermost frame of a function; nullptr: it is not in it.
inline const uint8_t* LocalsIn(const System& system, const Task& task, int function) {
  const uint8_t* found = nullptr;
  size_t base = 0;
  for (const Frame& frame : task.frames) {
    if (frame.function == 0) break;
    if (frame.function == function) found = task.locals + base;
    const bool core = frame.function < kFirstProposalFunction;
    base += core ? CoreFunction(frame.function).local_bytes
                 : system.proposal()
                       .functions[static_cast<size_t>(frame.function - kFirstProposalFunction)]
                       .local_bytes;
  }
  return found;
}

template <class L>
const L* Locals(const System& system, const Task& task, Fn function) {
  return reinterpret_cast<const L*>(LocalsIn(system, task, static_cast<int>(function)));
}
inline bool Inside(const System& system, const Task& task, Fn function) {
  return LocalsIn(system, task, static_cast<int>(function)) != nullptr;
}
inline int Innermost(const Task& task) {
  int function = 0;
  for (const Frame& frame : task.frames) {
    if (frame.function == 0) break;
    function = frame.function;
  }
  return function;
}

// The call that a task makes, by the number that Kernel::CallIndex() gives it.
inline uint8_t CallIndexOf(const Task& task) {
  return (task.flags & kInHandler) ? static_cast<uint8_t>(task.handler_op | 0x80) : task.op;
}
inline const Op& CallNumbered(const Program& program, int task, uint8_t call) {
  const TaskInfo& info = program.tasks[static_cast<size_t>(task)];
  return (call & 0x80) ? info.handler[call & 0x7f] : info.ops[call];
}
inline const Op& CurrentOp(const Program& program, int task, const Task& state) {
  return CallNumbered(program, task, CallIndexOf(state));
}

// Where a role of a call that runs stands: in a register, or where other arguments lead.
inline Value AddressOf(const Task& state, const Op& call, int role) {
  const Role& r = SyscallOf(call.nr).roles[static_cast<size_t>(role)];
  return r.parent < 0 ? call.pointers[r.arg] : state.nested[role];
}

inline int RoleAtRegister(Nr nr, int arg) {
  const auto& roles = SyscallOf(nr).roles;
  for (size_t r = 0; r < roles.size(); ++r) {
    if (roles[r].parent < 0 && roles[r].arg == arg) return static_cast<int>(r);
  }
  return -1;
}

// What the words of a value are when only its first bytes count.
inline Value FirstBytes(const Program& program, Value value, int bytes) {
  if (value == kUninit || bytes >= 8) return value;
  return bytes <= 0 ? kZero : program.truncated[value][static_cast<size_t>(bytes)];
}

}  // namespace knotcheck::model::testing
