// SPDX-License-Identifier: Apache-2.0
//
// kernel/seccomp.c: the notifier. The list notif->notifications is ordered by id, as list_add_tail
// leaves it, so it is a bit a knotif.

#include <algorithm>
#include <iterator>
#include <utility>

#include "model/kernel/kernel.h"
#include "model/kernel/locals.h"
#include "model/kernel/toggles.h"

namespace knotcheck::model {
namespace {

bool should_sleep_killable(const Kernel& k, const Knotif& n) {
  if (!k.p.wait_killable || k.Has(Variant::no_wait_killable)) return false;
  if (k.Has(Variant::wait_killable_fast_reply)) return n.state == kSent;
  return n.state >= kSent;
}

// The first notification in the list's order that satisfies `wanted`, or -1.
template <class Wanted>
int FirstListed(const Kernel& k, Wanted&& wanted) {
  int first = -1;
  for (size_t t = 0; t < k.p.tasks.size(); ++t) {
    const Knotif& n = k.s->tasks[t].knotif;
    if (!n.listed || !wanted(n)) continue;
    const bool before =
        first < 0 || (k.Has(Variant::lifo_notifications) ? n.id > k.s->tasks[first].knotif.id
                                                         : n.id < k.s->tasks[first].knotif.id);
    if (before) first = static_cast<int>(t);
  }
  return first;
}

int FirstInit(const Kernel& k) {
  return FirstListed(k, [](const Knotif& n) { return n.state == kInit; });
}

// Whether RECV's EFAULT path puts this notification back to INIT.
bool PutsBack(const Kernel& k, int target) {
  if (target < 0) return false;
  return k.s->tasks[target].knotif.state == kSent || !k.Has(Fix::recv_efault_keeps_reply);
}

// What detaching has not answered yet.
int FirstUnanswered(const Kernel& k) {
  return FirstListed(k, [](const Knotif& n) { return n.state != kReplied; });
}

// list_first_entry_or_null(&n.addfd), unlinked.
int PopAddfd(Knotif& n) {
  const int task = n.addfd[0] - 1;
  n.addfd[0] = n.addfd[1];
  n.addfd[1] = 0;
  return task;
}

// up(&filter->notif->request): of those that sleep, only RECV does so on the semaphore.
void WakeReceivers(Kernel& k) {
  for (size_t t = 0; t < k.p.tasks.size(); ++t) {
    Task& task = k.s->tasks[t];
    for (const Frame& frame : task.frames) {
      if (frame.function != static_cast<uint8_t>(Fn::k_recv_wait_event)) continue;
      task.flags &= static_cast<uint8_t>(~kOnWqh);
    }
  }
}

void AcceptReply(Kernel& k, int target, bool by_addfd) {
  Task& t = k.s->tasks[target];
  k.Raise(Event::kReplyAccepted);
  if (t.ghost & kGhostReplied) k.Raise(Event::kReplyTwice);
  t.ghost |= kGhostReplied;
  t.ghost |= by_addfd ? kGhostAddfdReply : kGhostReplyKept;
}

// The caller of an ADDFD|SEND, which is not on the list any more, is told that nothing was sent.
void TakeBackReply(Kernel& k, int target) {
  Task& t = k.s->tasks[target];
  const bool other =
      std::any_of(std::begin(t.knotif.addfd), std::end(t.knotif.addfd), [&k](uint8_t addfd) {
        return addfd != 0 &&
               (k.p.tasks[addfd - 1u].ops[k.s->tasks[addfd - 1].op].options & kAddfdSend) != 0;
      });
  if (!other && !(t.ghost & kGhostReplyKept)) t.ghost &= static_cast<uint8_t>(~kGhostReplied);
}

// The supervisor said CONTINUE: from now on what it knows is what the call may act on, and its
// descriptors, whose numbers came with RECV, are what it means them to be.
void Approve(Kernel& k, int target, const Op& op) {
  Task& t = k.s->tasks[target];
  t.ghost |= kGhostApproved;
  const bool protect = (op.flags & ~1) != 0;
  if (protect) t.ghost |= kGhostProtected;
  const Kernel::Known known = k.KnownBy(k.cur, target, protect);
  t.ghost_roles = known.roles;
  t.ghost_asked = 0;
  std::copy_n(known.words, kMaxSeen, t.seen);
  const Op& call = k.CallOf(target, k.CallIndex(target));
  const Syscall& syscall = SyscallOf(call.nr);
  const bool has_memory =
      std::any_of(syscall.roles.begin(), syscall.roles.end(), [&](const Role& role) {
        return role.parent < 0 && k.p.values[call.pointers[role.arg]].object >= 0;
      });
  if (has_memory) k.Raise(Event::kContinueMemory);
  if (known.roles == 0 && has_memory) {
    k.Raise(Event::kContinueBlind);
    k.Note("approves no memory: the supervisor has seen none");
  }
  for (size_t i = 0; i < syscall.fds.size(); ++i) {
    const int fd = call.scalars[syscall.fds[i].arg];
    const uint8_t file = fd >= 0 && fd < kMaxFds ? k.s->files[t.files][fd] : 0;
    t.ghost_file[i] = static_cast<uint8_t>(1 + (file == kReserved ? 0 : file));
  }
}

}  // namespace

Flow seccomp_handle_addfd(Kernel& k) {
  auto& l = k.Locals<HandleAddfdLocals>();
  FUNCTION_BEGIN;
  // list_del_init(&addfd->list), under notify_lock
  l.addfd = static_cast<uint8_t>(PopAddfd(k.me().knotif));
  k.s->tasks[l.addfd].kaddfd.listed = 0;
  STEP("fd = receive_fd(addfd->file, NULL, addfd->flags)", kFiles | kChains);
  {
    const Op& request = k.p.tasks[l.addfd].ops[k.s->tasks[l.addfd].op];
    FilesTable& files = k.s->files[k.me().files];
    const int limit = k.p.nofile[k.me().files];
    l.fd = -kEMFILE;
    if (request.options & kAddfdSetfd) {
      l.fd = request.val < limit ? static_cast<int8_t>(request.val) : -kEBADF;
      if (l.fd >= 0 && files[l.fd] == kReserved) l.fd = -kEBUSY;
    } else {
      for (int i = 0; i < limit; ++i) {
        if (files[i] == kNoFile) {
          l.fd = static_cast<int8_t>(i);
          break;
        }
      }
    }
    if (l.fd >= 0) {
      k.FileClosed(std::exchange(files[l.fd], uint8_t{kGiven}));
      k.Raise(Event::kInstalled);
      k.me().ghost |= kGhostInstalled;
      k.Note("fd {} installed in {}", static_cast<int>(l.fd), k.info().name);
    } else {
      k.Note("receive_fd() = {}", RetName(l.fd));
    }
    k.s->tasks[l.addfd].kaddfd.ret = l.fd;
    Knotif& n = k.me().knotif;
    if (request.options & kAddfdSend) {
      if (l.fd < 0) {
        n.state = kSent;
        k.me().ghost &= static_cast<uint8_t>(~kGhostAddfdReply);
        TakeBackReply(k, k.cur);
      } else {
        k.me().ghost_file[0] = static_cast<uint8_t>(l.fd + 1);
        k.me().ghost |= kGhostReplyKept;
        n.flags = 0;
        n.error = 0;
        n.val = k.Has(Mutation::addfd_false_fd) ? 1 : l.fd;
      }
    }
  }
  STEP("complete(&addfd->completion)", kCompletes | kFatal);
  k.CompleteAddfd(l.addfd);
  return k.Return(0);
  FUNCTION_END;
}

Flow seccomp_do_user_notification(Kernel& k) {
  auto& l = k.Locals<UserNotificationLocals>();
  Knotif& n = k.me().knotif;
  FUNCTION_BEGIN;
  STEP("mutex_lock(&match->notify_lock)", kLocks);
  if (!k.TryLock()) return Flow::kBlocked;
  l.err = -kENOSYS;
  if (!k.filter().notif) {
    k.Note("match->notif == NULL: -ENOSYS");
    goto out;
  }
  n.state = kInit;
  n.id = k.filter().next_id++;
  n.listed = 1;
  k.me().ghost_id = n.id;
  k.Raise(Event::kTrapped);
  k.Note("knotif {}: INIT", static_cast<int>(n.id));
  STEP("atomic_inc(&match->notif->requests)", kRequests);
  ++k.filter().requests;
  STEP("wake_up_poll(&match->wqh, EPOLLIN | EPOLLRDNORM)", kWakes);
  k.WakeUp();
  do {
    l.wait_killable = should_sleep_killable(k, n);
    STEP("mutex_unlock(&match->notify_lock)", kUnlocks);
    k.Unlock();
    STEP("err = wait_for_completion_interruptible(&n.ready)", kWaitsReady);
    // do_wait_for_common(): a completion wins over a signal that arrives later.
    if (n.ready > 0) {
      --n.ready;
      l.err = 0;
      k.Note("woken");
    } else if (l.wait_killable ? k.FatalSignalPending(k.cur) : k.SignalPending(k.cur)) {
      l.err = -kERESTARTSYS;
      if (k.Has(Fix::interrupted_starts_anew)) l.err = -kERESTARTNOINTR;
      k.Note("interrupted by a signal");
    } else {
      return Flow::kBlocked;
    }
    STEP("mutex_lock(&match->notify_lock)", kLocks | kFatal);
    if (!k.TryLock()) return Flow::kBlocked;
    if (l.err != 0) {
      const bool takes_reply =
          n.state == kReplied && !k.FatalSignalPending(k.cur) && k.Has(Fix::signal_takes_reply);
      if (!takes_reply && !(!l.wait_killable && should_sleep_killable(k, n))) {
        l.interrupted = 1;
        goto interrupted;
      }
      l.err = 0;
      if (k.Has(Variant::wait_killable_fast_reply)) continue;
    }
    if (k.Has(Variant::addfd_early_return) && (n.addfd[0] == 0 || n.state == kReplied)) break;
    if (n.addfd[0] != 0) {
      CALL(k.Push<HandleAddfdLocals>(Fn::k_seccomp_handle_addfd));
    }
  } while (n.state != kReplied);
  l.ret = n.val;
  l.err = n.error;
  l.flags = n.flags;
  if (k.Has(Mutation::drop_reply)) {
    l.err = -kERESTARTNOINTR;
    l.flags = 0;
    l.interrupted = 1;
    goto interrupted;
  }
  if (k.me().ghost & kGhostReplied) {
    k.Raise(Event::kReplyApplied);
    k.me().ghost &= static_cast<uint8_t>(~(kGhostReplied | kGhostReplyKept));
  }

interrupted:
  while (n.addfd[0] != 0) {
    l.addfd = static_cast<uint8_t>(PopAddfd(n) + 1);
    k.s->tasks[l.addfd - 1].kaddfd.ret = -kESRCH;
    k.s->tasks[l.addfd - 1].kaddfd.listed = 0;
    if (k.p.tasks[l.addfd - 1].ops[k.s->tasks[l.addfd - 1].op].options & kAddfdSend) {
      TakeBackReply(k, k.cur);
    }
    STEP("complete(&addfd->completion)", kCompletes | kFatal);
    k.Note("addfd->ret = -ESRCH");
    k.CompleteAddfd(l.addfd - 1);
    l.addfd = 0;
  }
  if ((k.me().ghost & kGhostReplied) && !k.FatalSignalPending(k.cur)) {
    k.Raise(Event::kReplyLost);
    k.Note("the reply that SEND had accepted is lost");
  }
  if ((k.me().ghost & kGhostInstalled) && l.interrupted && !k.FatalSignalPending(k.cur)) {
    k.Raise(Event::kInstalledLost);
    k.Note("a descriptor stays installed for a call that was interrupted");
  }
  // CONTINUE answers with no descriptor either.
  if ((k.me().ghost & kGhostAddfdReply) && !l.interrupted &&
      ((l.flags & 1) || l.err != 0 || k.me().ghost_file[0] != l.ret + 1)) {
    k.Raise(Event::kAddfdFalse);
    k.Note("returns {}, but no descriptor was installed there", static_cast<int>(l.ret));
  }
  if (k.proposal.leave != nullptr) {
    CALL_HOOK(l.hook, k.proposal.leave(k, l.flags));
  }
  // if (match->notif) list_del(&n.list); the knotif is on the stack and ends here.
  k.me().knotif = Knotif{};
  k.ForgetViews(k.cur);
  if (!(l.flags & 1)) {
    k.me().ghost &= kGhostPinned;
    k.me().ghost_roles = 0;
    k.me().ghost_asked = 0;
    std::fill(std::begin(k.me().ghost_file), std::end(k.me().ghost_file), uint8_t{0});
    for (Value& v : k.me().seen) v = kZero;
  }

out:
  STEP("mutex_unlock(&match->notify_lock)", kUnlocks);
  k.Unlock();
  if (l.flags & 1) {
    k.Note("CONTINUE");
    return k.Return(0);
  }
  // syscall_set_return_value(current, current_pt_regs(), err, ret)
  k.me().ret = l.err != 0 ? l.err : l.ret;
  return k.Return(-1);
  FUNCTION_END;
}

Flow recv_wait_event(Kernel& k) {
  auto& l = k.Locals<RecvWaitLocals>();
  FUNCTION_BEGIN;
  if (!k.Has(Variant::recv_blocks_forever)) {
    STEP("if (refcount_read(&filter->users) == 0)", kReadsUsers);
    if (k.filter().users == 0) return k.Return(0);
  }
  STEP("if (atomic_dec_if_positive(&filter->notif->requests) >= 0)", kRequests);
  if (k.filter().requests > 0) {
    --k.filter().requests;
    return k.Return(0);
  }
  while (true) {
    STEP("ret = prepare_to_wait_event(&filter->wqh, &wait, TASK_INTERRUPTIBLE)", kQueue | kSignals);
    l.ret = 0;
    k.me().flags &= static_cast<uint8_t>(~kOnWqh);
    if (k.SignalPending(k.cur)) {
      l.ret = -kERESTARTSYS;
    } else {
      k.me().flags |= kOnWqh;
    }
    STEP("if (atomic_dec_if_positive(&filter->notif->requests) >= 0)", kRequests | kQueue);
    if (k.filter().requests > 0) {
      --k.filter().requests;
      break;
    }
    if (!k.Has(Variant::recv_blocks_forever)) {
      STEP("if (refcount_read(&filter->users) == 0)", kReadsUsers | kQueue);
      if (k.filter().users == 0) break;
    }
    if (l.ret != 0) return k.Return(l.ret);
    STEP("schedule()", kSleeps);
    if ((k.me().flags & kOnWqh) && !k.SignalPending(k.cur)) return Flow::kBlocked;
  }
  // finish_wait(&filter->wqh, &wait)
  k.me().flags &= static_cast<uint8_t>(~kOnWqh);
  return k.Return(0);
  FUNCTION_END;
}

Flow seccomp_notify_recv(Kernel& k) {
  auto& l = k.Locals<RecvLocals>();
  FUNCTION_BEGIN;
  // check_zeroed_user(buf, sizeof(unotif))
  if (k.op().options & kBufNull) return k.Return(-kEFAULT);
  if ((k.op().options & kBufNotZeroed) && !k.Has(Variant::recv_garbage)) {
    return k.Return(-kEINVAL);
  }
  CALL(k.Push(Fn::k_recv_wait_event));
  if (k.ret < 0) return k.Return(k.ret);
  STEP("mutex_lock(&filter->notify_lock)", kLocks | kWakesPolls);
  if (!k.TryLock()) return Flow::kBlocked;
  {
    const int found = FirstInit(k);
    if (found < 0) {
      l.ret = -kENOENT;
    } else {
      Knotif& n = k.s->tasks[found].knotif;
      l.id = n.id;
      l.task = static_cast<uint8_t>(found + 1);
      l.call = k.CallIndex(found);
      n.state = kSent;
      k.Note("knotif {}: SENT", static_cast<int>(n.id));
      // Only a poll() that sleeps could tell this wake-up from none.
      if (k.p.polls) k.WakeUp();
    }
  }
  STEP("mutex_unlock(&filter->notify_lock)", kUnlocks);
  k.Unlock();
  if (l.ret < 0) return k.Return(l.ret);
  if (k.op().options & kBufFaults) {
    STEP("copy_to_user(buf, &unotif, sizeof(unotif))", kNothing);
    if (k.Choose(2) == 1) {
      k.Note("copy_to_user() faults");
      l.ret = -kEFAULT;
    }
  }
  if (l.ret == 0) {
    const Op& op = k.op();
    const uint8_t other = k.me().variable_id[1 - op.variable];
    if (k.me().ghost_id == k.me().variable_id[op.variable] && k.me().ghost_id != other) {
      k.ForgetSeen();  // nothing names that notification any more
    }
    k.me().variable_id[op.variable] = l.id;
    k.me().variable_task[op.variable] = l.task;
    k.me().variable_call[op.variable] = l.call;
    View* const view = op.honest ? k.ViewOf(k.cur, l.task - 1) : nullptr;
    const Knotif& given = k.s->tasks[l.task - 1].knotif;
    if (view != nullptr && given.listed && given.id == l.id) view->flags |= kViewReceived;
    return k.Return(0);
  }
  STEP("mutex_lock(&filter->notify_lock)", kLocks | kCompletes);
  if (!k.TryLock()) return Flow::kBlocked;
  if (PutsBack(k, k.FindNotification(l.id))) {
    {
      const int target = k.FindNotification(l.id);
      Knotif& n = k.s->tasks[target].knotif;
      if (should_sleep_killable(k, n)) k.CompleteReady(target);
      if (n.state == kReplied) k.Note("knotif {} was REPLIED", static_cast<int>(n.id));
      n.state = kInit;
      k.Note("knotif {}: INIT", static_cast<int>(n.id));
    }
    if (k.Has(Variant::recv_efault_no_wake)) {
      STEP("up(&filter->notif->request)", kRequests | kWakes);
      ++k.filter().requests;
      WakeReceivers(k);
    } else {
      STEP("atomic_inc(&filter->notif->requests)", kRequests);
      ++k.filter().requests;
      STEP("wake_up_poll(&filter->wqh, EPOLLIN | EPOLLRDNORM)", kWakes);
      k.WakeUp();
    }
  }
  STEP("mutex_unlock(&filter->notify_lock)", kUnlocks);
  k.Unlock();
  return k.Return(-kEFAULT);
  FUNCTION_END;
}

Flow seccomp_notify_send(Kernel& k) {
  auto& l = k.Locals<SendLocals>();
  FUNCTION_BEGIN;
  {
    const Op& resp = k.op();
    // copy_from_user(&resp, buf, sizeof(resp))
    if (resp.options & kBufNull) return k.Return(-kEFAULT);
    if (k.Has(Variant::no_continue) && resp.flags != 0) return k.Return(-kEINVAL);
    uint16_t known = 1;
    for (const SendFlag& flag : k.proposal.send_flags) known |= flag.bit;
    if (resp.flags & ~known) return k.Return(-kEINVAL);
    if ((resp.flags & 1) && (resp.error != 0 || resp.val != 0)) return k.Return(-kEINVAL);
    if (k.proposal.send_check != nullptr) {
      const Ret ret = k.proposal.send_check(k, resp.flags);
      if (ret < 0) return k.Return(ret);
    }
  }
  STEP("ret = mutex_lock_interruptible(&filter->notify_lock)", kLocksInterruptibly | kTargetFiles);
  // A lock that is free is taken whatever signal waits.
  if (!k.TryLock()) {
    if (k.SignalPending(k.cur)) return k.Return(-kEINTR);
    return Flow::kBlocked;
  }
  {
    const Op& resp = k.op();
    const int id = k.me().variable_id[resp.variable];
    const int target = k.FindNotification(id);
    if (target < 0) {
      k.Note("no knotif {}", id);
      l.ret = k.Has(Mutation::wrong_errno) ? -kEBUSY : -kENOENT;
      goto out;
    }
    Knotif& n = k.s->tasks[target].knotif;
    if (n.state != kSent && !k.Has(Mutation::reply_twice)) {
      l.ret = -kEINPROGRESS;
      if (k.Has(Mutation::skip_unlock)) return k.Return(l.ret);
      goto out;
    }
    if (k.proposal.send_found != nullptr) {
      l.ret = k.proposal.send_found(k, target, resp.flags);
      if (l.ret < 0) goto out;
    }
    n.state = kReplied;
    n.error = static_cast<int8_t>(resp.error);
    n.val = static_cast<int8_t>(resp.val);
    n.flags = static_cast<uint8_t>(resp.flags);
    l.target = static_cast<uint8_t>(target + 1);
    k.Note("knotif {}: REPLIED", static_cast<int>(n.id));
    AcceptReply(k, target, false);
    if (resp.flags & 1) Approve(k, target, resp);
    if (k.AnsweredForGood(target)) k.ForgetViews(target);
  }
  if (k.proposal.send_stored != nullptr) {
    CALL_HOOK(l.hook, k.proposal.send_stored(k, l.target - 1, k.op().flags));
  }
  if (!k.Has(Mutation::no_complete)) {
    STEP("complete(&knotif->ready)", kCompletes);
    k.CompleteReady(l.target - 1);
  }
out:
  STEP("mutex_unlock(&filter->notify_lock)", kUnlocks);
  k.Unlock();
  return k.Return(l.ret);
  FUNCTION_END;
}

Flow seccomp_notify_id_valid(Kernel& k) {
  auto& l = k.Locals<IdValidLocals>();
  FUNCTION_BEGIN;
  // seccomp_notify_ioctl() does not know the number.
  if (k.Has(Variant::id_valid_dir)) return k.Return(-kEINVAL);
  if (k.op().options & kBufNull) return k.Return(-kEFAULT);
  STEP("ret = mutex_lock_interruptible(&filter->notify_lock)", kLocksInterruptibly);
  // A lock that is free is taken whatever signal waits.
  if (!k.TryLock()) {
    if (k.SignalPending(k.cur)) return k.Return(-kEINTR);
    return Flow::kBlocked;
  }
  if (k.Has(Mutation::lock_twice)) static_cast<void>(k.TryLock());
  {
    const int target = k.FindNotification(k.me().variable_id[k.op().variable]);
    l.ret = target >= 0 && k.s->tasks[target].knotif.state == kSent ? 0 : -kENOENT;
  }
  STEP("mutex_unlock(&filter->notify_lock)", kUnlocks);
  k.Unlock();
  return k.Return(l.ret);
  FUNCTION_END;
}

Flow seccomp_notify_set_flags(Kernel& k) {
  FUNCTION_BEGIN;
  // seccomp_notify_ioctl() does not know the number.
  if (k.Has(Variant::no_set_flags)) return k.Return(-kEINVAL);
  if (k.op().flags & ~1) return k.Return(-kEINVAL);
  STEP("ret = mutex_lock_interruptible(&filter->notify_lock)", kLocksInterruptibly);
  // A lock that is free is taken whatever signal waits.
  if (!k.TryLock()) {
    if (k.SignalPending(k.cur)) return k.Return(-kEINTR);
    return Flow::kBlocked;
  }
  k.filter().flags = static_cast<uint8_t>(k.op().flags);
  STEP("mutex_unlock(&filter->notify_lock)", kUnlocks);
  k.Unlock();
  return k.Return(0);
  FUNCTION_END;
}

Flow seccomp_notify_addfd(Kernel& k) {
  auto& l = k.Locals<AddfdLocals>();
  FUNCTION_BEGIN;
  {
    const Op& addfd = k.op();
    // seccomp_notify_ioctl() does not know the number.
    if (k.Has(Variant::no_addfd)) return k.Return(-kEINVAL);
    // copy_struct_from_user(&addfd, sizeof(addfd), uaddfd, size)
    if (addfd.options & kBufNull) return k.Return(-kEFAULT);
    if (addfd.options & kBadFlags) return k.Return(-kEINVAL);
    if ((addfd.options & kAddfdSend) && k.Has(Variant::addfd_not_atomic)) {
      return k.Return(-kEINVAL);
    }
    if (addfd.val != 0 && !(addfd.options & kAddfdSetfd)) return k.Return(-kEINVAL);
    // kaddfd.file = fget(addfd.srcfd)
    if (addfd.options & kBadSrcfd) return k.Return(-kEBADF);
  }
  k.me().kaddfd = Kaddfd{};
  STEP("ret = mutex_lock_interruptible(&filter->notify_lock)", kLocksInterruptibly);
  // A lock that is free is taken whatever signal waits.
  if (!k.TryLock()) {
    if (k.SignalPending(k.cur)) return k.Return(-kEINTR);
    return Flow::kBlocked;
  }
  {
    const Op& addfd = k.op();
    const int target = k.FindNotification(k.me().variable_id[addfd.variable]);
    if (target < 0) {
      l.ret = -kENOENT;
      goto out_unlock;
    }
    Knotif& n = k.s->tasks[target].knotif;
    if (n.state != kSent) {
      l.ret = -kEINPROGRESS;
      goto out_unlock;
    }
    l.target = static_cast<uint8_t>(target + 1);
    if (addfd.options & kAddfdSend) {
      if (n.addfd[0] != 0) {
        l.ret = -kEBUSY;
        goto out_unlock;
      }
      n.state = kReplied;
      AcceptReply(k, target, true);
      k.Note("knotif {}: REPLIED", static_cast<int>(n.id));
    }
    // list_add(&kaddfd.list, &knotif->addfd): at the head
    KNOT_CHECK(n.addfd[1] == 0);
    n.addfd[1] = n.addfd[0];
    n.addfd[0] = static_cast<uint8_t>(k.cur + 1);
    k.me().kaddfd.listed = 1;
  }
  STEP("complete(&knotif->ready)", kCompletes);
  k.CompleteReady(l.target - 1);
  STEP("mutex_unlock(&filter->notify_lock)", kUnlocks);
  k.Unlock();
  STEP("ret = wait_for_completion_interruptible(&kaddfd.completion)", kWaitsAddfd);
  if (k.me().kaddfd.done) {
    l.ret = k.me().kaddfd.ret;
    k.me().kaddfd = Kaddfd{};
    return k.Return(l.ret);
  }
  if (!k.SignalPending(k.cur)) return Flow::kBlocked;
  k.Note("interrupted by a signal");
  STEP("mutex_lock(&filter->notify_lock)", kLocks);
  if (!k.TryLock()) return Flow::kBlocked;
  if (!k.me().kaddfd.listed) {
    l.ret = k.me().kaddfd.ret;
  } else {
    l.ret = -kERESTARTSYS;
    Task& t = k.s->tasks[l.target - 1];
    if (t.knotif.addfd[0] == k.cur + 1) t.knotif.addfd[0] = t.knotif.addfd[1];
    t.knotif.addfd[1] = 0;
    if (k.op().options & kAddfdSend) {
      TakeBackReply(k, l.target - 1);
      if (!k.Has(Variant::addfd_send_interrupted)) {
        t.knotif.state = kSent;
        t.ghost &= static_cast<uint8_t>(~kGhostAddfdReply);
        k.Note("knotif {}: SENT", static_cast<int>(t.knotif.id));
      }
    }
  }

out_unlock:
  k.me().kaddfd = Kaddfd{};
  STEP("mutex_unlock(&filter->notify_lock)", kUnlocks);
  k.Unlock();
  return k.Return(l.ret);
  FUNCTION_END;
}

Flow seccomp_notify_poll(Kernel& k) {
  auto& l = k.Locals<PollLocals>();
  FUNCTION_BEGIN;
  while (true) {
    // poll_wait(file, &filter->wqh, poll_tab)
    STEP("poll_wait(file, &filter->wqh, poll_tab)", kQueue);
    k.me().flags |= kOnWqh;
    STEP("mutex_lock_interruptible(&filter->notify_lock)", kLocksInterruptibly);
    if (!k.TryLock()) {
      if (!k.SignalPending(k.cur)) return Flow::kBlocked;
      l.events = 8;  // EPOLLERR
      break;
    }
    l.events = 0;
    for (size_t t = 0; t < k.p.tasks.size(); ++t) {
      const Knotif& n = k.s->tasks[t].knotif;
      if (n.listed && n.state == kInit) l.events |= 1;  // EPOLLIN
      if (n.listed && n.state == kSent) l.events |= 4;  // EPOLLOUT
    }
    STEP("mutex_unlock(&filter->notify_lock)", kUnlocks);
    k.Unlock();
    if (k.Has(Variant::no_pollhup)) {
      STEP("return ret", kSignals | kQueue);
    } else {
      STEP("if (refcount_read(&filter->users) == 0)", kReadsUsers | kSignals | kQueue);
      if (k.filter().users == 0) l.events |= 16;  // EPOLLHUP
    }
    // do_pollfd(): what was not asked for is masked, but for EPOLLERR and EPOLLHUP.
    if (k.op().options & kPollIn) l.events &= static_cast<uint8_t>(~4);
    if (l.events != 0) break;
    // do_poll(): what there is to report wins over a signal, and a signal over the end of the time.
    if (k.SignalPending(k.cur)) {
      k.me().flags &= static_cast<uint8_t>(~kOnWqh);
      return k.Return(-kEINTR);
    }
    if (k.op().options & kNonBlocking) break;
    STEP("schedule_hrtimeout_range()", kQueue | kSignals);
    if ((k.me().flags & kOnWqh) && !k.SignalPending(k.cur)) return Flow::kBlocked;
  }
  k.me().flags &= static_cast<uint8_t>(~kOnWqh);
  return k.Return(l.events);
  FUNCTION_END;
}

Flow seccomp_notify_detach(Kernel& k) {
  auto& l = k.Locals<DetachLocals>();
  FUNCTION_BEGIN;
  STEP("mutex_lock(&filter->notify_lock)", kLocks | kRequests);
  if (!k.TryLock()) return Flow::kBlocked;
  // list_for_each_entry()
  while (FirstUnanswered(k) >= 0) {
    l.task = static_cast<uint8_t>(FirstUnanswered(k) + 1);
    {
      Task& t = k.s->tasks[l.task - 1];
      t.knotif.state = kReplied;
      t.knotif.error = -kENOSYS;
      t.knotif.val = 0;
      if (t.ghost & kGhostReplied) {
        k.Raise(Event::kReplyLost);
        t.ghost &= static_cast<uint8_t>(~(kGhostReplied | kGhostReplyKept));
      }
      k.Note("knotif {}: REPLIED, -ENOSYS", static_cast<int>(t.knotif.id));
    }
    if (k.proposal.detach != nullptr) {
      CALL_HOOK(l.hook, k.proposal.detach(k, l.task - 1));
    }
    STEP("complete(&knotif->ready)", kCompletes | kRequests);
    k.CompleteReady(l.task - 1);
  }
  l.task = 0;
  // seccomp_notify_free(filter)
  k.filter().notif = 0;
  k.filter().requests = 0;
  k.filter().flags = 0;
  for (size_t t = 0; t < k.p.tasks.size(); ++t) {
    k.s->tasks[t].knotif.listed = 0;
    k.ForgetViews(static_cast<int>(t));
  }
  k.Note("filter->notif = NULL");
  STEP("mutex_unlock(&filter->notify_lock)", kUnlocks);
  k.Unlock();
  return k.Return(0);
  FUNCTION_END;
}

Flow seccomp_notify_release(Kernel& k) {
  FUNCTION_BEGIN;
  CALL(k.Push<DetachLocals>(Fn::k_seccomp_notify_detach));
  return k.Return(0);
  FUNCTION_END;
}

}  // namespace knotcheck::model
