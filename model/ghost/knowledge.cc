// SPDX-License-Identifier: Apache-2.0

#include "model/ghost/knowledge.h"

#include <algorithm>

#include "model/kernel/toggles.h"

namespace knotcheck::model::ghost {
namespace {

// Of a look that failed: an argument of which not a word was seen was not seen.
void ForgetUnseen(const Program& p, Nr nr, Task* t) {
  for (int role = 0; role < kMaxRoles; ++role) {
    if (!(t->ghost_roles >> role & 1)) continue;
    const SeenLayout& layout = p.seen[static_cast<size_t>(nr)][static_cast<size_t>(role)];
    const Value* const words = t->seen + layout.base;
    const bool nothing = std::all_of(words, words + layout.entries * layout.stride,
                                     [](Value value) { return value == kAbsent; });
    if (nothing) t->ghost_roles &= static_cast<uint8_t>(~(1 << role));
  }
}

// The observations of a look that is over.
void ObserveLook(Kernel& k, int target) {
  const Task& t = k.me();
  const Nr nr = k.CallOf(target, t.variable_call[k.op().variable]).nr;
  for (int role = 0; role < kMaxRoles; ++role) {
    if (!(t.ghost_roles >> role & 1)) continue;
    const SeenLayout& layout = k.p.seen[static_cast<size_t>(nr)][static_cast<size_t>(role)];
    for (int i = 0; i < layout.entries * layout.stride; ++i) {
      k.Observe({.kind = Observation::Kind::kSaw,
                 .role = static_cast<uint8_t>(role),
                 .word = static_cast<uint8_t>(i),
                 .value = t.seen[layout.base + i]});
    }
  }
}

}  // namespace

Known InBuffer(const Task& supervisor, uint8_t id) {
  Known known;
  if (supervisor.ghost_id != id) return known;
  known.roles = supervisor.ghost_roles;
  known.truncated = (supervisor.ghost & kGhostTruncated) != 0;
  std::copy_n(supervisor.seen, kMaxSeen, known.words);
  return known;
}

Known KnownBy(const Kernel& k, int supervisor, int target, bool protect) {
  if (k.p.tasks[static_cast<size_t>(supervisor)].decides) {
    return InBuffer(k.s->tasks[supervisor], k.s->tasks[target].knotif.id);
  }
  Known known;
  const int at = k.p.view[static_cast<size_t>(supervisor)][static_cast<size_t>(target)];
  if (at < 0) return known;
  const View& view = k.s->views[at];
  known.roles = view.read | view.shown;
  known.truncated = (view.flags & kViewTruncated) != 0;
  const Nr nr = k.CallOf(target, k.CallIndex(target)).nr;
  for (int role = 0; role < kMaxRoles; ++role) {
    if (!(known.roles >> role & 1)) continue;
    const bool shown = (view.shown >> role & 1) && (protect || (view.latest >> role & 1));
    const SeenLayout& layout = k.p.seen[static_cast<size_t>(nr)][static_cast<size_t>(role)];
    for (int i = layout.base; i < layout.base + layout.entries * layout.stride; ++i) {
      known.words[i] = shown ? view.shown_words[i] : view.read_words[i];
    }
  }
  return known;
}

bool AnsweredForGood(const Kernel& k, int target) {
  const Task& t = k.s->tasks[target];
  return t.knotif.state == kReplied && !(t.ghost & kGhostAddfdReply) && !k.p.puts_back &&
         !k.Has(Mutation::reply_twice);
}

void ForgetViews(Kernel& k, int target) {
  for (size_t t = 0; t < k.p.tasks.size(); ++t) {
    if (View* view = ViewOf(k, static_cast<int>(t), target)) *view = View{};
  }
}

void ForgetSeen(Kernel& k) {
  Task& t = k.me();
  t.ghost_id = 0;
  t.ghost_roles = 0;
  t.ghost &= static_cast<uint8_t>(~kGhostTruncated);
  for (Value& v : t.seen) v = kZero;
}

void BeginLook(Kernel& k, uint8_t id, Nr nr, int role) {
  Task& t = k.me();
  if (t.ghost_id != id) ForgetSeen(k);
  t.ghost_id = id;
  t.ghost_roles |= static_cast<uint8_t>(1 << role);
  const SeenLayout& layout = k.p.seen[static_cast<size_t>(nr)][static_cast<size_t>(role)];
  std::fill_n(t.seen + layout.base, layout.entries * layout.stride, kAbsent);
}

void NothingBeyond(Kernel& k, Nr nr, int role, int w) {
  const SeenLayout& layout = k.p.seen[static_cast<size_t>(nr)][static_cast<size_t>(role)];
  for (int i = w; i < layout.entries * layout.stride; ++i) k.me().seen[layout.base + i] = kZero;
}

void KeepLook(Kernel& k, int target, bool shown, bool failed) {
  Task& t = k.me();
  if (t.ghost_id == 0) return;
  if (k.observing() && target >= 0) ObserveLook(k, target);
  if (k.info().decides) return;
  View* view = target < 0 ? nullptr : ViewOf(k, k.cur, target);
  const bool current = view != nullptr && k.s->tasks[target].knotif.listed &&
                       k.s->tasks[target].knotif.id == t.ghost_id && !AnsweredForGood(k, target);
  if (!current || (failed && k.op().honest) || k.Has(Mutation::forget_look)) {
    ForgetSeen(k);
    return;
  }
  const Nr nr = k.CallOf(target, k.CallIndex(target)).nr;
  if (failed) ForgetUnseen(k.p, nr, &t);
  uint8_t& known = shown ? view->shown : view->read;
  Value* const words = shown ? view->shown_words : view->read_words;
  for (int role = 0; role < kMaxRoles; ++role) {
    if (!(t.ghost_roles >> role & 1)) continue;
    const SeenLayout& layout = k.p.seen[static_cast<size_t>(nr)][static_cast<size_t>(role)];
    const bool first = !(known >> role & 1);
    for (int i = layout.base; i < layout.base + layout.entries * layout.stride; ++i) {
      // Word by word: what a look that failed did not come to is known as it was.
      if (first || !failed || t.seen[i] != kAbsent) words[i] = t.seen[i];
    }
  }
  known |= t.ghost_roles;
  view->latest =
      static_cast<uint8_t>(shown ? view->latest | t.ghost_roles : view->latest & ~t.ghost_roles);
  if (k.op().honest && shown) {
    view->flags &= static_cast<uint8_t>(~kViewTruncated);
    if (t.ghost & kGhostTruncated) view->flags |= kViewTruncated;
  }
  ForgetSeen(k);
}

}  // namespace knotcheck::model::ghost
