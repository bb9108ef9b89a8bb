// SPDX-License-Identifier: Apache-2.0
//
// PIN_ARGS v1, as posted on 2026-05-04 (message 20260504011207.539408-2-xiyou.wangcong@gmail.com):
// SECCOMP_IOCTL_NOTIF_PIN_ARGS copies pointer arguments of a trapped task into a record on the
// task; SEND with CONTINUE_PINNED arms it; four fetch points use it instead of user memory.
// Transcribed as posted, correct or not. This is what the files of the room share.
//
// A record is `struct seccomp_pinned_args` with the buffers that hang off it. Every place that
// holds a pointer to a record is a field of PinState, so that a record that nobody can reach
// any more is seen as a leak, and a freed one that somebody still reaches is not given out again.

#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "model/kernel/kernel.h"
#include "model/proposal.h"
#include "model/proposals/pin_args/state.h"
#include "model/proposals/pin_args/toggles.h"

namespace knotcheck::model::pin_args {

inline constexpr uint32_t kMaxTotalBytes = 1u << 20;  // SECCOMP_PIN_MAX_TOTAL_BYTES

inline constexpr uint16_t kContinue = 1, kContinuePinned = 2;

inline PinState Pins(State& s) { return StateOf(s); }
inline PinState Pins(Kernel& k) { return Pins(*k.s); }

// Events by the names that this room gives them.
inline constexpr Event kAttached = Event::kProposal0;  // phase C attached a record
inline constexpr Event kConsumed = Event::kProposal1;  // a fetch point found a live record
inline constexpr Event kForeign = Event::kProposal2;   // ... or SEND armed one: of another call
inline constexpr Event kSurvives = Event::kProposal3;  // a record at the return to user mode
inline constexpr Event kReturnedAfterPin = Event::kProposal4;  // ... of a call that had been pinned
inline constexpr Event kFreshEexist = Event::kProposal5;  // EEXIST for a notification never pinned
inline constexpr Event kPinAsked = Event::kProposal6;     // PIN_ARGS found its notification in SENT
inline constexpr Event kOverBudget = Event::kProposal7;   // a request for over 1 MiB was accepted
inline constexpr Event kBudgetChecked = Event::kProposal8;
inline constexpr Event kChargedToCaller = Event::kProposal9;
inline constexpr Event kTruncatedFalse =
    Event::kProposal10;  // told "truncated", but nothing was cut off
inline constexpr Event kTruncatedMissing = Event::kProposal11;  // cut off, but not told
inline constexpr Event kPinCopied = Event::kProposal12;  // a walker finished a string or a table
inline constexpr Event kInherited = Event::kProposal13;  // a child began with its parent's record
// A walker read memory of another program than the one that made the call.
inline constexpr Event kOtherImage = Event::kProposal14;
// ... or came to read where the task runs another by now, whose memory the scenario knows.
inline constexpr Event kExecutedSince = Event::kProposal15;

enum PinFunction : uint8_t {
  kFnPinArgs,
  kFnWalk,
  kFnFixed,
  kFnCstring,
  kFnCstringArray,
  kFnClear,
  kFnGetname,
  kFnCopyStrings,
  kFnMoveAddr,
  kFnImportUbuf,
  kFnCount,
  kFnVfsWrite,
  kFnDeferred,
};

inline int FnNumber(PinFunction function) { return kFirstProposalFunction + function; }

// `call` stands for args[] and syscall_nr, which phase A copies.
// `call_mm` is the address space in which it was made, as Kernel::MmOf() has it: the patch keeps
// none.
struct PinArgsLocals {
  int8_t ret;
  uint8_t id, task, call, call_mm;
};
struct WalkLocals {
  int8_t ret;
  uint8_t id, task, call, i, buf_off, call_mm;
};
struct FixedLocals {
  uint8_t task, call, arg, w;
  uint8_t mm, call_mm;  // the address space that is read
};
struct ArrayLocals {
  uint8_t task, call, arg, i, count, byte_off, w, counted;
  uint8_t truncated, cut;  // what the supervisor is told, and what happened
  Value ptr;
  uint8_t mm, str_mm, call_mm;  // as above; the one in which a string is read
};
struct ClearLocals {
  uint8_t task;
};
struct UseLocals {
  uint8_t role, arg, w, n;
};

// *kpa, which must not be freed.
inline Record& Deref(Kernel& k, uint8_t pointer) {
  Record& record = Pins(k).records[pointer - 1];
  k.Raise(Event::kObjectUsed);
  if (record.life != kAllocated) {
    k.Note("use after free of the pin record");
    k.Fault(Event::kUseAfterFree);
  }
  return record;
}

// seccomp_alloc_pinned_args(): the lowest record that nothing points to.
uint8_t AllocateRecord(Kernel& k);
// seccomp_free_pinned_args()
void FreeRecord(Kernel& k, uint8_t pointer);
// Whether a call may read what it imported when it has returned.
bool ReadsLater(const Op& call);
// The entry stride of array buffers: what the longest string takes to which a table can point.
int StrideOf(const Program& p);

inline int ByteLength(const Kernel& k, Value value) {
  const auto& bytes = k.p.values[value].bytes;
  return static_cast<int>(std::find(bytes.begin(), bytes.end(), 0) - bytes.begin());
}

inline Value Truncated(const Kernel& k, Value value, int bytes) {
  if (value == kUninit || bytes >= 8) return value;
  return bytes <= 0 ? kZero : k.p.truncated[value][static_cast<size_t>(bytes)];
}

inline int RoleOfArg(Nr nr, int arg) {
  const auto& roles = SyscallOf(nr).roles;
  for (size_t i = 0; i < roles.size(); ++i) {
    if (roles[i].arg == arg) return static_cast<int>(i);
  }
  return -1;
}

inline Value AddressOf(const Kernel& k, int task, uint8_t call, int arg) {
  return k.CallOf(task, call).pointers[static_cast<size_t>(arg)];
}

// The descriptors of the running request. A policy's request has those for the call that the
// supervisor received.
inline const std::vector<Descriptor>& Descriptors(const Kernel& k) {
  const Op& op = k.op();
  const int task = k.me().variable_task[op.variable] - 1;
  if (!op.descriptors.empty() || task < 0) return op.descriptors;
  const Nr nr = k.CallOf(task, k.me().variable_call[op.variable]).nr;
  return k.p.policy_pins[static_cast<size_t>(nr)];
}

// The request's only number.
inline uint32_t BufSize(const Op& op) { return op.fields[0]; }

// kernel/seccomp.c
Flow seccomp_notif_pin_args(Kernel& k);
// seccomp_pin_queue_clear()
void QueueClear(Kernel& k, int target);
Ret SendCheck(Kernel& k, uint16_t flags);
Ret SendFound(Kernel& k, int target, uint16_t flags);
Hook SendStored(Kernel& k, int target, uint16_t flags);
Hook PushClear(Kernel& k, int task);
Hook Leave(Kernel& k, uint8_t flags);
Hook Exit(Kernel& k);
void CopySeccomp(Kernel& k, int child);
Hook RunTaskWork(Kernel& k, uint8_t work);
void ReadTaskWork(Kernel& k, uint8_t work);
void ReturnedToUser(Kernel& k);

// kernel/seccomp_pin.c
Flow seccomp_pin_args_walk(Kernel& k);
Flow pin_one_fixed(Kernel& k);
Flow pin_one_cstring(Kernel& k);
Flow pin_one_cstring_array(Kernel& k);
Flow seccomp_clear_pinned_args(Kernel& k);
// seccomp_pin_lookup_current(): the index of the entry for this argument's address, or -1.
int LookupCurrent(Kernel& k, int role);

// Where the kernel fetches: getname_flags(), count() and copy_strings(), move_addr_to_kernel(),
// import_ubuf(), vfs_write(), and what a call that has returned reads of its record.
Flow pinned_getname_flags(Kernel& k);
Flow pinned_count(Kernel& k);
Flow copy_strings_from_pin(Kernel& k);
Flow pinned_move_addr_to_kernel(Kernel& k);
Flow pinned_import_ubuf(Kernel& k);
Flow pinned_vfs_write(Kernel& k);
Flow deferred_copy_from_iter(Kernel& k);
Hook Deferred(Kernel& k);
Hook Count(Kernel& k, int role);
Hook VfsWrite(Kernel& k, int role);
template <PinFunction kFunction>
Hook PushFetch(Kernel& k, int role) {
  k.Push<UseLocals>(FnNumber(kFunction)).role = static_cast<uint8_t>(role);
  return Hook::kCalled;
}

// The records: capacities, fields, names, and what becomes of those that nobody has.
std::string Limits(const Program& p);
void AfterStep(Kernel& k);
void StateBytes(const Program& p, size_t* task_bytes, size_t* bytes);
void ListTaskFields(const FieldContext& c, const std::string& prefix, size_t at, FieldList& fields);
void ListFields(const FieldContext& c, size_t at, FieldList& fields);
void Renumber(const Program& p, State* s);

// The supervisor's side.
std::vector<Op> PolicyScript(const std::vector<std::pair<std::string, std::string>>& reactions,
                             std::string* error);
std::vector<Op> GeneralPolicyScript(int targets);

}  // namespace knotcheck::model::pin_args
