// SPDX-License-Identifier: Apache-2.0
//
// Facts about notify_lock, notifications, their answers, and supervisors' reads of user memory.

#pragma once

#include <algorithm>
#include <vector>

#include "model/errno.h"
#include "model/testing/history.h"

namespace knotcheck::model::testing {

inline void LockFacts(const Moment& m, std::vector<Fact>* facts) {
  const uint8_t before = m.before.filter().notify_lock;
  const uint8_t after = m.after.filter().notify_lock;
  const bool own = before == m.task + 1;
  const bool takes = m.shown.statement.find("mutex_lock") != std::string::npos;
  if (takes && before == 0 && after == m.task + 1) facts->push_back(m.New(What::kLocked));
  // A second mutex_lock() in the same step leaves nothing but this note.
  const bool noted = std::any_of(
      m.shown.notes.begin(), m.shown.notes.end(),
      [](const std::string& note) { return note.rfind("notify_lock is already held", 0) == 0; });
  if ((takes && own) || noted) facts->push_back(m.New(What::kLockedAgain));
  const bool releases = m.shown.statement.rfind("mutex_unlock", 0) == 0;
  if (releases || (before != 0 && after == 0)) {
    Fact fact = m.New(What::kUnlocked);
    fact.target = before == 0 ? kNobody : static_cast<uint8_t>(before - 1);
    facts->push_back(fact);
  }
  if (after == m.task + 1 && m.After().frames[1].function == 0 && !m.fault) {
    Kernel kernel(m.program(), m.system.proposal(), m.system.config());
    const StepInfo* next = kernel.NextStep(m.after, m.task);
    const bool user = next != nullptr && std::strcmp(next->statement, "(user mode)") == 0;
    if (user) facts->push_back(m.New(What::kLockedInUserMode));
  }
}

// `task` leaves its notification: what it goes on with, against what stood there.
inline void LeftFact(const Moment& m, std::vector<Fact>* facts) {
  const auto* l =
      Locals<UserNotificationLocals>(m.system, m.After(), Fn::k_seccomp_do_user_notification);
  const Knotif& n = m.Before().knotif;
  Fact fact = m.New(What::kLeft);
  fact.target = fact.task;
  fact.id = n.id;
  fact.dying = (m.After().flags & kSigkillPending) != 0;
  fact.call = CallIndexOf(m.After());
  if (l != nullptr) {
    fact.flags = l->flags;
    fact.error = l->err;
    fact.ret = l->ret;
    fact.taken = n.state == kReplied && !l->interrupted && l->err == n.error && l->ret == n.val &&
                 l->flags == n.flags;
  }
  facts->push_back(fact);
}

// What becomes of the notifications of all tasks.
inline void NotificationFacts(const Moment& m, std::vector<Fact>* facts) {
  for (size_t t = 0; t < m.program().tasks.size(); ++t) {
    const Knotif& before = m.before.tasks[t].knotif;
    const Knotif& after = m.after.tasks[t].knotif;
    const auto target = static_cast<uint8_t>(t);
    const auto add = [&](What what) {
      Fact fact = m.New(what);
      fact.target = target;
      fact.id = after.id;
      fact.call = CallIndexOf(m.after.tasks[t]);
      fact.dying = (m.after.tasks[t].flags & kSigkillPending) != 0;
      facts->push_back(fact);
    };
    if (before.id == 0 && after.id != 0) add(What::kTrapped);
    if (before.id != 0 && after.id == 0) LeftFact(m, facts);
    const bool answered = before.state != kReplied && after.state == kReplied && after.listed;
    if (answered && m.In("seccomp_notify_detach")) {
      add(What::kAnsweredByClose);
      facts->back().flags = after.flags;
    }
  }
}

inline void RecvFacts(const Moment& m, std::vector<Fact>* facts) {
  const auto* l = Locals<RecvLocals>(m.system, m.Before(), Fn::k_seccomp_notify_recv);
  if (l == nullptr || Inside(m.system, m.After(), Fn::k_seccomp_notify_recv)) return;
  // What is given out was found under the lock; with an error nothing is.
  if (l->task == 0 || l->ret < 0 || m.fault) return;
  Fact fact = m.New(What::kReceived);
  fact.target = static_cast<uint8_t>(l->task - 1);
  fact.id = l->id;
  fact.call = l->call;
  facts->push_back(fact);
}

inline void SendFacts(const Moment& m, std::vector<Fact>* facts) {
  if (!m.At("seccomp_notify_send", "ret = mutex_lock_interruptible")) return;
  const auto* l = Locals<SendLocals>(m.system, m.After(), Fn::k_seccomp_notify_send);
  if (l == nullptr || l->target == 0) return;
  const Task& target = m.after.tasks[l->target - 1];
  Fact fact = m.New(What::kReplyAccepted);
  fact.target = static_cast<uint8_t>(l->target - 1);
  fact.id = target.knotif.id;
  fact.call = CallIndexOf(target);
  fact.flags = target.knotif.flags;
  fact.error = target.knotif.error;
  fact.ret = target.knotif.val;
  fact.table = target.files;
  facts->push_back(fact);
}

// ADDFD of a supervisor, under the lock and on its way back.
inline void AddfdFacts(const Moment& m, std::vector<Fact>* facts) {
  const auto* before = Locals<AddfdLocals>(m.system, m.Before(), Fn::k_seccomp_notify_addfd);
  const auto* after = Locals<AddfdLocals>(m.system, m.After(), Fn::k_seccomp_notify_addfd);
  if (after != nullptr && m.At("seccomp_notify_addfd", "ret = mutex_lock_interruptible") &&
      m.After().kaddfd.listed && (m.info().ops[m.After().op].options & kAddfdSend)) {
    Fact fact = m.New(What::kReplyAccepted);
    fact.target = static_cast<uint8_t>(after->target - 1);
    fact.id = m.after.tasks[fact.target].knotif.id;
    fact.call = CallIndexOf(m.after.tasks[fact.target]);
    fact.addfd = true;
    facts->push_back(fact);
  }
  if (before == nullptr || after != nullptr) return;
  Fact fact = m.New(What::kAddfdReturned);
  // From out_unlock, from the completion, or from the lock that it did not get.
  fact.ret = before->ret;
  if (m.shown.statement.find("wait_for") != std::string::npos) fact.ret = m.Before().kaddfd.ret;
  if (m.shown.statement.find("mutex_lock_int") != std::string::npos) fact.ret = -kEINTR;
  fact.addfd = (m.info().ops[m.Before().op].options & kAddfdSend) != 0;
  facts->push_back(fact);
}

// What becomes of requests that are queued: they are installed, refused or taken back.
inline void KaddfdFacts(const Moment& m, std::vector<Fact>* facts) {
  for (size_t s = 0; s < m.program().tasks.size(); ++s) {
    const TaskInfo& info = m.program().tasks[s];
    if (info.kind != TaskKind::kSupervisor) continue;
    const auto* l = Locals<AddfdLocals>(m.system, m.before.tasks[s], Fn::k_seccomp_notify_addfd);
    if (l == nullptr || l->target == 0) continue;
    const Op& op = info.ops[m.before.tasks[s].op];
    Fact fact = m.New(What::kInstalled);
    fact.task = static_cast<uint8_t>(s);
    fact.target = static_cast<uint8_t>(l->target - 1);
    fact.id = m.before.tasks[fact.target].knotif.id;
    fact.addfd = (op.options & kAddfdSend) != 0;
    const auto* handled =
        Locals<HandleAddfdLocals>(m.system, m.Before(), Fn::k_seccomp_handle_addfd);
    const bool here = handled != nullptr && handled->addfd == s &&
                      m.At("seccomp_handle_addfd", "fd = receive_fd");
    const bool unlisted = m.before.tasks[s].kaddfd.listed && !m.after.tasks[s].kaddfd.listed;
    const bool refused = unlisted && m.after.tasks[s].kaddfd.ret == -kESRCH;
    const bool gave_up = unlisted && m.task == static_cast<int>(s);
    if (here) {
      fact.fd = m.after.tasks[s].kaddfd.ret;
      if (fact.fd < 0) fact.what = What::kReplyTakenBack;
    } else if (refused || gave_up) {
      fact.what = What::kReplyTakenBack;
    } else {
      continue;
    }
    if (fact.what == What::kReplyTakenBack && !fact.addfd) continue;
    facts->push_back(fact);
  }
}

// process_vm_readv(): one word, if the step read one, and the end of the look.
inline void ReadLookFacts(const Moment& m, std::vector<Fact>* facts) {
  const auto* l = Locals<VmReadLocals>(m.system, m.Before(), Fn::k_process_vm_rw_core);
  if (l == nullptr) return;
  const Task& me = m.Before();
  Fact fact = m.New(What::kSawWord);
  fact.target = static_cast<uint8_t>(me.variable_task[l->variable] - 1);
  fact.id = me.variable_id[l->variable];
  fact.call = me.variable_call[l->variable];
  fact.role = l->role;
  const Op& call = CallNumbered(m.program(), fact.target, fact.call);
  const auto& roles = SyscallOf(call.nr).roles;
  const Role& role = roles[l->role];
  int depth = 0;
  for (int r = l->role; roles[static_cast<size_t>(r)].parent >= 0; ++depth) {
    r = roles[static_cast<size_t>(r)].parent;
  }
  const bool read =
      std::any_of(m.observations.begin(), m.observations.end(), [](const Observation& observation) {
        return observation.kind == Observation::Kind::kReads && observation.entry == 1;
      });
  Value value = kZero;
  for (const Observation& observation : m.observations) {
    if (observation.kind == Observation::Kind::kReads) value = observation.value;
  }
  // On the way to the role, or a pointer of a table: no byte of the role itself.
  const bool pointer = role.shape == Shape::kStrings && l->str == kZero;
  if (read && l->depth >= depth && !pointer) {
    // Of what is no table, the entry only counts the rounds.
    fact.entry = role.shape == Shape::kStrings ? l->entry : uint8_t{0};
    fact.word = l->w;
    fact.value = value;
    const Value address = role.parent < 0 ? call.pointers[role.arg] : l->pointer;
    const int object = m.program().values[address].object;
    if (!role.IsString() && role.shape != Shape::kStrings) {
      const int bytes = role.length_arg >= 0
                            ? call.scalars[static_cast<size_t>(role.length_arg)]
                            : m.program().objects[static_cast<size_t>(object)].bytes;
      fact.value = FirstBytes(m.program(), value, bytes - 8 * l->w);
    }
    facts->push_back(fact);
  }
  const auto* next = Locals<VmReadLocals>(m.system, m.After(), Fn::k_process_vm_rw_core);
  // The function goes on with another role, or is done, when this one was read to its end.
  if (read && (next == nullptr || next->role != l->role)) {
    fact.what = What::kSawEnd;
    const bool bytes = !role.IsString() && role.shape != Shape::kStrings;
    fact.word = bytes ? static_cast<uint8_t>(l->w + 1) : static_cast<uint8_t>(kMaxSeen);
    facts->push_back(fact);
  }
  if (next != nullptr) return;
  fact.what = What::kLookOver;
  fact.ok = read;
  facts->push_back(fact);
}

}  // namespace knotcheck::model::testing
