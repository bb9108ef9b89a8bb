// SPDX-License-Identifier: Apache-2.0
//
// A notification from its beginning to its end: who answered it, and what became of the answer.

#include <algorithm>
#include <iterator>

#include "model/ghost/probes.h"

namespace knotcheck::model::ghost {
namespace {

void AcceptReply(Kernel& k, int target, bool by_addfd) {
  Task& t = k.s->tasks[target];
  k.Raise(Event::kReplyAccepted);
  if (t.ghost & kGhostReplied) k.Raise(Event::kReplyTwice);
  t.ghost |= kGhostReplied;
  t.ghost |= by_addfd ? kGhostAddfdReply : kGhostReplyKept;
}

// The descriptors of the target's call, whose numbers came with RECV, are what the supervisor means
// them to be.
void ApproveFiles(Kernel& k, int target) {
  Task& t = k.s->tasks[target];
  const Op& call = k.CallOf(target, k.CallIndex(target));
  const Syscall& syscall = SyscallOf(call.nr);
  for (size_t i = 0; i < syscall.fds.size(); ++i) {
    const int fd = call.scalars[syscall.fds[i].arg];
    const uint8_t file = fd >= 0 && fd < kMaxFds ? k.s->files[t.files][fd] : 0;
    t.ghost_file[i] = static_cast<uint8_t>(1 + (file == kReserved ? 0 : file));
  }
}

// Nothing of the running task's call is approved.
void ForgetApproval(Kernel& k) {
  Task& t = k.me();
  t.ghost_roles = 0;
  t.ghost_asked = 0;
  std::fill(std::begin(t.ghost_file), std::end(t.ghost_file), uint8_t{0});
  std::fill(std::begin(t.seen), std::end(t.seen), kZero);
}

bool IsAddfdSend(const Kernel& k, int addfd) {
  const Op& op = k.p.tasks[static_cast<size_t>(addfd)].ops[k.s->tasks[addfd].op];
  return (op.options & kAddfdSend) != 0;
}

}  // namespace

void Approve(Kernel& k, int target, const Known& known, bool protect) {
  Task& t = k.s->tasks[target];
  t.ghost |= kGhostApproved;
  if (protect) t.ghost |= kGhostProtected;
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
  ApproveFiles(k, target);
}

void Replied(Kernel& k, int target, const Op& resp) {
  k.Note("knotif {}: REPLIED", static_cast<int>(k.s->tasks[target].knotif.id));
  AcceptReply(k, target, false);
  if (k.proposal.approve != nullptr) {
    k.proposal.approve(k, target, resp);
  } else if (resp.flags & kUserNotifContinue) {
    const bool protect = k.proposal.protection.PromisedBy(resp.flags);
    Approve(k, target, KnownBy(k, k.cur, target, protect), protect);
  }
  if (AnsweredForGood(k, target)) ForgetViews(k, target);
}

void RepliedByAddfd(Kernel& k, int target) {
  AcceptReply(k, target, true);
  k.Note("knotif {}: REPLIED", static_cast<int>(k.s->tasks[target].knotif.id));
}

void Received(Kernel& k, int fd) {
  if (fd < 0) {
    k.Note("receive_fd() = {}", RetName(static_cast<Ret>(fd)));
    return;
  }
  k.Raise(Event::kInstalled);
  k.me().ghost |= kGhostInstalled;
  k.Note("fd {} installed in {}", fd, k.info().name);
}

void AnsweredByFd(Kernel& k, int fd) {
  k.me().ghost_file[0] = static_cast<uint8_t>(fd + 1);
  k.me().ghost |= kGhostReplyKept;
}

void FdNotSent(Kernel& k) {
  k.me().ghost &= static_cast<uint8_t>(~kGhostAddfdReply);
  TakeBackReply(k, k.cur);
}

void AddfdDropped(Kernel& k, int addfd) {
  if (IsAddfdSend(k, addfd)) TakeBackReply(k, k.cur);
}

void TakeBackReply(Kernel& k, int target) {
  Task& t = k.s->tasks[target];
  const bool other =
      std::any_of(std::begin(t.knotif.addfd), std::end(t.knotif.addfd),
                  [&k](uint8_t addfd) { return addfd != 0 && IsAddfdSend(k, addfd - 1); });
  if (!other && !(t.ghost & kGhostReplyKept)) t.ghost &= static_cast<uint8_t>(~kGhostReplied);
}

void SentAgain(Kernel& k, int target) {
  Task& t = k.s->tasks[target];
  t.ghost &= static_cast<uint8_t>(~kGhostAddfdReply);
  k.Note("knotif {}: SENT", static_cast<int>(t.knotif.id));
}

void Detached(Kernel& k, int target) {
  Task& t = k.s->tasks[target];
  k.Note("knotif {}: REPLIED, -ENOSYS", static_cast<int>(t.knotif.id));
  // The flags are left as they are: what SEND allowed before a RECV put it back still runs.
  if (t.knotif.flags & kUserNotifContinue) return;
  if ((t.ghost & kGhostReplied) && !k.FatalSignalPending(target)) k.Raise(Event::kReplyLost);
  t.ghost &= static_cast<uint8_t>(~(kGhostReplied | kGhostReplyKept));
}

void Leaves(Kernel& k, const UserNotificationLocals& l) {
  const Task& t = k.me();
  if ((t.ghost & kGhostReplied) && !k.FatalSignalPending(k.cur)) {
    k.Raise(Event::kReplyLost);
    k.Note("the reply that SEND had accepted is lost");
  }
  if ((t.ghost & kGhostInstalled) && l.interrupted && !k.FatalSignalPending(k.cur)) {
    k.Raise(Event::kInstalledLost);
    k.Note("a descriptor stays installed for a call that was interrupted");
  }
  // CONTINUE answers with no descriptor either.
  if ((t.ghost & kGhostAddfdReply) && !l.interrupted &&
      ((l.flags & kUserNotifContinue) || l.err != 0 || t.ghost_file[0] != l.ret + 1)) {
    k.Raise(Event::kAddfdFalse);
    k.Note("returns {}, but no descriptor was installed there", static_cast<int>(l.ret));
  }
}

void NotificationEnds(Kernel& k, uint8_t flags) {
  ForgetViews(k, k.cur);
  if (flags & kUserNotifContinue) return;
  k.me().ghost &= kGhostPinned;
  ForgetApproval(k);
}

void ReturnsToUser(Kernel& k) {
  Task& t = k.me();
  k.Raise(Event::kReturnedToUser);
  if (k.filter().notify_lock == k.cur + 1) k.Raise(Event::kReturnedLocked);
  if (k.proposal.returned_to_user != nullptr) k.proposal.returned_to_user(k);
  t.ghost = 0;
  t.ghost_id = 0;
  ForgetApproval(k);
}

void FilterAttached(Kernel& k) {
  k.Raise(Event::kFilterAttached);
  int listeners = k.info().filtered && k.s->filter().notif ? 1 : 0;
  for (size_t cur = k.me().filter; cur != 0; cur = k.s->filters[cur].prev) {
    listeners += k.s->filters[cur].listens;
  }
  k.Note("{} has {} listeners in its chain", k.info().name, listeners);
}

}  // namespace knotcheck::model::ghost
