// SPDX-License-Identifier: Apache-2.0
//
// PIN_ARGS v1, as posted on 2026-05-04 (message 20260504011207.539408-2-xiyou.wangcong@gmail.com):
// SECCOMP_IOCTL_NOTIF_PIN_ARGS copies pointer arguments of a trapped task into a record on the
// task; SEND with CONTINUE_PINNED arms it; four fetch points use it instead of user memory.
// Transcribed as posted, correct or not.
//
// A record is `struct seccomp_pinned_args` with the buffers that hang off it. Every place that
// holds a pointer to a record is a field of PinState, so that a record that nobody can reach
// any more is seen as a leak, and a freed one that somebody still reaches is not given out again.

#include <algorithm>
#include <cstring>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "model/kernel/kernel.h"
#include "model/kernel/locals.h"
#include "model/policy.h"
#include "model/proposal.h"
#include "model/proposals/pin_args_state.h"

namespace knotcheck::model {
namespace {

using namespace pin_args;  // NOLINT(google-build-using-namespace): this is its room

constexpr uint32_t kMaxTotalBytes = 1u << 20;  // SECCOMP_PIN_MAX_TOTAL_BYTES

constexpr uint16_t kContinue = 1, kContinuePinned = 2;

PinState Pins(State& s) { return StateOf(s); }
PinState Pins(Kernel& k) { return Pins(*k.s); }

// Events by the names that this room gives them.
constexpr Event kAttached = Event::kProposal0;          // phase C attached a record
constexpr Event kConsumed = Event::kProposal1;          // a fetch point found a live record
constexpr Event kForeign = Event::kProposal2;           // ... or SEND armed one: of another call
constexpr Event kSurvives = Event::kProposal3;          // a record at the return to user mode
constexpr Event kReturnedAfterPin = Event::kProposal4;  // ... of a call that had been pinned
constexpr Event kFreshEexist = Event::kProposal5;       // EEXIST for a notification never pinned
constexpr Event kPinAsked = Event::kProposal6;          // PIN_ARGS found its notification in SENT
constexpr Event kOverBudget = Event::kProposal7;        // a request for over 1 MiB was accepted
constexpr Event kBudgetChecked = Event::kProposal8;
constexpr Event kChargedToCaller = Event::kProposal9;
constexpr Event kTruncatedFalse = Event::kProposal10;  // told "truncated", but nothing was cut off
constexpr Event kTruncatedMissing = Event::kProposal11;  // cut off, but not told
constexpr Event kPinCopied = Event::kProposal12;         // a walker finished a string or a table
constexpr Event kInherited = Event::kProposal13;         // a child began with its parent's record

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

int FnNumber(PinFunction function) { return kFirstProposalFunction + function; }

// `call` stands for args[] and syscall_nr, which phase A copies.
struct PinArgsLocals {
  int8_t ret;
  uint8_t id, task, call;
};
struct WalkLocals {
  int8_t ret;
  uint8_t task, call, i, buf_off;
};
struct FixedLocals {
  uint8_t task, call, arg, w;
  uint8_t old_mm;  // the address space is still that of the call
};
struct ArrayLocals {
  uint8_t task, call, arg, i, count, byte_off, w, counted;
  uint8_t truncated, cut;  // what the supervisor is told, and what happened
  Value ptr;
  uint8_t old_mm, str_mm;  // as above; the one in which a string is read
};
struct ClearLocals {
  uint8_t task;
};
struct UseLocals {
  uint8_t role, arg, w, n;
};

// *kpa, which must not be freed.
Record& Deref(Kernel& k, uint8_t pointer) {
  Record& record = Pins(k).records[pointer - 1];
  k.Raise(Event::kObjectUsed);
  if (record.life != kAllocated) {
    k.Note("use after free of the pin record");
    k.Fault(Event::kUseAfterFree);
  }
  return record;
}

bool ReadsLater(const Op& call) {
  if (call.code != OpCode::kSyscall) return false;
  const auto& roles = SyscallOf(call.nr).roles;
  return std::any_of(roles.begin(), roles.end(), [](const Role& role) {
    return std::find(role.passes.begin(), role.passes.end(), Pass::kImportLater) !=
           role.passes.end();
  });
}

// How many records a run can need at once. Each supervisor thread builds one, or clears one that
// it has taken from a task; each task has one attached, or clears its own, and while it does
// neither can another be attached to it, as nobody finds it trapped. What a request reads later may
// be freed by then, and one more may be freed and still pointed to.
int RecordsNeeded(const Program& p) {
  int records = 1;
  for (const TaskInfo& info : p.tasks) {
    const bool builds = std::any_of(info.ops.begin(), info.ops.end(),
                                    [](const Op& op) { return op.code == OpCode::kVerb; });
    const bool later = std::any_of(info.ops.begin(), info.ops.end(), ReadsLater) ||
                       std::any_of(info.handler.begin(), info.handler.end(), ReadsLater);
    if (info.kind == TaskKind::kSupervisor) {
      records += builds ? 1 : 0;
    } else if (info.filtered) {
      records += later ? 2 : 1;
    }
  }
  return records;
}

// As many as that, where it is known that more are not needed.
int RecordsOf(const Program& p) { return std::min(RecordsNeeded(p), kRecords); }

// The entry stride of array buffers: what the longest string takes to which a table can point.
int StrideOf(const Program& p) {
  int stride = 1;
  for (const Word& word : p.words) {
    for (const Value value : word.domain) {
      const int object = p.values[value].object;
      if (object >= 0) {
        stride = std::max<int>(stride, p.objects[static_cast<size_t>(object)].words);
      }
    }
  }
  return stride;
}

// How many words of a record a descriptor of a call can fill.
int WordsPinned(const Program& p, const Op& call, const Descriptor& d) {
  if (d.arg < 0 || d.arg >= 6 || !(call.is_pointer >> d.arg & 1)) return 0;
  const int object = p.values[call.pointers[static_cast<size_t>(d.arg)]].object;
  if (object < 0) return 0;
  const Object& o = p.objects[static_cast<size_t>(object)];
  const auto limit = static_cast<int>(std::min<uint32_t>(d.max_bytes / 8 + 1, 1000));
  if (d.kind == kCstringArray) {
    if (o.kind != Object::Kind::kPointers) return 0;
    int entries = 0;
    for (int w = 0; w < o.words; ++w) {
      const auto& domain = p.words[static_cast<size_t>(o.first_word + w)].domain;
      entries += domain.size() > 1 || domain[0] != kZero ? 1 : 0;
    }
    return entries * StrideOf(p);
  }
  return std::min<int>(o.words, limit);
}

std::string Limits(const Program& p) {
  if (RecordsNeeded(p) > kRecords) {
    return absl::StrCat("found supervisors and targets that need up to ", RecordsNeeded(p),
                        " pin records at once, expected at most ", kRecords);
  }
  int words = 0;
  for (const TaskInfo& by : p.tasks) {
    for (const Op& op : by.ops) {
      if (op.code != OpCode::kVerb) continue;
      for (const TaskInfo& info : p.tasks) {
        if (!info.filtered) continue;
        for (const auto* ops : {&info.ops, &info.handler}) {
          for (const Op& call : *ops) {
            if (call.code != OpCode::kSyscall || !p.trapped[static_cast<size_t>(call.nr)]) continue;
            const auto& pins = op.descriptors.empty() ? p.policy_pins[static_cast<size_t>(call.nr)]
                                                      : op.descriptors;
            for (const Descriptor& d : pins) words = std::max(words, WordsPinned(p, call, d));
          }
        }
      }
    }
  }
  if (words > kPinWords) {
    return absl::StrCat("found an argument of which ", words,
                        " words can be pinned, expected at most ", kPinWords,
                        " (a word is 8 bytes; of a table, all strings count)");
  }
  return "";
}

// seccomp_alloc_pinned_args(): the lowest record that nothing points to.
uint8_t AllocateRecord(Kernel& k) {
  PinState pins = Pins(k);
  for (size_t i = 0; i < pins.record_count; ++i) {
    if (pins.records[i].life == kFree) {
      pins.records[i].life = kAllocated;
      return static_cast<uint8_t>(i + 1);
    }
  }
  KNOT_CHECK(false && "a free pin record: the scenario has too many at once");
  return 0;
}

// seccomp_free_pinned_args()
void FreeRecord(Kernel& k, uint8_t pointer) {
  if (pointer == 0) return;
  Record& record = Pins(k).records[pointer - 1];
  k.Raise(Event::kFreed);
  if (record.life != kAllocated) {
    k.Note("double free of the pin record");
    k.Fault(Event::kDoubleFree);
    return;
  }
  record = Record{};
  record.life = kFreed;
  k.Note("pin record freed");
}

int ByteLength(const Kernel& k, Value value) {
  const auto& bytes = k.p.values[value].bytes;
  return static_cast<int>(std::find(bytes.begin(), bytes.end(), 0) - bytes.begin());
}

Value Truncated(const Kernel& k, Value value, int bytes) {
  if (value == kUninit || bytes >= 8) return value;
  return bytes <= 0 ? kZero : k.p.truncated[value][static_cast<size_t>(bytes)];
}

int RoleOfArg(Nr nr, int arg) {
  const auto& roles = SyscallOf(nr).roles;
  for (size_t i = 0; i < roles.size(); ++i) {
    if (roles[i].arg == arg) return static_cast<int>(i);
  }
  return -1;
}

Value AddressOf(const Kernel& k, int task, uint8_t call, int arg) {
  return k.CallOf(task, call).pointers[static_cast<size_t>(arg)];
}

// The descriptors of the running request. A policy's request has those for the call that the
// supervisor received.
const std::vector<Descriptor>& Descriptors(const Kernel& k) {
  const Op& op = k.op();
  const int task = k.me().variable_task[op.variable] - 1;
  if (!op.descriptors.empty() || task < 0) return op.descriptors;
  const Nr nr = k.CallOf(task, k.me().variable_call[op.variable]).nr;
  return k.p.policy_pins[static_cast<size_t>(nr)];
}

// Whether two descriptors of the request are for one address of this call.
bool PinsAddressTwice(const Kernel& k, int task, uint8_t call) {
  const auto& descriptors = Descriptors(k);
  for (size_t i = 0; i < descriptors.size(); ++i) {
    const Value address = AddressOf(k, task, call, descriptors[i].arg);
    for (size_t j = 0; j < i && address != kZero; ++j) {
      if (AddressOf(k, task, call, descriptors[j].arg) == address) return true;
    }
  }
  return false;
}

// Whether fetch points of this call take what the descriptor pins, and nothing else reads it.
bool IsPinnable(const Op& call, const Descriptor& d) {
  const int index = RoleOfArg(call.nr, d.arg);
  if (index < 0) return false;
  const Role& role = SyscallOf(call.nr).roles[static_cast<size_t>(index)];
  if (role.shape == Shape::kStrings) return d.kind == kCstringArray;
  uint8_t kind = kCstringArray;
  for (const Pass pass : role.passes) {
    if (pass == Pass::kGetname) kind = kCstring;
    if (pass == Pass::kSockaddr || pass == Pass::kImport) kind = kFixed;
    const bool peeks = pass == Pass::kPeekEmpty &&
                       call.scalars[static_cast<size_t>(role.length_arg)] == kAtEmptyPath;
    if (peeks) return false;
  }
  return d.kind == kind && kind != kCstringArray;
}

// What phase A copied can refuse a request, if a fix looks at it.
Ret CheckAgainstCall(const Kernel& k, int task, uint8_t call) {
  if (PinsAddressTwice(k, task, call) && k.Has(Toggle::k_fix_address_pinned_once)) return -kEINVAL;
  for (const Descriptor& d : Descriptors(k)) {
    if (!IsPinnable(k.CallOf(task, call), d) && k.Has(Toggle::k_fix_pinnable_only)) return -kEINVAL;
  }
  return 0;
}

// seccomp_pin_lookup_current(): the index of the entry for this argument's address, or -1.
int LookupCurrent(Kernel& k, int role) {
  const Value user_addr = k.RoleAddress(role);
  const int arg = SyscallOf(k.Number()).roles[static_cast<size_t>(role)].arg;
  const uint8_t kpa = Pins(k).tasks[k.cur].pinned_args;
  if (kpa == 0) return -1;
  const Record& record = Deref(k, kpa);
  if (!record.live) return -1;
  if (record.syscall_nr != static_cast<uint8_t>(k.Number())) return -1;
  for (int i = 0; i < record.nr_args; ++i) {
    if (record.args[i].user_addr != user_addr) continue;
    if (record.args[i].arg_idx != arg && k.Has(Toggle::k_fix_lookup_by_argument)) continue;
    if (user_addr == kZero && k.Has(Toggle::k_fix_null_not_pinned)) continue;
    k.Raise(kConsumed);
    k.Note("pinned for knotif {}", static_cast<int>(record.notif_id));
    if (record.notif_id != k.me().ghost_id) {
      k.Raise(kForeign);
      k.Note("<-- a record of another notification than knotif {}",
             static_cast<int>(k.me().ghost_id));
    }
    return i;
  }
  return -1;
}

void ObserveShown(Kernel& k, const PinnedArg& arg) {
  k.Observe({.kind = Observation::Kind::kShows,
             .role = arg.arg_idx,
             .entry = arg.kind,
             .word = arg.count,
             .value = arg.size,
             .user = arg.gaps > 0});
  for (int w = 0; w < kPinWords; ++w) {
    k.Observe({.kind = Observation::Kind::kShowsWord,
               .word = static_cast<uint8_t>(w),
               .value = arg.words[w]});
  }
}

// What the supervisor finds in its buffer, for one argument.
void ShowToSupervisor(Kernel& k, const Op& call, const PinnedArg& arg, int arg_idx) {
  const int role = RoleOfArg(call.nr, arg_idx);
  k.Raise(Event::kCopyOut);
  Task& me = k.me();
  SeenLayout layout;
  int bytes = arg.size;
  if (role >= 0) {
    layout = k.p.seen[static_cast<size_t>(call.nr)][static_cast<size_t>(role)];
    const int length_arg = SyscallOf(call.nr).roles[static_cast<size_t>(role)].length_arg;
    // The call looks at no more bytes than its length says.
    if (length_arg >= 0 && !SyscallOf(call.nr).roles[static_cast<size_t>(role)].IsString()) {
      bytes = std::min<int>(bytes, call.scalars[static_cast<size_t>(length_arg)]);
    }
  }
  // The strings that an argument's bytes point to are not those bytes.
  if (arg.kind == kCstringArray && role >= 0 &&
      SyscallOf(call.nr).roles[static_cast<size_t>(role)].shape != Shape::kStrings) {
    layout = SeenLayout{};
  }
  if (layout.entries != 0) k.BeginLook(me.ghost_id, call.nr, role);
  bool uninitialised = arg.gaps > 0;
  const auto show = [&](int entry, int w, Value value) {
    uninitialised |= value == kUninit;
    const int slot = layout.entries == 0 ? -1 : k.SlotOf(call.nr, role, entry, w);
    if (slot >= 0) me.seen[slot] = value;
  };
  if (arg.kind == kCstringArray) {
    const int stride = StrideOf(k.p);
    for (int e = 0; e < arg.count; ++e) {
      for (int w = 0; w < stride && e * stride + w < kPinWords; ++w) {
        const Value value = arg.words[e * stride + w];
        show(e, w, value);
        if (value == kUninit || k.p.values[value].has_nul) break;
      }
    }
  } else {
    for (int w = 0; w < (arg.size + 7) / 8 && w < kPinWords; ++w) {
      show(0, w, Truncated(k, arg.words[w], bytes - 8 * w));
    }
    if (layout.entries != 0 && !SyscallOf(call.nr).roles[static_cast<size_t>(role)].IsString()) {
      k.NothingBeyond(call.nr, role, (arg.size + 7) / 8);
    }
  }
  if (uninitialised) {
    k.Raise(Event::kUninitialisedOut);
    k.Note("bytes that nobody wrote go to the supervisor's buffer");
  }
  k.Note("reads back {}",
         k.ValueText(arg.kind == kCstringArray && arg.count == 0 ? kZero : arg.words[0]));
}

// seccomp_pin_queue_clear()
void QueueClear(Kernel& k, int target) {
  const uint8_t kpa = Pins(k).tasks[target].pinned_args;
  Record& record = Deref(k, kpa);
  if (record.clear_queued || k.Has(Toggle::k_mutate_no_clear)) return;
  uint8_t* works = k.s->tasks[target].task_works;
  KNOT_CHECK(works[1] == 0);
  works[1] = works[0];
  works[0] = kpa;
  record.clear_queued = 1;
}

// Gives entry i the bytes of an earlier entry for its address, if a fix does that.
bool CopiedFromEarlier(Kernel& k, int task, uint8_t call, size_t i) {
  const auto& descriptors = Descriptors(k);
  Record& kpa = Pins(k).records[Pins(k).tasks[k.cur].building - 1];
  for (size_t j = 0; j < i; ++j) {
    if (descriptors[j].kind != descriptors[i].kind) continue;
    if (kpa.args[j].user_addr != AddressOf(k, task, call, descriptors[i].arg)) continue;
    if (!k.Has(Toggle::k_fix_address_copied_once)) continue;
    kpa.args[i] = kpa.args[j];
    kpa.args[i].arg_idx = static_cast<uint8_t>(descriptors[i].arg);
    return true;
  }
  return false;
}

Flow seccomp_notif_pin_args(Kernel& k) {
  auto& l = k.Locals<PinArgsLocals>();
  FUNCTION_BEGIN;
  {
    const Op& uargs = k.op();
    // copy_from_user(&kargs, uargs, sizeof(kargs))
    if (uargs.options & kBufNull) return k.Return(-kEFAULT);
    const auto& descriptors = Descriptors(k);
    if (descriptors.empty() || descriptors.size() > 6) return k.Return(-kEINVAL);
    if (uargs.buf_size > kMaxTotalBytes) return k.Return(-kE2BIG);
    uint64_t total = 0;
    for (const Descriptor& d : descriptors) {
      if (d.arg >= 6) return k.Return(-kEINVAL);
      if (d.kind > kCstringArray) return k.Return(-kEINVAL);
      if (d.max_bytes == 0) return k.Return(-kEINVAL);
      if (d.max_bytes > kMaxTotalBytes && !k.Has(Toggle::k_mutate_no_cap)) {
        return k.Return(-kE2BIG);
      }
      total += d.max_bytes;
    }
    for (size_t i = 0; i < descriptors.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (descriptors[i].arg != descriptors[j].arg) continue;
        if (k.Has(Toggle::k_fix_argument_pinned_once)) return k.Return(-kEINVAL);
      }
    }
    k.Raise(kBudgetChecked);
    if (total > kMaxTotalBytes) {
      if (k.Has(Toggle::k_fix_budget_checked)) return k.Return(-kE2BIG);
      k.Raise(kOverBudget);
    }
    l.id = k.me().variable_id[uargs.variable];
  }
  STEP("mutex_lock(&filter->notify_lock)", kLocks);
  if (!k.TryLock()) return Flow::kBlocked;
  {
    const int task = k.FindNotification(l.id);
    if (task < 0) {
      l.ret = -kENOENT;
      goto unlock_a;
    }
    if (k.s->tasks[task].knotif.state != kSent) {
      l.ret = -kEINPROGRESS;
      goto unlock_a;
    }
    k.Raise(kPinAsked);
    if (Pins(k).tasks[task].pinned_args != 0) {
      if (!(k.s->tasks[task].ghost & kGhostPinned)) {
        k.Raise(kFreshEexist);
        k.Note("knotif {} was never pinned, but the task has a record", static_cast<int>(l.id));
      }
      l.ret = -kEEXIST;
      goto unlock_a;
    }
    if (Pins(k).tasks[task].pin_in_progress) {
      l.ret = -kEBUSY;
      goto unlock_a;
    }
    l.ret = CheckAgainstCall(k, task, k.CallIndex(task));
    if (l.ret < 0) goto unlock_a;
    Pins(k).tasks[task].pin_in_progress = 1;
    // task = get_task_struct(knotif->task)
    l.task = static_cast<uint8_t>(task + 1);
    // memcpy(args, knotif->data->args, sizeof(args)); syscall_nr = knotif->data->nr
    l.call = k.CallIndex(task);
  }
  STEP("mutex_unlock(&filter->notify_lock)", kUnlocks);
  k.Unlock();
  if (k.me().ghost_id != l.id) k.ForgetSeen();
  k.me().ghost_id = l.id;
  CALL({
    const PinArgsLocals from = l;
    auto& callee = k.Push<WalkLocals>(FnNumber(kFnWalk));
    callee.task = static_cast<uint8_t>(from.task - 1);
    callee.call = from.call;
  });
  l.ret = k.ret;
  if (l.ret < 0) goto cleanup;
  if (k.op().options & kBufFaults) {
    STEP("copy_to_user(uargs, &kargs, sizeof(kargs))", kNothing);
    if (k.Choose(2) == 1) {
      k.Note("copy_to_user() faults");
      l.ret = -kEFAULT;
      goto cleanup;
    }
  }
  STEP("mutex_lock(&filter->notify_lock)", kLocks);
  if (!k.TryLock()) return Flow::kBlocked;
  {
    const int task = k.FindNotification(l.id);
    if (task < 0 || k.s->tasks[task].knotif.state != kSent) {
      k.Note("knotif {} is no longer SENT", static_cast<int>(l.id));
      l.ret = -kENOENT;
    } else {
      // WRITE_ONCE(task->seccomp.pinned_args, kpa)
      Pins(k).tasks[task].pinned_args = Pins(k).tasks[k.cur].building;
      Pins(k).tasks[task].pin_in_progress = 0;
      Pins(k).tasks[k.cur].building = 0;
      k.s->tasks[task].ghost |= kGhostPinned;
      k.Raise(kAttached);
      k.Note("record attached to {}", k.p.tasks[static_cast<size_t>(task)].name);
      if (k.Has(Toggle::k_fix_clear_queued_at_attach)) QueueClear(k, task);
    }
  }
  STEP("mutex_unlock(&filter->notify_lock)", kUnlocks);
  k.Unlock();
  if (l.ret == 0) return k.Return(0);

cleanup:
  STEP("mutex_lock(&filter->notify_lock)", kLocks);
  if (!k.TryLock()) return Flow::kBlocked;
  {
    const int task = k.FindNotification(l.id);
    if (task >= 0) Pins(k).tasks[task].pin_in_progress = 0;
  }
  STEP("mutex_unlock(&filter->notify_lock)", kUnlocks);
  k.Unlock();
  FreeRecord(k, Pins(k).tasks[k.cur].building);
  Pins(k).tasks[k.cur].building = 0;
  return k.Return(l.ret);

unlock_a:
  STEP("mutex_unlock(&filter->notify_lock)", kUnlocks);
  k.Unlock();
  return k.Return(l.ret);
  FUNCTION_END;
}

Flow seccomp_pin_args_walk(Kernel& k) {
  auto& l = k.Locals<WalkLocals>();
  FUNCTION_BEGIN;
  if (k.MayFailAllocation()) {
    STEP("kpa = seccomp_alloc_pinned_args(kargs->nr_args)", kBudget);
    if (!k.Allocate()) return k.Return(-kENOMEM);
  }
  k.Raise(Event::kAllocated);
  // GFP_KERNEL_ACCOUNT charges current, which is the caller of the ioctl.
  if (!k.Has(Toggle::k_fix_charge_target)) k.Raise(kChargedToCaller);
  {
    Pins(k).tasks[k.cur].building = AllocateRecord(k);
    Record& kpa = Deref(k, Pins(k).tasks[k.cur].building);
    const auto& descriptors = Descriptors(k);
    KNOT_CHECK(descriptors.size() <= kPinArgs);
    kpa.nr_args = static_cast<uint8_t>(descriptors.size());
    kpa.notif_id = k.me().ghost_id;
    kpa.syscall_nr = static_cast<uint8_t>(k.CallOf(l.task, l.call).nr);
  }
  for (l.i = 0; l.i < Descriptors(k).size(); ++l.i) {
    {
      const Descriptor& d = Descriptors(k)[l.i];
      // NULL pointers: record a zero-size pin and move on.
      if (AddressOf(k, l.task, l.call, d.arg) == kZero) continue;
    }
    k.ret = 0;
    if (!CopiedFromEarlier(k, l.task, l.call, l.i)) {
      CALL({
        const WalkLocals from = l;
        const int kind = Descriptors(k)[from.i].kind;
        if (kind == kFixed) {
          auto& callee = k.Push<FixedLocals>(FnNumber(kFnFixed));
          callee.task = from.task;
          callee.call = from.call;
          callee.arg = from.i;
        } else if (kind == kCstring) {
          auto& callee = k.Push<FixedLocals>(FnNumber(kFnCstring));
          callee.task = from.task;
          callee.call = from.call;
          callee.arg = from.i;
        } else {
          auto& callee = k.Push<ArrayLocals>(FnNumber(kFnCstringArray));
          callee.task = from.task;
          callee.call = from.call;
          callee.arg = from.i;
        }
      });
    }
    if (k.ret < 0) {
      l.ret = k.ret;
      goto err_free;
    }
    {
      const Record& kpa = Deref(k, Pins(k).tasks[k.cur].building);
      const PinnedArg& arg = kpa.args[l.i];
      const uint32_t buf_size = k.op().descriptors.empty() ? k.p.policy_buf_size : k.op().buf_size;
      if (arg.size + l.buf_off > buf_size) {
        l.ret = -kENOSPC;
        goto err_free;
      }
      // copy_to_user(user_buf + buf_off, kpa->args[i].data, kpa->args[i].size)
      ShowToSupervisor(k, k.CallOf(l.task, l.call), arg, Descriptors(k)[l.i].arg);
      ObserveShown(k, arg);
      l.buf_off = static_cast<uint8_t>(l.buf_off + arg.size);
    }
  }
  return k.Return(0);

err_free:
  FreeRecord(k, Pins(k).tasks[k.cur].building);
  Pins(k).tasks[k.cur].building = 0;
  return k.Return(l.ret);
  FUNCTION_END;
}

// get_task_mm(): fails once exit_mm() has run, which is the end of a task here.
bool HasMm(const Kernel& k, int task) { return k.s->tasks[task].status != kDead; }

// ... and gives another address space once the task has executed a program.
bool HasOldMm(const Kernel& k, int task) { return !(k.s->tasks[task].flags & kExeced); }

Flow pin_one_fixed(Kernel& k) {
  auto& l = k.Locals<FixedLocals>();
  FUNCTION_BEGIN;
  if (k.MayFailAllocation()) {
    STEP("kbuf = kvmalloc(desc->max_bytes, GFP_KERNEL_ACCOUNT)", kBudget);
    if (!k.Allocate()) return k.Return(-kENOMEM);
  }
  for (Value& v : Deref(k, Pins(k).tasks[k.cur].building).args[l.arg].words) v = kUninit;
  STEP("mm = get_task_mm(task)", kTargetLife);
  l.old_mm = HasOldMm(k, l.task);
  if (!HasMm(k, l.task)) {
    Deref(k, Pins(k).tasks[k.cur].building).args[l.arg] = PinnedArg{};
    return k.Return(-kESRCH);
  }
  while (true) {
    STEP("read = access_remote_vm(mm, user_addr, kbuf, desc->max_bytes, 0)", kReadsMemory);
    const Descriptor& desc = Descriptors(k)[l.arg];
    Record& kpa = Deref(k, Pins(k).tasks[k.cur].building);
    PinnedArg& out = kpa.args[l.arg];
    const Value address = AddressOf(k, l.task, l.call, desc.arg);
    const int object = k.p.values[address].object;
    const bool gone = object < 0 || !l.old_mm;
    const int mapped = gone ? 0 : k.p.objects[static_cast<size_t>(object)].bytes;
    const int read = std::min<int>(static_cast<int>(desc.max_bytes), mapped);
    if (read <= 0) {
      out = PinnedArg{};
      return k.Return(-kEFAULT);
    }
    const auto word = k.ReadUser(l.task, address, l.w, true);
    KNOT_CHECK(word.mapped && l.w < kPinWords);
    k.Note("snapshots {}", k.ValueText(word.value));
    if (!k.Has(Toggle::k_mutate_unpinned_walk)) {
      out.words[l.w] = Truncated(k, word.value, read - 8 * l.w);
    }
    ++l.w;
    if (l.w * 8 < read) continue;
    for (int w = l.w; w < kPinWords; ++w) out.words[w] = kZero;
    out.user_addr = address;
    out.arg_idx = static_cast<uint8_t>(desc.arg);
    out.size = static_cast<uint8_t>(read);
    out.kind = kFixed;
    out.data = 1;
    if (read < static_cast<int>(desc.max_bytes)) {
      k.Note("truncated: {} of {} bytes", read, desc.max_bytes);
      if (!k.Has(Toggle::k_mutate_truncated_never)) {
        k.me().ghost |= kGhostTruncated;
        k.Observe({.kind = Observation::Kind::kCuts});
      } else {
        k.Raise(kTruncatedMissing);
      }
    }
    k.Raise(kPinCopied);
    return k.Return(0);
  }
  FUNCTION_END;
}

Flow pin_one_cstring(Kernel& k) {
  auto& l = k.Locals<FixedLocals>();
  FUNCTION_BEGIN;
  if (k.MayFailAllocation()) {
    STEP("kbuf = kvmalloc(desc->max_bytes, GFP_KERNEL_ACCOUNT)", kBudget);
    if (!k.Allocate()) return k.Return(-kENOMEM);
  }
  for (Value& v : Deref(k, Pins(k).tasks[k.cur].building).args[l.arg].words) v = kUninit;
  // copy_remote_vm_str() takes the address space itself.
  STEP("mm = get_task_mm(tsk)", kTargetLife);
  l.old_mm = HasMm(k, l.task) && HasOldMm(k, l.task);
  while (true) {
    STEP("copied = copy_remote_vm_str(task, user_addr, kbuf, desc->max_bytes, 0)", kReadsMemory);
    const Descriptor& desc = Descriptors(k)[l.arg];
    Record& kpa = Deref(k, Pins(k).tasks[k.cur].building);
    PinnedArg& out = kpa.args[l.arg];
    const Value address = AddressOf(k, l.task, l.call, desc.arg);
    const auto word = l.old_mm ? k.ReadUser(l.task, address, l.w, true) : Kernel::UserWord{};
    if (!word.mapped) {
      out = PinnedArg{};
      return k.Return(-kEFAULT);
    }
    KNOT_CHECK(l.w < kPinWords);
    k.Note("snapshots {}", k.ValueText(word.value));
    const int max_bytes = static_cast<int>(desc.max_bytes);
    const int left = max_bytes - 1 - 8 * l.w;  // bytes of this word that fit before the NUL
    const int length = ByteLength(k, word.value);
    const bool ends = length < 8 && length <= left;
    const bool cut = !ends && left < 8;
    if (!k.Has(Toggle::k_mutate_unpinned_walk)) {
      out.words[l.w] = cut ? Truncated(k, word.value, left) : word.value;
    }
    if (!ends && !cut) {
      ++l.w;
      continue;
    }
    for (int w = l.w + 1; w < kPinWords; ++w) out.words[w] = kZero;
    const int copied = cut ? max_bytes - 1 : 8 * l.w + length;
    out.user_addr = address;
    out.arg_idx = static_cast<uint8_t>(desc.arg);
    out.size = static_cast<uint8_t>(copied + 1);
    out.kind = kCstring;
    out.data = 1;
    k.Raise(kPinCopied);
    const bool full = copied == max_bytes - 1;
    const bool told = cut || (full && !k.Has(Toggle::k_fix_cut_is_told));
    if (told && !k.Has(Toggle::k_mutate_truncated_never)) {
      k.me().ghost |= kGhostTruncated;
      k.Observe({.kind = Observation::Kind::kCuts});
      k.Note("truncated");
      if (!cut) k.Raise(kTruncatedFalse);
    } else if (cut) {
      k.Raise(kTruncatedMissing);
    }
    return k.Return(0);
  }
  FUNCTION_END;
}

// Whether a table certainly ends at this entry. An entry that a peer may write does not.
bool EndsAt(const Kernel& k, uint8_t space, Value table, int entry) {
  const int object = k.p.ObjectAt(table, space);
  if (object < 0) return false;
  const Object& o = k.p.objects[static_cast<size_t>(object)];
  if (entry >= o.words) return false;
  const auto index = static_cast<size_t>(o.first_word + entry);
  return !k.p.words[index].shared && (k.s->memory[index] ^ k.p.words[index].domain[0]) == kZero;
}

uint32_t MaxEntries(const Descriptor& desc) {
  const uint32_t max_entries = desc.max_entries != 0 ? desc.max_entries : 0x7fffffffu;
  return std::min(max_entries, desc.max_bytes / 5);
}

// Layout of the buffer: [u32 count][u32 offsets[count]][u8 strings[]].
Flow pin_one_cstring_array(Kernel& k) {
  auto& l = k.Locals<ArrayLocals>();
  FUNCTION_BEGIN;
  if (Descriptors(k)[l.arg].max_bytes < 4) return k.Return(-kEINVAL);
  if (k.MayFailAllocation()) {
    STEP("kbuf = kvmalloc(desc->max_bytes, GFP_KERNEL_ACCOUNT)", kBudget);
    if (!k.Allocate()) return k.Return(-kENOMEM);
  }
  for (Value& v : Deref(k, Pins(k).tasks[k.cur].building).args[l.arg].words) v = kUninit;
  STEP("mm = get_task_mm(task)", kTargetLife);
  l.old_mm = HasOldMm(k, l.task);
  if (!HasMm(k, l.task)) {
    Deref(k, Pins(k).tasks[k.cur].building).args[l.arg] = PinnedArg{};
    return k.Return(-kESRCH);
  }
  // Phase 1: count entries by walking the pointer table.
  while (true) {
    if (l.count >= MaxEntries(Descriptors(k)[l.arg]) && !k.Has(Toggle::k_fix_cut_is_told)) {
      l.truncated = 1;
      l.cut = !EndsAt(k, k.p.tasks[l.task].space,
                      AddressOf(k, l.task, l.call, Descriptors(k)[l.arg].arg), l.count);
      k.Note("truncated entries");
      break;
    }
    STEP("access_remote_vm(mm, user_addr + i * sizeof(ptr), &ptr, sizeof(ptr), 0)", kReadsMemory);
    const Value table = AddressOf(k, l.task, l.call, Descriptors(k)[l.arg].arg);
    const auto word = l.old_mm ? k.ReadUser(l.task, table, l.count, true) : Kernel::UserWord{};
    // The fix alone reads an entry that it does not take.
    const bool beyond = l.count >= MaxEntries(Descriptors(k)[l.arg]);
    if (!word.mapped && !beyond) {
      Deref(k, Pins(k).tasks[k.cur].building).args[l.arg] = PinnedArg{};
      return k.Return(-kEFAULT);
    }
    k.Note("counts entry {}: {}", static_cast<int>(l.count), k.ValueText(word.value));
    if (word.mapped && word.value == kZero) break;
    if (beyond) {
      l.truncated = l.cut = 1;
      k.Note("truncated entries");
      break;
    }
    ++l.count;
  }
  if (4u + 4u * l.count > Descriptors(k)[l.arg].max_bytes) {
    Deref(k, Pins(k).tasks[k.cur].building).args[l.arg] = PinnedArg{};
    return k.Return(-kEINVAL);
  }
  l.counted = l.count;
  l.byte_off = static_cast<uint8_t>(4 + 4 * l.count);
  // Phase 2: copy each string into the packed area.
  for (l.i = 0; l.i < l.count; ++l.i) {
    STEP("access_remote_vm(mm, user_addr + i * sizeof(ptr), &ptr, sizeof(ptr), 0)", kReadsMemory);
    {
      const auto word =
          k.ReadUser(l.task, AddressOf(k, l.task, l.call, Descriptors(k)[l.arg].arg), l.i, true);
      if (!word.mapped) {
        Deref(k, Pins(k).tasks[k.cur].building).args[l.arg] = PinnedArg{};
        return k.Return(-kEFAULT);
      }
      l.ptr = word.value;
      k.Note("entry {}: {}", static_cast<int>(l.i), k.ValueText(l.ptr));
    }
    if (l.ptr == kZero && k.Has(Toggle::k_fix_null_ends_table)) {
      l.count = l.i;
      break;
    }
    if (l.byte_off >= Descriptors(k)[l.arg].max_bytes) {
      l.truncated = l.cut = 1;
      k.Note("truncated bytes");
      l.count = l.i;
      break;
    }
    l.w = 0;
    // copy_remote_vm_str() takes the address space that the task has by now.
    STEP("mm = get_task_mm(tsk)", kTargetLife);
    l.str_mm = HasMm(k, l.task) && HasOldMm(k, l.task);
    while (true) {
      STEP("copied = copy_remote_vm_str(task, ptr, (char *)kbuf + byte_off, remaining, 0)",
           kReadsMemory);
      const auto word = l.str_mm ? k.ReadUser(l.task, l.ptr, l.w, true) : Kernel::UserWord{};
      PinnedArg& out = Deref(k, Pins(k).tasks[k.cur].building).args[l.arg];
      if (!word.mapped) {
        out = PinnedArg{};
        return k.Return(-kEFAULT);
      }
      const int remaining = static_cast<int>(Descriptors(k)[l.arg].max_bytes) - l.byte_off;
      const int left = remaining - 1 - 8 * l.w;
      const int length = ByteLength(k, word.value);
      const bool ends = length < 8 && length <= left;
      const bool cut = !ends && left < 8;
      const int stride = StrideOf(k.p);
      const int at = l.i * stride + l.w;
      KNOT_CHECK(at < kPinWords);
      if (!k.Has(Toggle::k_mutate_unpinned_walk)) {
        out.words[at] = cut ? Truncated(k, word.value, left) : word.value;
      }
      k.Note("snapshots {}", k.ValueText(word.value));
      if (!ends && !cut) {
        ++l.w;
        continue;
      }
      const int copied = cut ? remaining - 1 : 8 * l.w + length;
      k.Raise(kPinCopied);
      const bool full = copied + 1 >= remaining;
      if (cut || (full && !k.Has(Toggle::k_fix_cut_is_told))) l.truncated = 1;
      if (cut) l.cut = 1;
      l.byte_off = static_cast<uint8_t>(l.byte_off + copied + 1);
      break;
    }
  }
  {
    const Descriptor& desc = Descriptors(k)[l.arg];
    PinnedArg& out = Deref(k, Pins(k).tasks[k.cur].building).args[l.arg];
    for (Value& v : out.words) {
      if (v == kUninit && !k.Has(Toggle::k_mutate_unpinned_walk)) v = kZero;
    }
    out.user_addr = AddressOf(k, l.task, l.call, desc.arg);
    out.arg_idx = static_cast<uint8_t>(desc.arg);
    out.size = l.byte_off;
    out.kind = kCstringArray;
    out.data = 1;
    out.count = l.count;
    out.gaps = static_cast<uint8_t>(l.counted - l.count);
    if (out.gaps != 0 && k.Has(Toggle::k_fix_zeroed_buffers)) out.gaps = 0;
    if (k.Has(Toggle::k_mutate_truncated_never)) l.truncated = 0;
    if (l.truncated) {
      k.me().ghost |= kGhostTruncated;
      k.Observe({.kind = Observation::Kind::kCuts});
    }
    k.Raise(kPinCopied);
    if (l.truncated && !l.cut) k.Raise(kTruncatedFalse);
    if (l.cut && !l.truncated) k.Raise(kTruncatedMissing);
  }
  return k.Return(0);
  FUNCTION_END;
}

Flow seccomp_clear_pinned_args(Kernel& k) {
  auto& l = k.Locals<ClearLocals>();
  FUNCTION_BEGIN;
  STEP("kpa = xchg(&task->seccomp.pinned_args, NULL)", kNothing);
  Pins(k).tasks[k.cur].clearing = Pins(k).tasks[l.task].pinned_args;
  Pins(k).tasks[l.task].pinned_args = 0;
  if (Pins(k).tasks[k.cur].clearing == 0) return k.Return(0);
  if (Deref(k, Pins(k).tasks[k.cur].clearing).clear_queued) {
    STEP("task_work_cancel(task, &kpa->clear_work)", kNothing);
    uint8_t* works = k.s->tasks[l.task].task_works;
    if (works[0] == Pins(k).tasks[k.cur].clearing) {
      works[0] = works[1];
      works[1] = 0;
    } else if (works[1] == Pins(k).tasks[k.cur].clearing) {
      works[1] = 0;
    }
  }
  STEP("seccomp_free_pinned_args(kpa)", kNothing);
  FreeRecord(k, Pins(k).tasks[k.cur].clearing);
  if (k.Has(Toggle::k_mutate_free_twice)) FreeRecord(k, Pins(k).tasks[k.cur].clearing);
  Pins(k).tasks[k.cur].clearing = 0;
  return k.Return(0);
  FUNCTION_END;
}

// What a fetch point returns whose entry is of another kind.
Ret OfOtherKind(const Kernel& k) {
  return k.Has(Toggle::k_fix_other_kind_fails) ? static_cast<Ret>(-kEFAULT) : Kernel::kNotServed;
}

// getname_flags() as patched.
Flow pinned_getname_flags(Kernel& k) {
  auto& l = k.Locals<UseLocals>();
  FUNCTION_BEGIN;
  STEP("pin = seccomp_pin_lookup_current((u64)(uintptr_t)filename)", kNothing);
  {
    const int found = k.Has(Toggle::k_mutate_ignore_pin) ? -1 : LookupCurrent(k, l.role);
    if (found < 0) return k.Return(Kernel::kNotServed);
    const Record& kpa = Deref(k, Pins(k).tasks[k.cur].pinned_args);
    if (kpa.args[found].kind != kCstring) return k.Return(OfOtherKind(k));
    if (kpa.args[found].size <= 1) return k.Return(-kENOENT);
    l.arg = static_cast<uint8_t>(found);
    Pins(k).tasks[k.cur].using_ = Pins(k).tasks[k.cur].pinned_args;
  }
  STEP("return getname_kernel(pin->data)", kNothing);
  {
    const Record& kpa = Deref(k, Pins(k).tasks[k.cur].using_);
    Pins(k).tasks[k.cur].using_ = 0;
    for (int w = 0; w < 3; ++w) {
      const Value value = kpa.args[l.arg].words[w];
      k.me().copied[w] = value;
      k.Fetched(l.role, 0, w, value, false);
      k.Note("takes {} from the record", k.ValueText(value));
      if (value == kUninit || k.p.values[value].has_nul) break;
    }
  }
  return k.Return(0);
  FUNCTION_END;
}

// The record's count, for count().
Flow pinned_count(Kernel& k) {
  auto& l = k.Locals<UseLocals>();
  FUNCTION_BEGIN;
  STEP("pin = seccomp_pin_lookup_current(user_argv)", kNothing);
  {
    const int found = LookupCurrent(k, l.role);
    if (found < 0) return k.Return(Kernel::kNotServed);
    const PinnedArg& pin = Deref(k, Pins(k).tasks[k.cur].pinned_args).args[found];
    if (pin.kind != kCstringArray) return k.Return(OfOtherKind(k));
    k.Note("counts {} strings in the record", static_cast<int>(pin.count));
    return k.Return(pin.count);
  }
  FUNCTION_END;
}

// copy_strings_from_pin()
Flow copy_strings_from_pin(Kernel& k) {
  auto& l = k.Locals<UseLocals>();
  FUNCTION_BEGIN;
  // if (!user_argv) return 1
  if (k.PointerArg(SyscallOf(Nr::kExecve).roles[l.role].arg) == kZero) {
    return k.Return(Kernel::kNotServed);
  }
  STEP("pin = seccomp_pin_lookup_current(user_argv)", kNothing);
  {
    const int found = LookupCurrent(k, l.role);
    if (found < 0) return k.Return(Kernel::kNotServed);
    const Record& kpa = Deref(k, Pins(k).tasks[k.cur].pinned_args);
    if (kpa.args[found].kind != kCstringArray) return k.Return(OfOtherKind(k));
    l.arg = static_cast<uint8_t>(found);
    Pins(k).tasks[k.cur].using_ = Pins(k).tasks[k.cur].pinned_args;
  }
  STEP("copy_string_kernel(strings + off, bprm)", kNothing);
  {
    const Record& kpa = Deref(k, Pins(k).tasks[k.cur].using_);
    Pins(k).tasks[k.cur].using_ = 0;
    const PinnedArg& pin = kpa.args[l.arg];
    const int stride = StrideOf(k.p);
    for (int e = pin.count - 1; e >= 0; --e) {
      for (int w = 0; w < stride; ++w) {
        const Value value = pin.words[e * stride + w];
        k.Fetched(l.role, e, w, value, false);
        k.Note("takes {} from the record", k.ValueText(value));
        if (value == kUninit || k.p.values[value].has_nul) break;
      }
    }
  }
  return k.Return(0);
  FUNCTION_END;
}

// move_addr_to_kernel() as patched.
Flow pinned_move_addr_to_kernel(Kernel& k) {
  auto& l = k.Locals<UseLocals>();
  FUNCTION_BEGIN;
  STEP("pin = seccomp_pin_lookup_current((u64)(uintptr_t)uaddr)", kNothing);
  {
    const int found = LookupCurrent(k, l.role);
    if (found < 0) return k.Return(Kernel::kNotServed);
    const PinnedArg& pin = Deref(k, Pins(k).tasks[k.cur].pinned_args).args[found];
    if (pin.kind != kFixed && k.Has(Toggle::k_fix_other_kind_fails)) return k.Return(-kEFAULT);
    if (pin.size < k.RoleBytes(l.role) && k.Has(Toggle::k_fix_short_sockaddr_fails)) {
      return k.Return(-kEFAULT);
    }
    l.arg = static_cast<uint8_t>(found);
    Pins(k).tasks[k.cur].using_ = Pins(k).tasks[k.cur].pinned_args;
  }
  STEP("memcpy(kaddr, pin->data, n)", kNothing);
  {
    const Record& kpa = Deref(k, Pins(k).tasks[k.cur].using_);
    Pins(k).tasks[k.cur].using_ = 0;
    const PinnedArg& pin = kpa.args[l.arg];
    const int ulen = k.RoleBytes(l.role);
    const int n = std::min<int>(ulen, pin.size);
    // The rest of *kaddr stays as it is: on the stack of __sys_bind(), written by nobody.
    for (int w = 0; w < std::min((ulen + 7) / 8, 3); ++w) {
      const int wanted = std::min(ulen - 8 * w, 8);
      const int given = std::clamp(n - 8 * w, 0, 8);
      const bool bare = given < wanted && !k.Has(Toggle::k_fix_sockaddr_zeroed);
      k.me().copied[w] = bare ? kUninit : Truncated(k, pin.words[w], std::min(given, wanted));
      k.Note("takes {} from the record", k.ValueText(k.me().copied[w]));
      k.Fetched(l.role, 0, w, k.me().copied[w], false);
    }
  }
  return k.Return(0);
  FUNCTION_END;
}

// An O_DIRECT request of io_submit(2), or one that io_uring issues again, reads what it imported.
Flow deferred_copy_from_iter(Kernel& k) {
  FUNCTION_BEGIN;
  // It may fault, so it is no mover, although nobody else touches what it does.
  STEP("copy_from_iter(kaddr, bytes, i), after the call has returned", kMayFault);
  static_cast<void>(Deref(k, Pins(k).tasks[k.cur].using_));
  Pins(k).tasks[k.cur].using_ = 0;
  return k.Return(0);
  FUNCTION_END;
}

// import_ubuf() as patched, with the copy through the kvec that follows it.
Flow pinned_import_ubuf(Kernel& k) {
  auto& l = k.Locals<UseLocals>();
  FUNCTION_BEGIN;
  STEP("pin = seccomp_pin_lookup_current((u64)(uintptr_t)buf)", kNothing);
  {
    const bool dest = SyscallOf(k.Number()).roles[l.role].shape == Shape::kOutBuffer;
    if (dest && k.Has(Toggle::k_fix_source_only)) return k.Return(Kernel::kNotServed);
    const int found = LookupCurrent(k, l.role);
    if (found < 0) return k.Return(Kernel::kNotServed);
    const Record& kpa = Deref(k, Pins(k).tasks[k.cur].pinned_args);
    if (kpa.args[found].kind != kFixed) return k.Return(OfOtherKind(k));
    l.arg = static_cast<uint8_t>(found);
    l.n = static_cast<uint8_t>(std::min<int>(k.RoleBytes(l.role), kpa.args[found].size));
    Pins(k).tasks[k.cur].using_ = Pins(k).tasks[k.cur].pinned_args;
    if (ReadsLater(k.op())) {
      k.Note("the request keeps an iterator over the record");
      return k.Return(l.n);
    }
  }
  for (l.w = 0; l.w * 8 < l.n; ++l.w) {
    STEP("iov_iter_kvec(i, rw, kvec, 1, n), then a word through it", kNothing);
    Record& kpa = Deref(k, Pins(k).tasks[k.cur].using_);
    if (SyscallOf(k.Number()).roles[l.role].shape == Shape::kOutBuffer) {
      kpa.args[l.arg].words[l.w] = kZero;
      k.Note("a word of the file goes to the record");
    } else {
      const Value value = Truncated(k, kpa.args[l.arg].words[l.w], l.n - 8 * l.w);
      if (l.w < std::size(k.me().copied)) k.me().copied[l.w] = value;
      k.Note("writes {} from the record", k.ValueText(value));
      k.Fetched(l.role, 0, l.w, value, false);
    }
  }
  Pins(k).tasks[k.cur].using_ = 0;
  return k.Return(l.n);
  FUNCTION_END;
}

// vfs_write() of a file with ->write, which would read user memory.
Flow pinned_vfs_write(Kernel& k) {
  FUNCTION_BEGIN;
  STEP("pin = seccomp_pin_lookup_current((u64)(uintptr_t)buf)", kNothing);
  return k.Return(LookupCurrent(k, 0) < 0 ? Kernel::kNotServed : static_cast<Ret>(-kEINVAL));
  FUNCTION_END;
}

Ret SendCheck(Kernel&, uint16_t flags) {
  return (flags & kContinuePinned) && !(flags & kContinue) ? static_cast<Ret>(-kEINVAL) : 0;
}

Ret SendFound(Kernel& k, int target, uint16_t flags) {
  if (!(flags & kContinuePinned)) return 0;
  const uint8_t kpa = Pins(k).tasks[target].pinned_args;
  const bool own = kpa != 0 && Deref(k, kpa).notif_id == k.s->tasks[target].knotif.id;
  if (own || !k.Has(Toggle::k_fix_pinned_needs_record)) return 0;
  k.Note("no record of this notification");
  return -kEINVAL;
}

// What a record is about, for ghost state.
uint8_t RolesIn(const Kernel& k, int target, const Record& record) {
  const Nr nr = k.CallOf(target, k.CallIndex(target)).nr;
  uint8_t roles = 0;
  for (int i = 0; i < record.nr_args; ++i) {
    const int role = record.args[i].user_addr == kZero ? -1 : RoleOfArg(nr, record.args[i].arg_idx);
    roles |= role < 0 ? kAskedForNothing : static_cast<uint8_t>(1u << role);
  }
  return roles;
}

Hook SendStored(Kernel& k, int target, uint16_t flags) {
  PinState pins = Pins(k);
  if (!(flags & kContinue)) return Hook::kNotHandled;
  const uint8_t kpa = pins.tasks[target].pinned_args;
  if (kpa == 0) {
    if (flags & kContinuePinned) k.Note("no record to arm");
    return Hook::kNotHandled;
  }
  if (!(flags & kContinuePinned)) {
    k.Push<ClearLocals>(FnNumber(kFnClear)).task = static_cast<uint8_t>(target);
    return Hook::kCalled;
  }
  // Nobody but the target looks at the record, and it cannot pass notify_lock now.
  Record& record = Deref(k, kpa);
  record.live = 1;
  k.Note("record of knotif {} armed", static_cast<int>(record.notif_id));
  if (record.notif_id != k.s->tasks[target].knotif.id) {
    k.Raise(kForeign);
  } else {
    k.s->tasks[target].ghost_asked = RolesIn(k, target, record);
  }
  k.Raise(kConsumed);
  QueueClear(k, target);
  if (k.Has(Toggle::k_mutate_free_at_send)) FreeRecord(k, kpa);
  return Hook::kNotHandled;
}

Hook PushClear(Kernel& k, int task) {
  k.Push<ClearLocals>(FnNumber(kFnClear)).task = static_cast<uint8_t>(task);
  return Hook::kCalled;
}

Hook Leave(Kernel& k, uint8_t flags) {
  const bool keeps = (flags & kContinue) || Pins(k).tasks[k.cur].pinned_args == 0;
  return keeps || !k.Has(Toggle::k_fix_clear_when_left) ? Hook::kNotHandled : PushClear(k, k.cur);
}

Hook Exit(Kernel& k) { return PushClear(k, k.cur); }

void CopySeccomp(Kernel& k, int child) {
  Pins(k).tasks[child].pinned_args =
      k.Has(Toggle::k_mutate_inherit) ? Pins(k).tasks[k.cur].pinned_args : 0;
  if (Pins(k).tasks[child].pinned_args != 0) k.Raise(kInherited);
}

// seccomp_pin_clear_cb()
Hook RunTaskWork(Kernel& k, uint8_t) { return PushClear(k, k.cur); }

void ReadTaskWork(Kernel& k, uint8_t work) { Deref(k, work); }

template <PinFunction kFunction>
Hook PushFetch(Kernel& k, int role) {
  k.Push<UseLocals>(FnNumber(kFunction)).role = static_cast<uint8_t>(role);
  return Hook::kCalled;
}

Hook Deferred(Kernel& k) {
  if (Pins(k).tasks[k.cur].using_ == 0) return Hook::kNotHandled;
  k.Push(FnNumber(kFnDeferred));
  return Hook::kCalled;
}

Hook Count(Kernel& k, int role) {
  const bool may = Pins(k).tasks[k.cur].pinned_args != 0 && k.Has(Toggle::k_fix_count_from_record);
  return may ? PushFetch<kFnCount>(k, role) : Hook::kNotHandled;
}

Hook VfsWrite(Kernel& k, int role) {
  const bool may = Pins(k).tasks[k.cur].pinned_args != 0 && k.Has(Toggle::k_fix_legacy_write_fails);
  return may ? PushFetch<kFnVfsWrite>(k, role) : Hook::kNotHandled;
}

void ReturnedToUser(Kernel& k) {
  const uint8_t kpa = Pins(k).tasks[k.cur].pinned_args;
  if (k.me().ghost & kGhostPinned) k.Raise(kReturnedAfterPin);
  if (kpa != 0) {
    k.Raise(kSurvives);
    k.Note("the record of knotif {} is still attached",
           static_cast<int>(Pins(k).records[kpa - 1].notif_id));
  }
}

// Finds records that nothing points to: a leak while allocated, room for others once freed.
void AfterStep(Kernel& k) {
  PinState pins = Pins(k);
  // Without a record nobody has a pointer to one.
  const bool any = std::any_of(pins.records.data(), pins.records.data() + pins.record_count,
                               [](const Record& record) { return record.life != kFree; });
  uint32_t reachable = 0;
  uint32_t dangling = 0;
  for (size_t t = 0; t < k.p.tasks.size(); ++t) {
    const Task& task = k.s->tasks[t];
    PinTask& pin = pins.tasks[t];
    if (!task.knotif.listed) pin.pin_in_progress = 0;
    if (!any) continue;
    dangling |= 1u << pin.using_;
    // The task_struct of a dead task is gone, and with it its pointers.
    if (task.status == kDead) pin.pinned_args = pin.using_ = 0;
    reachable |= 1u << pin.pinned_args | 1u << pin.building | 1u << pin.clearing;
    for (int i = 0; i < 2; ++i) {
      dangling |= 1u << task.task_works[i] | 1u << task.running_works[i];
    }
  }
  for (size_t i = 0; i < pins.record_count && any; ++i) {
    Record& record = pins.records[i];
    const uint32_t bit = 1u << (i + 1);
    if (record.life == kAllocated && !(reachable & bit)) {
      k.Raise(Event::kLeak);
      k.Note("the pin record of knotif {} is leaked", static_cast<int>(record.notif_id));
      record = Record{};
      record.life = kLeaked;
    }
    if (record.life != kFree && record.life != kAllocated && !((reachable | dangling) & bit)) {
      record = Record{};
    }
  }
}

// How many arguments one request of the program pins at most.
size_t DescriptorsOf(const Program& p) {
  size_t descriptors = 0;
  for (const auto& pins : p.policy_pins) descriptors = std::max(descriptors, pins.size());
  for (const TaskInfo& info : p.tasks) {
    for (const Op& op : info.ops) descriptors = std::max(descriptors, op.descriptors.size());
  }
  return descriptors;
}

void StateBytes(const Program& p, size_t* task_bytes, size_t* bytes) {
  *task_bytes = sizeof(PinTask);
  *bytes = static_cast<size_t>(RecordsOf(p)) * sizeof(Record);
}

#include "model/state/rows.h"
void ListTaskFields(const FieldContext& c, const std::string& prefix, size_t at,
                    FieldList& fields) {
  using Struct = PinTask;
#include "model/proposals/pin_args_task.def"
}

void ListPinnedArg(const FieldContext& c, const std::string& prefix, size_t at, FieldList& fields) {
  using Struct = PinnedArg;
#include "model/proposals/pin_args_arg.def"
}

void ListRecord(const FieldContext& c, const std::string& prefix, size_t at, FieldList& fields) {
  using Struct = Record;
#include "model/proposals/pin_args_record.def"
}

void ListFields(const FieldContext& c, size_t at, FieldList& fields) {
  if (DescriptorsOf(c.program) == 0) return;
  for (int r = 0; r < RecordsOf(c.program); ++r) {
    ListRecord(c, absl::StrCat("record", r + 1, "."), at + static_cast<size_t>(r) * sizeof(Record),
               fields);
  }
}

#include "model/state/end.h"

// Records by the order in which pointers to them are met; those that nothing points to are free.
void Renumber(const Program& p, State* s) {
  PinState pins = Pins(*s);
  uint8_t number[kRecords + 1] = {};
  uint8_t next = 0;
  bool moved = false;
  const auto meet = [&](uint8_t& pointer) {
    if (pointer == 0) return;
    if (number[pointer] == 0) number[pointer] = ++next;
    moved |= number[pointer] != pointer;
    pointer = number[pointer];
  };
  for (size_t t = 0; t < p.tasks.size(); ++t) {
    meet(pins.tasks[t].pinned_args);
    meet(pins.tasks[t].building);
    meet(pins.tasks[t].clearing);
    meet(pins.tasks[t].using_);
    for (uint8_t& work : s->tasks[t].task_works) meet(work);
    for (uint8_t& work : s->tasks[t].running_works) meet(work);
  }
  if (!moved) return;
  Record old[kRecords];
  const size_t bytes = pins.record_count * sizeof(Record);
  std::memcpy(old, pins.records.data(), bytes);
  for (size_t i = 0; i < pins.record_count; ++i) {
    if (number[i + 1] == 0 && old[i].life != kFree) number[i + 1] = ++next;
  }
  std::memset(pins.records.data(), 0, bytes);
  for (size_t i = 0; i < pins.record_count; ++i) {
    if (number[i + 1] != 0) pins.records[number[i + 1] - 1u] = old[i];
  }
}

bool DescriptorFor(Shape shape, uint32_t bytes, Descriptor* descriptor) {
  switch (shape) {
    case Shape::kPath:
    case Shape::kString:
      descriptor->kind = kCstring;
      descriptor->max_bytes = 4096;
      return true;
    case Shape::kSockaddr:
    case Shape::kBuffer:
      descriptor->kind = kFixed;
      descriptor->max_bytes = bytes;
      return true;
    case Shape::kStrings:
      descriptor->kind = kCstringArray;
      descriptor->max_bytes = 4096;
      return true;
    case Shape::kOutBuffer:
      return false;
  }
  return false;
}

// RECV, PIN_ARGS for every argument that the policy looks at, decide by what was read back, SEND
// with CONTINUE_PINNED. What to do on EEXIST is not said anywhere: the reactions are the choices.
std::vector<Op> PolicyScript(const Reactions& reactions, std::string* error) {
  std::string on_eexist = "deny";
  for (const auto& [name, action] : reactions) {
    const bool known =
        action == "deny" || action == "read and continue" || action == "read and continue pinned";
    if (name != "EEXIST" || !known) {
      *error = "'on EEXIST: ' and one of: deny, read and continue, read and continue pinned";
      return {};
    }
    on_eexist = action;
  }
  ScriptBuilder b;
  b.Label("next");
  b.Add(OpCode::kRecv, "ioctl(RECV)");
  b.JumpIfError(kEBADF, "end");
  b.JumpIfError(0, "next");
  b.JumpIfNothing("registers");
  b.Add(OpCode::kVerb, "ioctl(PIN_ARGS)");
  b.JumpIfError(kENOENT, "next");
  b.JumpIfError(kEEXIST, "eexist");
  b.JumpIfError(0, "deny");
  b.Decide("deny");
  b.Send(kContinue | kContinuePinned, 0, "ioctl(SEND, CONTINUE|CONTINUE_PINNED)");
  b.Jump("next");
  b.Label("registers");
  b.Decide("deny");
  b.Send(kContinue, 0, "ioctl(SEND, CONTINUE)");
  b.Jump("next");
  b.Label("eexist");
  if (on_eexist != "deny") {
    b.Add(OpCode::kReadArgs, "reads the arguments");
    b.JumpIfError(0, "deny");
    b.Decide("deny");
    if (on_eexist == "read and continue") {
      b.Send(kContinue, 0, "ioctl(SEND, CONTINUE)");
    } else {
      b.Send(kContinue | kContinuePinned, 0, "ioctl(SEND, CONTINUE|CONTINUE_PINNED)");
      b.JumpIfError(kEINVAL, "deny");
    }
    b.Jump("next");
  }
  b.Label("deny");
  b.Send(0, kPolicyError, "ioctl(SEND, error)");
  b.Jump("next");
  b.Label("end");
  b.Add(OpCode::kEnd, "ends");
  return b.Finish();
}

// A look is a PIN_ARGS that succeeded. Whatever else happens, the supervisor allows what it saw
// with CONTINUE_PINNED only; a call whose arguments the policy does not look at needs no record.
std::vector<Op> GeneralPolicyScript(int targets) {
  return HonestChoices({.look = OpCode::kVerb,
                        .look_text = "ioctl(PIN_ARGS)",
                        .protect = kContinue | kContinuePinned,
                        .protect_text = "ioctl(SEND, CONTINUE|CONTINUE_PINNED)"},
                       targets);
}

const Proposal kPinArgsProposal = [] {
  Proposal p;
  p.name = "pin_args";
  p.revision = "v1, 2026-05-04";
  p.source = "20260504011207.539408-2-xiyou.wangcong@gmail.com";
  p.not_covered =
      "sendto, recvfrom, io_uring and aio callers of import_ubuf; compat tasks; LOOKUP_EMPTY; "
      "audit";
  p.functions = {
      {"seccomp_notif_pin_args", "kernel/seccomp.c", sizeof(PinArgsLocals), seccomp_notif_pin_args,
       ".iT."},
      {"seccomp_pin_args_walk", "kernel/seccomp_pin.c", sizeof(WalkLocals), seccomp_pin_args_walk,
       ".t..."},
      {"pin_one_fixed", "kernel/seccomp_pin.c", sizeof(FixedLocals), pin_one_fixed, "t...."},
      {"pin_one_cstring", "kernel/seccomp_pin.c", sizeof(FixedLocals), pin_one_cstring, "t...."},
      {"pin_one_cstring_array", "kernel/seccomp_pin.c", sizeof(ArrayLocals), pin_one_cstring_array,
       "t............"},
      {"seccomp_clear_pinned_args", "kernel/seccomp_pin.c", sizeof(ClearLocals),
       seccomp_clear_pinned_args, "t"},
      {"getname_flags", "fs/namei.c", sizeof(UseLocals), pinned_getname_flags, "...."},
      {"copy_strings_from_pin", "fs/exec.c", sizeof(UseLocals), copy_strings_from_pin, "...."},
      {"move_addr_to_kernel", "net/socket.c", sizeof(UseLocals), pinned_move_addr_to_kernel,
       "...."},
      {"import_ubuf", "lib/iov_iter.c", sizeof(UseLocals), pinned_import_ubuf, "...."},
      {"count", "fs/exec.c", sizeof(UseLocals), pinned_count, "...."},
      {"vfs_write", "fs/read_write.c", sizeof(UseLocals), pinned_vfs_write, "...."},
      {"deferred_copy_from_iter", "fs/direct-io.c", 0, deferred_copy_from_iter, ""},
  };
  p.verbs = {{"pin", kFnPinArgs, {"fixed", "cstring", "cstrings"}}};
  p.send_flags = {{"pinned", kContinuePinned}};
  p.descriptor_for = DescriptorFor;
  p.policy_script = PolicyScript;
  p.general_policy_script = GeneralPolicyScript;
  p.send_check = SendCheck;
  p.send_found = SendFound;
  p.send_stored = SendStored;
  p.detach = PushClear;
  p.leave = Leave;
  p.exit = Exit;
  p.copy_seccomp = CopySeccomp;
  p.run_task_work = RunTaskWork;
  p.read_task_work = ReadTaskWork;
  p.getname_flags = PushFetch<kFnGetname>;
  p.count = Count;
  p.copy_strings = PushFetch<kFnCopyStrings>;
  p.move_addr_to_kernel = PushFetch<kFnMoveAddr>;
  p.import_ubuf = PushFetch<kFnImportUbuf>;
  p.vfs_write = VfsWrite;
  p.deferred = Deferred;
  p.returned_to_user = ReturnedToUser;
  p.after_step = AfterStep;
  p.state_bytes = StateBytes;
  p.list_task_fields = ListTaskFields;
  p.list_fields = ListFields;
  p.limits = Limits;
  p.renumber = Renumber;
  return p;
}();

KNOT_REGISTER_PROPOSAL(pin_args, kPinArgsProposal);

constexpr char kCommit[] = "PIN_ARGS v1 1/3, commit message";
constexpr char kDocument[] = "PIN_ARGS v1 3/3, seccomp_filter.rst, \"Pinned arguments\"";

KNOT_REGISTER_PROPERTY(
    single_shot,
    {.name = "single-shot",
     .sentence = "a record serves the call of the notification that it was made for, and no other",
     .source = std::string(kDocument) +
               ": \"Subsequent traps require a fresh PIN_ARGS for the new notification id\"",
     .broken_by = Bit(kForeign),
     .witness = Bit(kConsumed),
     .proposal = "pin_args"});

KNOT_REGISTER_PROPERTY(
    dies_with_call,
    {.name = "dies-with-call",
     .sentence = "no record is attached to a task that has returned to user mode",
     .source =
         "PIN_ARGS v1 1/3, struct seccomp: \"NULL except during a PIN_ARGS window ... freed at "
         "syscall exit, listener release, or task exit\"",
     .broken_by = Bit(kSurvives),
     .witness = Bit(kReturnedAfterPin),
     .proposal = "pin_args"});

KNOT_REGISTER_PROPERTY(
    fresh_pin, {.name = "fresh-pin",
                .sentence = "PIN_ARGS does not say EEXIST for a notification that was never pinned",
                .source = std::string(kDocument) +
                          ": \"a fresh PIN_ARGS for the new notification id\"; 2/3, "
                          "pin_args_double_pin: \"Two PIN_ARGS calls for the same notif id\"",
                .broken_by = Bit(kFreshEexist),
                .witness = Bit(kPinAsked),
                .proposal = "pin_args"});

KNOT_REGISTER_PROPERTY(
    pin_budget,
    {.name = "pin-budget",
     .sentence = "one request pins at most 1 MiB in all",
     .source = std::string(kCommit) +
               ": \"total cumulative bytes per request are bounded at a hardcoded 1 MiB\"",
     .broken_by = Bit(kOverBudget),
     .witness = Bit(kBudgetChecked),
     .proposal = "pin_args"});

KNOT_REGISTER_PROPERTY(
    charge, {.name = "charge",
             .sentence = "the trapped task's memory cgroup pays for its record",
             .source = std::string(kCommit) +
                       ": \"tagged GFP_KERNEL_ACCOUNT so the trapped task's memcg pays the cost\"",
             .broken_by = Bit(kChargedToCaller),
             .witness = Bit(Event::kAllocated),
             .proposal = "pin_args",
             .on_request = true});

KNOT_REGISTER_PROPERTY(
    truncated_flag,
    {.name = "truncated-flag",
     .sentence = "`truncated` is set when and only when something was cut off",
     .source = std::string(kDocument) +
               ": \"if the cap was hit before the source NUL, truncated carries ...\"",
     .broken_by = Bit(kTruncatedFalse) | Bit(kTruncatedMissing),
     .witness = Bit(kPinCopied),
     .proposal = "pin_args"});

KNOT_REGISTER_PROPERTY(not_inherited,
                       {.name = "not-inherited",
                        .sentence = "a cloned task begins without a record",
                        .source = "PIN_ARGS v1 1/3, copy_seccomp(): \"Don't inherit it\"",
                        .broken_by = Bit(kInherited),
                        .witness = Bit(Event::kForked),
                        .proposal = "pin_args"});

}  // namespace
}  // namespace knotcheck::model
