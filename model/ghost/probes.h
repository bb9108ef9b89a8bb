// SPDX-License-Identifier: Apache-2.0
//
// Probes: what a kernel function tells those who judge it, in one line each. A probe raises events,
// says something in the trace, and remembers in ghost state what a later one needs. No step depends
// on what it does (docs/adr/0003). "The running task" is k.cur, and what a probe says of a
// notification is said where the statement before it has been done.

#pragma once

#include <cstdint>

#include "model/ghost/knowledge.h"
#include "model/kernel/kernel.h"
#include "model/kernel/locals.h"
#include "model/kernel/uapi.h"

namespace knotcheck::model::ghost {

// A notification, from its beginning to its end: model/ghost/notification.cc.

// The running task has queued its notification.
inline void Trapped(Kernel& k) {
  k.me().ghost_id = k.me().knotif.id;
  k.Raise(Event::kTrapped);
  k.Note("knotif {}: INIT", static_cast<int>(k.me().knotif.id));
}
// SEND has stored a reply: with CONTINUE it approves the call.
void Replied(Kernel& k, int target, const Op& resp);
// ADDFD|SEND has.
void RepliedByAddfd(Kernel& k, int target);
// From now on these bytes are what the target's call may act on, and its descriptors those that
// they are now. `protect`: nothing is to be read from user memory.
void Approve(Kernel& k, int target, const Known& known, bool protect);
// receive_fd() has returned to the running target.
void Received(Kernel& k, int fd);
// ... for an ADDFD|SEND, whose reply it is.
void AnsweredByFd(Kernel& k, int fd);
// ... which is told that nothing was sent.
void FdNotSent(Kernel& k);
// The running task drops an ADDFD request that nobody has handled.
void AddfdDropped(Kernel& k, int addfd);
// The caller of an interrupted ADDFD|SEND, which is not on the list any more, is told that nothing
// was sent.
void TakeBackReply(Kernel& k, int target);
// ... and the notification is SENT again.
void SentAgain(Kernel& k, int target);
// RECV puts a notification back to INIT.
inline void PutBack(Kernel& k, const Knotif& n) {
  if (n.state == kReplied) k.Note("knotif {} was REPLIED", static_cast<int>(n.id));
  k.Note("knotif {}: INIT", static_cast<int>(n.id));
}
// seccomp_notify_detach() has answered in the place of a supervisor.
void Detached(Kernel& k, int target);
// The running task takes the reply that is there.
inline void ReplyApplied(Kernel& k) {
  if (!(k.me().ghost & kGhostReplied)) return;
  k.Raise(Event::kReplyApplied);
  k.me().ghost &= static_cast<uint8_t>(~(kGhostReplied | kGhostReplyKept));
}
// It leaves its notification, with or without one.
void Leaves(Kernel& k, const UserNotificationLocals& l);
// Its notification is gone. What was approved is kept for a call that goes on.
void NotificationEnds(Kernel& k, uint8_t flags);
// It is in user mode again: nothing is left of the call.
void ReturnsToUser(Kernel& k);

// seccomp(2) has put a filter with a listener above those that the running task has.
void FilterAttached(Kernel& k);

// What a call reads, held against what was approved: model/ghost/fetches.cc.

// The kernel fetches word `w` of entry `entry` of a role of the running call. `user`: from user
// memory.
void Fetched(Kernel& k, int role, int entry, int w, Value value, bool user);
// ... it reads of a role what it does not act on: a length, a pointer to an entry.
void Consulted(Kernel& k, int role, bool user);
// ... it has counted the strings of a table.
void Counted(Kernel& k, const CountLocals& l);
// A proposal served a fetch of this role: not even an unmapped one may be invented.
void ServedFrom(Kernel& k, int role);
// ... of the buffer that read(2) fills, and the kernel copied elsewhere.
void ReadServed(Kernel& k);
// The call has looked up descriptor `index` of those that it has, and found this file.
void LookedUp(Kernel& k, size_t index, int fd, uint8_t file);
// The bytes that a call acts on, against the scenario's "uses".
void ActsOn(Kernel& k, const Value* values, int count);
// Bit f: an approval knows of file f in the running task's table.
uint64_t FilesKnown(const Kernel& k);

}  // namespace knotcheck::model::ghost
