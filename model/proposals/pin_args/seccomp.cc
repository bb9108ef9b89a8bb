// SPDX-License-Identifier: Apache-2.0
//
// kernel/seccomp.c as PIN_ARGS v1 patches it: the ioctl, SEND, and the ends of a record.

#include <algorithm>

#include "model/ghost/knowledge.h"
#include "model/proposals/pin_args/room.h"

namespace knotcheck::model::pin_args {

namespace {

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
                       AsksForEmptyPath(call.nr, call.scalars[0],
                                        call.scalars[static_cast<size_t>(role.length_arg)]);
    if (peeks) return false;
  }
  return d.kind == kind && kind != kCstringArray;
}

// What phase A copied can refuse a request, if a fix looks at it.
Ret CheckAgainstCall(const Kernel& k, int task, uint8_t call) {
  if (PinsAddressTwice(k, task, call) && k.Has(Fix::address_pinned_once)) return -kEINVAL;
  for (const Descriptor& d : Descriptors(k)) {
    if (!IsPinnable(k.CallOf(task, call), d) && k.Has(Fix::pinnable_only)) return -kEINVAL;
  }
  return 0;
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

}  // namespace

// seccomp_pin_queue_clear()
void QueueClear(Kernel& k, int target) {
  const uint8_t kpa = Pins(k).tasks[target].pinned_args;
  Record& record = Deref(k, kpa);
  if (record.clear_queued || k.Has(Mutation::no_clear)) return;
  uint8_t* works = k.s->tasks[target].task_works;
  KNOT_CHECK(works[1] == 0);
  works[1] = works[0];
  works[0] = kpa;
  record.clear_queued = 1;
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
    if (BufSize(uargs) > kMaxTotalBytes) return k.Return(-kE2BIG);
    uint64_t total = 0;
    for (const Descriptor& d : descriptors) {
      if (d.arg >= 6) return k.Return(-kEINVAL);
      if (d.kind > kCstringArray) return k.Return(-kEINVAL);
      if (d.max_bytes == 0) return k.Return(-kEINVAL);
      if (d.max_bytes > kMaxTotalBytes && !k.Has(Mutation::no_cap)) {
        return k.Return(-kE2BIG);
      }
      total += d.max_bytes;
    }
    // user_buf = (void __user *)(uintptr_t)kargs.buf
    if (BufSize(uargs) != 0 && (uargs.options & kBuffersNull)) return k.Return(-kEINVAL);
    for (size_t i = 0; i < descriptors.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (descriptors[i].arg != descriptors[j].arg) continue;
        if (k.Has(Fix::argument_pinned_once)) return k.Return(-kEINVAL);
      }
    }
    k.Raise(kBudgetChecked);
    if (total > kMaxTotalBytes) {
      if (k.Has(Fix::budget_checked)) return k.Return(-kE2BIG);
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
    l.call_mm = k.MmOf(task);
  }
  STEP("mutex_unlock(&filter->notify_lock)", kUnlocks);
  k.Unlock();
  if (k.me().ghost_id != l.id) ghost::ForgetSeen(k);
  k.me().ghost_id = l.id;
  CALL({
    const PinArgsLocals from = l;
    auto& callee = k.Push<WalkLocals>(FnNumber(kFnWalk));
    callee.id = from.id;
    callee.task = static_cast<uint8_t>(from.task - 1);
    callee.call = from.call;
    callee.call_mm = from.call_mm;
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
      if (k.Has(Fix::clear_queued_at_attach)) QueueClear(k, task);
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

Ret SendCheck(Kernel&, uint16_t flags) {
  return (flags & kContinuePinned) && !(flags & kContinue) ? static_cast<Ret>(-kEINVAL) : 0;
}

Ret SendFound(Kernel& k, int target, uint16_t flags) {
  if (!(flags & kContinuePinned)) return 0;
  const uint8_t kpa = Pins(k).tasks[target].pinned_args;
  const bool own = kpa != 0 && Deref(k, kpa).notif_id == k.s->tasks[target].knotif.id;
  if (own || !k.Has(Fix::pinned_needs_record)) return 0;
  k.Note("no record of this notification");
  return -kEINVAL;
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
  if (k.Has(Mutation::free_at_send)) FreeRecord(k, kpa);
  return Hook::kNotHandled;
}

Hook PushClear(Kernel& k, int task) {
  k.Push<ClearLocals>(FnNumber(kFnClear)).task = static_cast<uint8_t>(task);
  return Hook::kCalled;
}

Hook Leave(Kernel& k, uint8_t flags) {
  const bool keeps = (flags & kContinue) || Pins(k).tasks[k.cur].pinned_args == 0;
  return keeps || !k.Has(Fix::clear_when_left) ? Hook::kNotHandled : PushClear(k, k.cur);
}

Hook Exit(Kernel& k) {
  return k.Has(Mutation::no_exit_clear) ? Hook::kNotHandled : PushClear(k, k.cur);
}

void CopySeccomp(Kernel& k, int child) {
  Pins(k).tasks[child].pinned_args =
      k.Has(Mutation::inherit) ? Pins(k).tasks[k.cur].pinned_args : 0;
  if (Pins(k).tasks[child].pinned_args != 0) k.Raise(kInherited);
}

// seccomp_pin_clear_cb()
Hook RunTaskWork(Kernel& k, uint8_t) { return PushClear(k, k.cur); }

void ReadTaskWork(Kernel& k, uint8_t work) { Deref(k, work); }

void ReturnedToUser(Kernel& k) {
  const uint8_t kpa = Pins(k).tasks[k.cur].pinned_args;
  if (k.me().ghost & kGhostPinned) k.Raise(kReturnedAfterPin);
  if (kpa != 0) {
    k.Raise(kSurvives);
    k.Note("the record of knotif {} is still attached",
           static_cast<int>(Pins(k).records[kpa - 1].notif_id));
  }
}

}  // namespace knotcheck::model::pin_args
