// SPDX-License-Identifier: Apache-2.0
//
// kernel/seccomp.c: the notifier. The list notif->notifications is ordered by id, as list_add_tail
// leaves it, so it is a bit a knotif.

#include "model/ghost/probes.h"
#include "model/kernel/files.h"
#include "model/kernel/kernel.h"
#include "model/kernel/locals.h"
#include "model/kernel/toggles.h"
#include "model/kernel/uapi.h"
#include "model/user/user.h"

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

// list_add(&kaddfd.list, &knotif->addfd): at the head.
void ListAdd(Kernel& k, int addfd, Knotif& n) {
  KNOT_CHECK(n.addfd[1] == 0);
  n.addfd[1] = n.addfd[0];
  n.addfd[0] = static_cast<uint8_t>(addfd + 1);
  k.s->tasks[addfd].kaddfd.listed = 1;
}

// list_del_init(&addfd->list)
void ListDel(Kernel& k, int addfd, Knotif& n) {
  if (n.addfd[0] == addfd + 1) n.addfd[0] = n.addfd[1];
  n.addfd[1] = 0;
  k.s->tasks[addfd].kaddfd.listed = 0;
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

// mutex_lock_interruptible() of a lock that is held. A free one is taken whatever signal waits.
Flow WaitInterruptibly(Kernel& k) {
  return k.SignalPending(k.cur) ? k.Return(-kEINTR) : Flow::kBlocked;
}

// wait_for_completion_interruptible(&n.ready), or _killable(): a completion wins over a signal that
// arrives later (do_wait_for_common()). False: it sleeps.
bool WaitForReady(Kernel& k, bool killable, int8_t* err) {
  Knotif& n = k.me().knotif;
  if (n.ready > 0) {
    --n.ready;
    *err = 0;
    k.Note("woken");
    return true;
  }
  if (!(killable ? k.FatalSignalPending(k.cur) : k.SignalPending(k.cur))) return false;
  *err = k.Has(Fix::interrupted_starts_anew) ? -kERESTARTNOINTR : -kERESTARTSYS;
  k.Note("interrupted by a signal");
  return true;
}

// Whether a wait that a signal ended takes a reply that is there already.
bool TakesReply(const Kernel& k, const Knotif& n) {
  return n.state == kReplied && !k.FatalSignalPending(k.cur) && k.Has(Fix::signal_takes_reply);
}

// Whether a task that is woken leaves without looking whether its notification is REPLIED.
bool LeavesEarly(const Kernel& k, const Knotif& n) {
  return (n.addfd[0] == 0 || n.state == kReplied) && k.Has(Variant::addfd_early_return);
}

bool DropsReply(const Kernel& k, UserNotificationLocals& l) {
  if (!k.Has(Mutation::drop_reply)) return false;
  l.err = -kERESTARTNOINTR;
  l.flags = 0;
  l.interrupted = 1;
  return true;
}

// The flags that SEND knows.
uint16_t KnownFlags(const Kernel& k) {
  if (k.Has(Variant::no_continue)) return 0;
  uint16_t known = kUserNotifContinue;
  for (const SendFlag& flag : k.proposal.send_flags) known |= flag.bit;
  return known;
}

// The request of a task whose ADDFD is queued.
const Op& RequestOf(const Kernel& k, int addfd) {
  return k.p.tasks[static_cast<size_t>(addfd)].ops[k.s->tasks[addfd].op];
}

// atomic_inc(), and atomic_dec_if_positive() >= 0. Where signals come without end, so do requests
// that nobody takes: of kMostRequests one may be left that is not counted.
void AddRequest(Kernel& k) {
  if (!k.p.traps_without_end || k.filter().requests < kMostRequests) ++k.filter().requests;
}
bool TakeRequest(Kernel& k) {
  if (k.filter().requests == 0) return false;
  const bool more = k.p.traps_without_end && k.filter().requests == kMostRequests;
  if (!more || k.Choose(2) == 0) --k.filter().requests;
  return true;
}

void seccomp_notify_free(Kernel& k) {
  k.filter().notif = 0;
  k.filter().requests = 0;
  k.filter().flags = 0;
  for (size_t t = 0; t < k.p.tasks.size(); ++t) {
    k.s->tasks[t].knotif.listed = 0;
    ghost::ForgetViews(k, static_cast<int>(t));
  }
}

}  // namespace

Flow seccomp_handle_addfd(Kernel& k) {
  auto& l = k.Locals<HandleAddfdLocals>();
  Knotif& n = k.me().knotif;
  FUNCTION_BEGIN;
  ListDel(k, l.addfd, n);
  STEP("fd = receive_fd(addfd->file, NULL, addfd->flags)", kFiles | kChains);
  {
    const Op& addfd = RequestOf(k, l.addfd);
    if (!(addfd.options & kAddfdSetfd)) {
      l.fd = static_cast<int8_t>(receive_fd(k));
    } else {
      l.fd = static_cast<int8_t>(receive_fd_replace(k, addfd.val));
    }
    ghost::Received(k, l.fd);
    k.s->tasks[l.addfd].kaddfd.ret = l.fd;
    if (addfd.options & kAddfdSend) {
      if (l.fd < 0) {
        n.state = kSent;
        ghost::FdNotSent(k);
      } else {
        n.flags = 0;
        n.error = 0;
        n.val = k.Has(Mutation::addfd_false_fd) ? 1 : l.fd;
        ghost::AnsweredByFd(k, l.fd);
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
  ghost::Trapped(k);
  STEP("atomic_inc(&match->notif->requests)", kRequests);
  AddRequest(k);
  STEP("wake_up_poll(&match->wqh, EPOLLIN | EPOLLRDNORM)", kWakes);
  k.WakeUp();
  do {
    l.wait_killable = should_sleep_killable(k, n);
    STEP("mutex_unlock(&match->notify_lock)", kUnlocks);
    k.Unlock();
    STEP("err = wait_for_completion_interruptible(&n.ready)", kWaitsReady);
    if (!WaitForReady(k, l.wait_killable, &l.err)) return Flow::kBlocked;
    STEP("mutex_lock(&match->notify_lock)", kLocks | kFatal);
    if (!k.TryLock()) return Flow::kBlocked;
    if (l.err != 0) {
      if (!(!l.wait_killable && should_sleep_killable(k, n)) && !TakesReply(k, n)) {
        l.interrupted = 1;
        goto interrupted;
      }
      l.err = 0;
      if (k.Has(Variant::wait_killable_fast_reply)) continue;
    }
    if (LeavesEarly(k, n)) break;
    if (n.addfd[0] != 0) {
      CALL(k.Push<HandleAddfdLocals>(Fn::k_seccomp_handle_addfd).addfd = n.addfd[0] - 1);
    }
  } while (n.state != kReplied);
  l.ret = n.val;
  l.err = n.error;
  l.flags = n.flags;
  if (DropsReply(k, l)) goto interrupted;
  ghost::ReplyApplied(k);

interrupted:
  while (n.addfd[0] != 0) {
    l.addfd = n.addfd[0];
    k.s->tasks[l.addfd - 1].kaddfd.ret = -kESRCH;
    ListDel(k, l.addfd - 1, n);
    ghost::AddfdDropped(k, l.addfd - 1);
    STEP("complete(&addfd->completion)", kCompletes | kFatal);
    k.Note("addfd->ret = -ESRCH");
    k.CompleteAddfd(l.addfd - 1);
    l.addfd = 0;
  }
  ghost::Leaves(k, l);
  if (k.proposal.leave != nullptr) {
    CALL_HOOK(l.hook, k.proposal.leave(k, l.flags));
  }
  // if (match->notif) list_del(&n.list); the knotif is on the stack and ends here.
  k.me().knotif = Knotif{};
  ghost::NotificationEnds(k, l.flags);

out:
  STEP("mutex_unlock(&match->notify_lock)", kUnlocks);
  k.Unlock();
  if (l.flags & kUserNotifContinue) {
    k.Note("CONTINUE");
    return k.Return(0);
  }
  // syscall_set_return_value(current, current_pt_regs(), err, ret)
  k.me().ret = l.err != 0 ? l.err : l.ret;
  return k.Return(-1);
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
      Knotif& knotif = k.s->tasks[l.task - 1].knotif;
      knotif.state = kReplied;
      knotif.error = -kENOSYS;
      knotif.val = 0;
      ghost::Detached(k, l.task - 1);
    }
    if (k.proposal.detach != nullptr) {
      CALL_HOOK(l.hook, k.proposal.detach(k, l.task - 1));
    }
    STEP("complete(&knotif->ready)", kCompletes | kRequests);
    k.CompleteReady(l.task - 1);
  }
  l.task = 0;
  seccomp_notify_free(k);
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

// find_notification()
int Kernel::FindNotification(int id) const {
  for (size_t t = 0; t < p.tasks.size(); ++t) {
    const Knotif& n = s->tasks[t].knotif;
    if (n.listed && n.id == id) return static_cast<int>(t);
  }
  return -1;
}

namespace {

// pollwake() and recv_wake_function() look at the events of a wake-up: these are none of RECV's,
// nor of a poll() that asked for POLLIN only.
void WakePollsForOut(Kernel& k) {
  for (size_t t = 0; t < k.p.tasks.size(); ++t) {
    if (k.p.tasks[t].kind != TaskKind::kSupervisor) continue;
    Task& task = k.s->tasks[t];
    const Op& op = k.p.tasks[t].ops[task.op];
    if (op.code == OpCode::kPoll && !(op.options & kPollIn)) {
      task.flags &= static_cast<uint8_t>(~kOnWqh);
    }
  }
}

}  // namespace

Flow recv_wait_event(Kernel& k) {
  auto& l = k.Locals<RecvWaitLocals>();
  FUNCTION_BEGIN;
  if (!k.Has(Variant::recv_blocks_forever)) {
    STEP("if (refcount_read(&filter->users) == 0)", kReadsUsers);
    if (k.filter().users == 0) return k.Return(0);
  }
  STEP("if (atomic_dec_if_positive(&filter->notif->requests) >= 0)", kRequests);
  if (TakeRequest(k)) return k.Return(0);
  while (true) {
    STEP("ret = prepare_to_wait_event(&filter->wqh, &wait, TASK_INTERRUPTIBLE)", kQueue | kSignals);
    l.ret = 0;
    k.me().flags &= static_cast<uint8_t>(~kOnWqh);
    if (k.SignalPending(k.cur)) {
      // down_interruptible(&filter->notif->request), which restarts nothing.
      l.ret = k.Has(Variant::recv_efault_no_wake) ? -kEINTR : -kERESTARTSYS;
    } else {
      k.me().flags |= kOnWqh;
    }
    STEP("if (atomic_dec_if_positive(&filter->notif->requests) >= 0)", kRequests | kQueue);
    if (TakeRequest(k)) break;
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
      // wake_up_poll(&filter->wqh, EPOLLOUT | EPOLLWRNORM)
      if (k.p.polls) WakePollsForOut(k);
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
    user::KeepNotification(k, l);
    return k.Return(0);
  }
  STEP("mutex_lock(&filter->notify_lock)", kLocks | kCompletes);
  if (!k.TryLock()) return Flow::kBlocked;
  if (PutsBack(k, k.FindNotification(l.id))) {
    {
      const int target = k.FindNotification(l.id);
      Knotif& n = k.s->tasks[target].knotif;
      if (should_sleep_killable(k, n)) k.CompleteReady(target);
      ghost::PutBack(k, n);
      n.state = kInit;
    }
    if (k.Has(Variant::recv_efault_no_wake)) {
      STEP("up(&filter->notif->request)", kRequests | kWakes);
      AddRequest(k);
      WakeReceivers(k);
    } else {
      STEP("atomic_inc(&filter->notif->requests)", kRequests);
      AddRequest(k);
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
    if (resp.flags & ~KnownFlags(k)) return k.Return(-kEINVAL);
    if ((resp.flags & kUserNotifContinue) && (resp.error != 0 || resp.val != 0))
      return k.Return(-kEINVAL);
    if (k.proposal.send_check != nullptr) {
      const Ret ret = k.proposal.send_check(k, resp.flags);
      if (ret < 0) return k.Return(ret);
    }
  }
  STEP("ret = mutex_lock_interruptible(&filter->notify_lock)", kLocksInterruptibly | kTargetFiles);
  if (!k.TryLock()) return WaitInterruptibly(k);
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
    ghost::Replied(k, target, resp);
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
  if (!k.TryLock()) return WaitInterruptibly(k);
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
  if (k.op().flags & ~kUserNotifFdSyncWakeUp) return k.Return(-kEINVAL);
  STEP("ret = mutex_lock_interruptible(&filter->notify_lock)", kLocksInterruptibly);
  if (!k.TryLock()) return WaitInterruptibly(k);
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
  if (!k.TryLock()) return WaitInterruptibly(k);
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
      ghost::RepliedByAddfd(k, target);
    }
    ListAdd(k, k.cur, n);
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
    Knotif& n = k.s->tasks[l.target - 1].knotif;
    ListDel(k, k.cur, n);
    if (k.op().options & kAddfdSend) {
      ghost::TakeBackReply(k, l.target - 1);
      if (!k.Has(Variant::addfd_send_interrupted)) {
        n.state = kSent;
        ghost::SentAgain(k, l.target - 1);
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

int seccomp_notify_ioctl(const Kernel& k) {
  switch (k.op().code) {
    case OpCode::kRecv:
      return static_cast<int>(Fn::k_seccomp_notify_recv);
    case OpCode::kSend:
      return static_cast<int>(Fn::k_seccomp_notify_send);
    case OpCode::kIdValid:
      return static_cast<int>(Fn::k_seccomp_notify_id_valid);
    case OpCode::kSetFlags:
      return static_cast<int>(Fn::k_seccomp_notify_set_flags);
    case OpCode::kAddfd:
      return static_cast<int>(Fn::k_seccomp_notify_addfd);
    case OpCode::kPoll:
      return static_cast<int>(Fn::k_seccomp_notify_poll);
    case OpCode::kVerb:
      return kFirstProposalFunction + k.proposal.verbs[k.op().verb].function;
    default:
      KNOT_CHECK(false && "an ioctl of the listener, or poll()");
      return 0;
  }
}

Flow seccomp_notify_poll(Kernel& k) {
  auto& l = k.Locals<PollLocals>();
  FUNCTION_BEGIN;
  // Once: later rounds are on the queue already.
  STEP("poll_wait(file, &filter->wqh, poll_tab)", kQueue);
  k.me().flags |= kOnWqh;
  while (true) {
    STEP("mutex_lock_interruptible(&filter->notify_lock)", kLocksInterruptibly);
    if (!k.TryLock()) {
      if (!k.SignalPending(k.cur)) return Flow::kBlocked;
      l.ret = kEpollErr;
      break;
    }
    l.ret = 0;
    for (size_t t = 0; t < k.p.tasks.size(); ++t) {
      const Knotif& n = k.s->tasks[t].knotif;
      if (n.listed && n.state == kInit) l.ret |= kEpollIn;
      if (n.listed && n.state == kSent) l.ret |= kEpollOut;
    }
    STEP("mutex_unlock(&filter->notify_lock)", kUnlocks);
    k.Unlock();
    if (k.Has(Variant::no_pollhup)) {
      STEP("return ret", kSignals | kQueue);
    } else {
      STEP("if (refcount_read(&filter->users) == 0)", kReadsUsers | kSignals | kQueue);
      if (k.filter().users == 0) l.ret |= kEpollHup;
    }
    // do_pollfd(): what was not asked for is masked, but for EPOLLERR and EPOLLHUP.
    if (k.op().options & kPollIn) l.ret &= static_cast<uint8_t>(~kEpollOut);
    if (l.ret != 0) break;
    // do_poll(): what there is to report wins over a signal, and a signal over the end of the time.
    if (k.SignalPending(k.cur)) {
      k.me().flags &= static_cast<uint8_t>(~kOnWqh);
      return k.Return(-kEINTR);
    }
    if (k.op().options & kNonBlocking) break;
    STEP("schedule_hrtimeout_range()", kQueue | kSignals);
    if ((k.me().flags & kOnWqh) && !k.SignalPending(k.cur)) return Flow::kBlocked;
    // smp_store_mb(pwq->triggered, 0): from here on a wake-up counts again.
    k.me().flags |= kOnWqh;
    // do_poll() goes round: do_pollfd() looks the descriptor up again, which nobody but a close()
    // of it changes. The wait queue's entry keeps the file.
    if (k.p.closes) {
      STEP("f = fdget(fd)", kListener);
      if (!k.filter().listener) {
        l.ret = kEpollNval;
        break;
      }
    }
  }
  k.me().flags &= static_cast<uint8_t>(~kOnWqh);
  return k.Return(l.ret);
  FUNCTION_END;
}

}  // namespace knotcheck::model
