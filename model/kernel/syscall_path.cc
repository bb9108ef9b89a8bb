// SPDX-License-Identifier: Apache-2.0
//
// System call entry and exit, signals and restart, on x86-64.

#include <algorithm>
#include <iterator>
#include <utility>

#include "model/ghost/probes.h"
#include "model/kernel/kernel.h"
#include "model/kernel/locals.h"
#include "model/user/user.h"

namespace knotcheck::model {
namespace {

Fn BodyOf(Nr nr) {
  switch (nr) {
    case Nr::kOpenat:
      return Fn::k_do_sys_openat2;
    case Nr::kBind:
      return Fn::k___sys_bind;
    case Nr::kWrite:
      return Fn::k_ksys_write;
    case Nr::kRead:
      return Fn::k_ksys_read;
    case Nr::kExecve:
    case Nr::kExecveat:
      return Fn::k_do_execveat_common;
    case Nr::kClose:
      return Fn::k_do_close;
    case Nr::kDup2:
      return Fn::k_do_dup2;
    case Nr::kFork:
    case Nr::kClone:
      return Fn::k_copy_process;
    case Nr::kExit:
      return Fn::k_do_exit;
    case Nr::kSeccomp:
      return Fn::k_seccomp_set_mode_filter;
    case Nr::kUmask:
      return Fn::kNone;
    default:
      return Fn::k_table_body;
  }
}

// The call's stack, its struct filename and what else it copied are gone.
void FreeCopies(Kernel& k) {
  Task& t = k.me();
  std::fill(std::begin(t.copied), std::end(t.copied), kZero);
  std::fill(std::begin(t.nested), std::end(t.nested), kZero);
}

}  // namespace

Flow do_syscall_64(Kernel& k) {
  FUNCTION_BEGIN;
  k.me().flags |= kInSyscall;
  k.me().ret = 0;
  if (k.info().filtered && k.p.trapped[static_cast<size_t>(k.Number())]) {
    CALL(k.Push<UserNotificationLocals>(Fn::k_seccomp_do_user_notification));
    if (k.ret == -1) goto out;
  }
  k.ret = 0;
  if (BodyOf(k.Number()) != Fn::kNone) {
    CALL(k.Push(BodyOf(k.Number())));
  }
  k.me().ret = k.ret;

out:
  CALL(k.Push(Fn::k_exit_to_user_mode_loop));
  return k.Return(0);
  FUNCTION_END;
}

Flow exit_to_user_mode_loop(Kernel& k) {
  FUNCTION_BEGIN;
  while (true) {
    STEP("ti_work = read_thread_flags()", kSignals);
    if (!k.SignalPending(k.cur) && k.me().task_works[0] == 0 && k.me().fput == 0) break;
    if (k.SignalPending(k.cur)) {
      CALL(k.Push(Fn::k_arch_do_signal_or_restart));
    }
    // resume_user_mode_work(regs)
    if (k.me().task_works[0] != 0) {
      CALL(k.Push<TaskWorkRunLocals>(Fn::k_task_work_run));
    }
    if (k.me().fput != 0) {
      STEP("____fput(work)", kChains);
      k.ReleaseFiles();
    }
  }
  ghost::ReturnsToUser(k);
  FreeCopies(k);
  if (k.me().flags & kInSyscall) {
    k.me().flags &= static_cast<uint8_t>(~kInSyscall);
    k.Note("returns {}", RetName(k.me().ret));
    user::FinishOp(k, k.me().ret);
  }
  k.me().ret = 0;
  return k.Return(0);
  FUNCTION_END;
}

Flow arch_do_signal_or_restart(Kernel& k) {
  FUNCTION_BEGIN;
  // get_signal(): its first statement.
  if (k.me().task_works[0] != 0) {
    CALL(k.Push<TaskWorkRunLocals>(Fn::k_task_work_run));
  }
  STEP("signr = dequeue_signal(&current->blocked, &ksig->info, &type)", kSignals);
  if (k.FatalSignalPending(k.cur)) {
    k.Note("killed");
    CALL(k.Push(Fn::k_do_exit));
  }
  if (k.SignalPending(k.cur)) {
    k.me().flags &= static_cast<uint8_t>(~kSigPending);
    // handle_signal(): what the interrupted context finds when the handler returns.
    if (k.me().flags & kInSyscall) {
      k.me().flags &= static_cast<uint8_t>(~kInSyscall);
      const Ret ret = k.me().ret;
      const bool restart =
          ret == -kERESTARTNOINTR || (ret == -kERESTARTSYS && k.info().handler_restarts);
      if (restart) {
        k.Note("signal handler; {} starts anew", k.op().text);
      } else {
        const bool interrupted = ret == -kERESTARTSYS || ret == -kERESTARTNOHAND;
        const Ret seen = interrupted ? static_cast<Ret>(-kEINTR) : ret;
        k.Note("signal handler; the call returns {}", RetName(seen));
        user::FinishOp(k, seen);
      }
    } else {
      k.Note("signal handler");
    }
    k.SaveRegisters();
    k.me().ret = 0;
    k.me().flags |= kInHandler;
    k.me().handler_op = 0;
    k.Observe({.kind = Observation::Kind::kHandler});
  }
  return k.Return(0);
  FUNCTION_END;
}

Flow task_work_run(Kernel& k) {
  auto& l = k.Locals<TaskWorkRunLocals>();
  FUNCTION_BEGIN;
  while (true) {
    STEP("work = xchg(&task->task_works, NULL)", kNothing);
    std::swap(k.me().running_works, k.me().task_works);
    if (k.me().running_works[0] == 0) break;
    while (k.me().running_works[0] != 0) {
      STEP("next = work->next", kNothing);
      if (k.proposal.read_task_work != nullptr) {
        k.proposal.read_task_work(k, k.me().running_works[0]);
      }
      // work->func(work)
      if (k.proposal.run_task_work != nullptr) {
        CALL_HOOK(l.hook, k.proposal.run_task_work(k, k.me().running_works[0]));
      }
      k.me().running_works[0] = k.me().running_works[1];
      k.me().running_works[1] = 0;
    }
  }
  return k.Return(0);
  FUNCTION_END;
}

}  // namespace knotcheck::model
