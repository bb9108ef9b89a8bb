// SPDX-License-Identifier: Apache-2.0
//
// What a trapped task is owed: an answer to its call, however long the others race.

#include "model/errno.h"
#include "model/kernel/kernel.h"
#include "model/property.h"

namespace knotcheck::model {
namespace {

bool IsRestart(Ret ret) {
  return ret == -kERESTARTSYS || ret == -kERESTARTNOINTR || ret == -kERESTARTNOHAND;
}

// From its trap until it is answered or its body begins, a call is owed to its task. That is not
// only while the notification is there: a call that is interrupted and made anew again and again
// has a notification each time and none in between. What is about to be made for the first time
// looks like what is about to be made anew, and counts too: its task, which can step, will trap.
bool Unanswered(const Program& p, const State& s, int task) {
  const Task& t = s.tasks[task];
  if (t.status != kAlive) return false;
  const auto is_in = [&t](int frame, Fn fn) {
    return t.frames[frame].function == static_cast<uint8_t>(fn);
  };
  for (int i = 0; i < kMaxFrames; ++i) {
    // The call of a signal handler, too.
    if (is_in(i, Fn::k_seccomp_do_user_notification)) return true;
  }
  const Op& op = p.tasks[static_cast<size_t>(task)].ops[t.op];
  if (op.code != OpCode::kSyscall || !p.trapped[static_cast<size_t>(op.nr)]) return false;
  // In user mode before the call, or in the handler that interrupted it.
  if (!(t.flags & kInSyscall) || (t.flags & kInHandler)) return true;
  // The call is over, but only to start anew.
  return is_in(2, Fn::k_exit_to_user_mode_loop) && IsRestart(t.ret);
}

KNOT_REGISTER_PROPERTY(
    resumes,
    {.name = "resumes",
     .sentence = "every trapped task resumes, however long supervisors and peers race, if every "
                 "thread gets its turns",
     .source =
         "seccomp_unotify(2): \"the target ... remains blocked until the supervisor responds\"",
     .witness = Bit(Event::kTrapped),
     .owed = Unanswered,
     .on_request = true});

}  // namespace
}  // namespace knotcheck::model
