// SPDX-License-Identifier: Apache-2.0
//
// What a supervisor knows of a notification (docs/adr/0011): the look that it takes is in its
// buffer, Task::seen; when the look is over it is a view, State::views. No step of the kernel
// depends on either; policies decide by them.

#pragma once

#include "model/kernel/kernel.h"

namespace knotcheck::model::ghost {

// Of the current notification of a target. Its bytes are those of the copy that counts when the
// supervisor says CONTINUE: with the proposal's flags the kernel's own where it has seen that one,
// else what it saw last.
struct Known {
  uint8_t roles = 0;  // bit i: it has seen something of role i
  bool truncated = false;
  Value words[kMaxSeen] = {};
};
Known KnownBy(const Kernel& k, int supervisor, int target, bool protect);
// What a supervisor that decides by its buffer has in it about a notification.
Known InBuffer(const Task& supervisor, uint8_t id);

// Where word w of entry `entry` of a role stands in `seen`; -1: nowhere.
inline int SlotOf(const Kernel& k, Nr nr, int role, int entry, int w) {
  const SeenLayout& layout = k.p.seen[static_cast<size_t>(nr)][static_cast<size_t>(role)];
  if (entry >= layout.entries || w >= layout.stride) return -1;
  return layout.base + entry * layout.stride + w;
}

// The view that a supervisor has of a target's notification; nullptr: there is none.
inline View* ViewOf(Kernel& k, int supervisor, int target) {
  const int view = k.p.view[static_cast<size_t>(supervisor)][static_cast<size_t>(target)];
  return view < 0 ? nullptr : &k.s->views[view];
}

// Whether nobody can answer the target's notification once more, so that no look at it counts:
// SEND has done so, and no fault of RECV puts it back.
bool AnsweredForGood(const Kernel& k, int target);
// The views of a target's notification are gone with it.
void ForgetViews(Kernel& k, int target);
// The running supervisor's buffer is free again.
void ForgetSeen(Kernel& k);

// A look of role `role` begins: nothing of it is in the buffer yet.
void BeginLook(Kernel& k, uint8_t id, Nr nr, int role);
// The call looks at no word from `w` on, so neither does a policy that compares bytes.
void NothingBeyond(Kernel& k, Nr nr, int role, int w);
// The look is over: whoever does not decide by its buffer keeps it as a view. `shown`: it was of
// the kernel's copy. Of one that failed an honest supervisor keeps nothing.
void KeepLook(Kernel& k, int target, bool shown, bool failed);

}  // namespace knotcheck::model::ghost
