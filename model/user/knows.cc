// SPDX-License-Identifier: Apache-2.0
//
// What supervisors keep of what the kernel gives them, and decide by it: by the policy, and, of
// those that are free, what they may do when.

#include <algorithm>
#include <iterator>

#include "model/user/user.h"

namespace knotcheck::model::user {
namespace {

// Whether what was seen meets a condition. It looks at its own argument's words only.
bool Meets(const Kernel& k, Nr nr, const PolicyCondition& condition, const ghost::Known& known) {
  if (!(known.roles >> condition.role & 1)) return false;
  if (condition.test == PolicyCondition::Test::kAny) return true;
  const bool negated = condition.test == PolicyCondition::Test::kNotEqual;
  if (condition.test == PolicyCondition::Test::kNever) return false;
  const SeenLayout& layout = k.p.seen[static_cast<size_t>(nr)][condition.role];
  bool same = condition.words.size() <= static_cast<size_t>(layout.entries * layout.stride);
  for (size_t i = 0; i < condition.words.size() && same; ++i) {
    same = known.words[layout.base + i] == condition.words[i];
  }
  return same != negated;
}

// The notification that an ioctl of a free supervisor is about; false: nobody has it, or the list
// is locked, and with it all that the ioctl could do there.
bool NameListed(Kernel& k) {
  if (k.op().listed > 0 && k.filter().notify_lock != 0) return false;
  uint8_t id = 0;
  for (int n = k.op().listed; n > 0; --n) {
    int next = -1;
    for (size_t t = 0; t < k.p.tasks.size(); ++t) {
      const Knotif& knotif = k.s->tasks[t].knotif;
      if (!knotif.listed || knotif.id <= id) continue;
      if (next < 0 || knotif.id < k.s->tasks[next].knotif.id) next = static_cast<int>(t);
    }
    if (next < 0) return false;
    id = k.s->tasks[next].knotif.id;
    k.me().variable_task[0] = static_cast<uint8_t>(next + 1);
    k.me().variable_call[0] = k.CallIndex(next);
  }
  k.me().variable_id[0] = id;
  return true;
}

// Whether a supervisor that is honest, though free in what it does when, may do this now: to a
// notification that it was given, and by the policy.
bool HonestMay(Kernel& k) {
  const Op& op = k.op();
  if (!op.honest || op.listed == 0) return true;
  const int target = k.me().variable_task[0] - 1;
  const View* view = ghost::ViewOf(k, k.cur, target);
  if (view == nullptr || !(view->flags & kViewReceived)) return false;
  const Nr nr = CalledOf(k, 0).nr;
  const bool pins = !k.p.policy_pins[static_cast<size_t>(nr)].empty();
  if (op.code == OpCode::kVerb) return pins;
  if (!op.by_policy) return true;
  const bool protects = k.proposal.protection.PromisedBy(op.flags);
  return protects == pins && Allows(k, nr, ghost::KnownBy(k, k.cur, target, protects));
}

// Whether there is anything to see of the call.
bool HasSomethingToRead(const Kernel& k) {
  const auto& layouts = k.p.seen[static_cast<size_t>(CalledOf(k, 0).nr)];
  return std::any_of(std::begin(layouts), std::end(layouts),
                     [](const SeenLayout& layout) { return layout.entries != 0; });
}

}  // namespace

void KeepNotification(Kernel& k, const RecvLocals& given) {
  const Op& op = k.op();
  Task& me = k.me();
  const uint8_t other = me.variable_id[1 - op.variable];
  if (me.ghost_id == me.variable_id[op.variable] && me.ghost_id != other) {
    ghost::ForgetSeen(k);  // nothing names that notification any more
  }
  me.variable_id[op.variable] = given.id;
  me.variable_task[op.variable] = given.task;
  me.variable_call[op.variable] = given.call;
  View* const view = op.honest ? ghost::ViewOf(k, k.cur, given.task - 1) : nullptr;
  const Knotif& n = k.s->tasks[given.task - 1].knotif;
  if (view != nullptr && n.listed && n.id == given.id) view->flags |= kViewReceived;
}

bool Allows(const Kernel& k, Nr nr, const ghost::Known& known) {
  if (known.truncated) return false;
  for (const PolicyRule& rule : k.p.policy) {
    if (rule.nr != nr) continue;
    for (const auto& conditions : rule.alternatives) {
      const bool met = std::all_of(
          conditions.begin(), conditions.end(),
          [&](const PolicyCondition& condition) { return Meets(k, nr, condition, known); });
      if (met) return true;
    }
  }
  return false;
}

bool FreeMay(Kernel& k) {
  if (!NameListed(k) || !HonestMay(k)) return false;
  return k.op().code != OpCode::kReadArgs || HasSomethingToRead(k);
}

void ForgetIoctl(Kernel& k) {
  Task& me = k.me();
  ghost::ForgetSeen(k);
  me.variable_id[0] = 0;
  me.variable_task[0] = 0;
  me.variable_call[0] = 0;
  me.op = k.op().target;
}

}  // namespace knotcheck::model::user
