// SPDX-License-Identifier: Apache-2.0
//
// A supervisor's user space: its script, and the system calls that it makes.

#include "model/kernel/toggles.h"
#include "model/kernel/uapi.h"
#include "model/user/user.h"

namespace knotcheck::model {
namespace {

void ShowReturned(Kernel& k, Ret ret) {
  k.Note("= {}", RetName(ret));
  if (k.op().code == OpCode::kAddfd && (k.op().options & kAddfdSend) && ret >= 0) {
    k.Raise(Event::kAddfdSent);
  }
}

// RECV of older kernels, where more requests wait than are counted.
bool BeginsWithAChoice(const Kernel& k) {
  return k.p.traps_without_end && k.Has(Variant::recv_blocks_forever);
}

}  // namespace

Flow supervisor_mode(Kernel& k) {
  auto& l = k.Locals<SupervisorLocals>();
  FUNCTION_BEGIN;
  while (true) {
    STEP("(user mode)", kSignals | kByOp);
    if (k.FatalSignalPending(k.cur)) {
      CALL(k.Push(Fn::k_do_exit));
    }
    // A supervisor's handler does nothing; what counts is that the signal interrupts.
    k.me().flags &= static_cast<uint8_t>(~kSigPending);
    l.ret = 0;
    // Nothing is left to do for those who could do anything.
    if (k.op().free && !k.filter().listener) return Flow::kBlocked;
    if (!user::TakeJumps(k)) continue;
    k.me().ret = 0;
    // A supervisor whose script is over stays, and with it the listener.
    if (k.op().code == OpCode::kEnd && k.chose()) continue;
    if (k.op().code == OpCode::kEnd) return Flow::kBlocked;
    if (k.op().free && !user::FreeMay(k)) return Flow::kBlocked;
    k.Note("{}", k.op().text);
    k.Observe({.kind = Observation::Kind::kBegins});
    if (k.op().code == OpCode::kStore) {
      user::Store(k, k.op());
    } else if (k.op().code == OpCode::kKill) {
      k.SendSigkill(k.op().task);
    } else if (k.op().code == OpCode::kReadArgs) {
      CALL({
        const uint8_t variable = k.op().variable;
        k.Push<VmReadLocals>(Fn::k_process_vm_rw_core).variable = variable;
      });
      l.ret = k.ret;
      ghost::KeepLook(k, k.me().variable_task[k.op().variable] - 1, false, l.ret < 0);
      if (k.op().free) {
        ShowReturned(k, l.ret);
        user::ForgetIoctl(k);
        continue;
      }
    } else if (!k.filter().listener) {
      l.ret =
          k.op().code == OpCode::kPoll ? static_cast<Ret>(kEpollNval) : static_cast<Ret>(-kEBADF);
    } else if (k.op().code == OpCode::kClose) {
      k.filter().listener = 0;
      --k.filter().references;
    } else {
      // ioctl(listener, ...): fdget() keeps the listener's file alive while the call runs.
      ++k.filter().references;
      // What is chosen shows with the ioctl's first step only.
      if (k.chose() && !BeginsWithAChoice(k)) k.Fold();
      CALL(k.Push(seccomp_notify_ioctl(k)));
      l.ret = k.ret;
      // Who may do anything may make the same call again itself.
      if (l.ret == -kERESTARTSYS && (!k.info().handler_restarts || k.op().free)) l.ret = -kEINTR;
      if (k.op().code == OpCode::kVerb) {
        const int target = k.FindNotification(k.me().variable_id[k.op().variable]);
        ghost::KeepLook(k, target, true, l.ret < 0);
      }
      if (k.op().free) {
        ShowReturned(k, l.ret);
        user::ForgetIoctl(k);
        l.ret = 0;
      }
      // Only a close() of the same file could tell this step from the one before it.
      if (k.p.closes) {
        // A free supervisor has forgotten the ioctl by now.
        l.returned = k.op().code != OpCode::kChoose;
        STEP("fdput(f)", kListener);
        l.returned = 0;
      }
      --k.filter().references;
    }
    if (k.filter().references == 0 && k.filter().notif) {
      // fput(): the last reference is gone, and __fput() runs on the way to user mode.
      CALL(k.Push(Fn::k_seccomp_notify_release));
    }
    if (k.filter().notify_lock == k.cur + 1) k.Raise(Event::kReturnedLocked);
    if (k.op().code == OpCode::kChoose) continue;
    if (l.ret == -kERESTARTSYS) {
      // handle_signal(): SA_RESTART, and the handler has come and gone.
      k.Note("signal handler; {} starts anew", k.op().text);
      continue;
    }
    ShowReturned(k, l.ret);
    if (k.op().code == OpCode::kSend && l.ret == 0) ghost::ForgetSeen(k);
    k.me().ret = l.ret;
    user::FinishOp(k, l.ret);
    l.ret = 0;
  }
  FUNCTION_END;
}

}  // namespace knotcheck::model
