// SPDX-License-Identifier: Apache-2.0
//
// User space of a target, a peer or a child: its script, and its signal handler's.

#include "model/user/user.h"

namespace knotcheck::model {

Flow user_mode(Kernel& k) {
  FUNCTION_BEGIN;
  while (true) {
    STEP("(user mode)", kSignals | kByOp);
    if (k.SignalPending(k.cur)) {
      // The interrupt that brought the signal returns to user mode through the same loop.
      k.me().ret = 0;
      CALL(k.Push(Fn::k_exit_to_user_mode_loop));
      continue;
    }
    if (k.op().code == OpCode::kChoose) {
      user::TakeAlternative(k);
      if (k.op().code == OpCode::kChoose) continue;
    }
    if (k.op().code != OpCode::kEnd) k.Observe({.kind = Observation::Kind::kBegins});
    if (k.op().code == OpCode::kStore) {
      k.Note("{}", k.op().text);
      user::Store(k, k.op());
      user::FinishOp(k, 0);
    } else if (k.op().code == OpCode::kKill) {
      k.Note("{}", k.op().text);
      k.SendSigkill(k.op().task);
      user::FinishOp(k, 0);
    } else if (k.op().code == OpCode::kEnd && (k.me().flags & kInHandler) &&
               !(k.me().flags & kExeced)) {
      // rt_sigreturn(2): back to the interrupted context, whose call is made again or is answered.
      k.Note("rt_sigreturn()");
      k.me().flags &= static_cast<uint8_t>(~kInHandler);
      k.me().handler_op = 0;
      k.RestoreRegisters();
    } else if (k.op().code == OpCode::kEnd) {
      // Also at the end of a handler that has executed a program: there is nothing to return to.
      k.Note("exits");
      CALL(k.Push(Fn::k_do_exit));
    } else {
      KNOT_CHECK(k.op().code == OpCode::kSyscall);
      k.Note("{}", k.op().text);
      user::LoadRegisters(k);
      CALL(k.Push(Fn::k_do_syscall_64));
      if (k.proposal.deferred != nullptr) {
        CALL_HOOK(k.Locals<UserLocals>().hook, k.proposal.deferred(k));
      }
    }
  }
  FUNCTION_END;
}

}  // namespace knotcheck::model
