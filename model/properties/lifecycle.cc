// SPDX-License-Identifier: Apache-2.0
//
// Notifications, replies and descriptors; locks; progress.

#include "model/property.h"

namespace knotcheck::model {
namespace {

KNOT_REGISTER_PROPERTY(
    reply_acted_on,
    {.name = "reply-acted-on",
     .sentence = "a reply that was accepted is acted on, unless its task is being killed",
     .source = "seccomp_unotify(2), SECCOMP_IOCTL_NOTIF_SEND; the selftest "
               "user_notification_wait_killable_after_reply",
     .broken_by = Bit(Event::kReplyLost),
     .witness = Bit(Event::kReplyAccepted)});

KNOT_REGISTER_PROPERTY(one_reply,
                       {.name = "one-reply",
                        .sentence = "a notification accepts one reply",
                        .source = "kernel/seccomp.c, seccomp_notify_send(): \"Allow exactly one "
                                  "reply.\"",
                        .broken_by = Bit(Event::kReplyTwice),
                        .witness = Bit(Event::kReplyAccepted)});

KNOT_REGISTER_PROPERTY(
    addfd_send,
    {.name = "addfd-send",
     .sentence = "a call that ADDFD|SEND answers returns a descriptor that was installed",
     .source = "seccomp_unotify(2), SECCOMP_ADDFD_FLAG_SEND; the selftest "
               "user_notification_addfd_send_interrupted",
     .broken_by = Bit(Event::kAddfdFalse),
     .witness = Bit(Event::kAddfdSent)});

KNOT_REGISTER_PROPERTY(
    addfd_once, {.name = "addfd-once",
                 .sentence = "a call for which a descriptor was installed is not interrupted",
                 .source = "commit 0ae71c7720e3, \"Support atomic addfd + send reply\"",
                 .broken_by = Bit(Event::kInstalledLost),
                 .witness = Bit(Event::kInstalled)});

KNOT_REGISTER_PROPERTY(expectation,
                       {.name = "expectation",
                        .sentence = "every call of the scenario returns and uses what it says",
                        .source = "the scenario",
                        .broken_by = Bit(Event::kUnexpected),
                        .witness = Bit(Event::kExpected)});

KNOT_REGISTER_PROPERTY(
    lock_discipline,
    {.name = "lock-discipline",
     .sentence = "notify_lock is taken once, released by its owner, and never held in user mode",
     .source = "Documentation/locking/lockdep-design.rst",
     .broken_by = Bit(Event::kLockMisuse) | Bit(Event::kReturnedLocked),
     .witness = Bit(Event::kLocked)});

// A target that has not run its script to the end, when nothing more can happen.
bool Stuck(const Program& p, const State& s) {
  for (size_t t = 0; t < p.tasks.size(); ++t) {
    const bool waits = p.tasks[t].kind == TaskKind::kSupervisor;
    if (!waits && (s.tasks[t].status == kAlive || s.tasks[t].status == kExiting)) return true;
  }
  return false;
}

KNOT_REGISTER_PROPERTY(
    progress,
    {.name = "progress",
     .sentence = "every task comes to its end: no deadlock, no lost wake-up, no reply missing",
     .source =
         "seccomp_unotify(2): \"the target ... remains blocked until the supervisor responds\"",
     .witness = Bit(Event::kTrapped),
     .broken_at_rest = Stuck});

}  // namespace
}  // namespace knotcheck::model
