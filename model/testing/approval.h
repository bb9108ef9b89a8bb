// SPDX-License-Identifier: Apache-2.0
//
// What supervisors knew when they said CONTINUE: everything that toctou, fail-closed and
// looked-first judge by, read off a history in one pass.
//
// A look is over when its ioctl or process_vm_readv() has returned. What was seen in it is known
// from then on to those who tell each other what they see. Looks are ordered by when they are over.

#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "model/testing/recorder.h"

namespace knotcheck::model::testing {

// The words of one role, by slot of Program::seen; kAbsent: nothing is there.
struct RoleSeen {
  bool seen = false;
  std::array<Value, kMaxSeen> words;
  RoleSeen() { words.fill(kAbsent); }
};
using RolesSeen = std::array<RoleSeen, kMaxRoles>;

// What was seen of a notification: in memory, in records, and whichever came last.
struct Knowledge {
  RolesSeen read, shown, latest;
};

// One look while it is taken.
struct Look {
  RolesSeen words;
  std::array<bool, kMaxRoles> complete{};
};

// What was approved, for one notification.
struct Approval {
  int step = 0;
  uint8_t supervisor = kNobody;
  uint8_t call = 0;
  bool protects = false;  // with the proposal's flag
  RolesSeen known;
  uint8_t known_roles = 0;
};

// Follows the looks and the answers of a history. `Note` each fact in turn.
class Supervisors {
 public:
  explicit Supervisors(const History& history) : history_(history) {}

  void Note(const Fact& fact) {
    switch (fact.what) {
      case What::kSawWord:
        Saw(fact);
        break;
      case What::kSawEnd:
        SawEnd(fact);
        break;
      case What::kLookOver:
        LookOver(fact);
        break;
      case What::kReplyAccepted:
        if (!fact.addfd && (fact.flags & 1)) Approve(fact);
        break;
      case What::kRecordAttached:
        pinned_[fact.id] |= fact.roles;
        break;
      default:
        break;
    }
  }

  // The CONTINUE that was accepted last for a notification.
  const Approval* ApprovalOf(uint8_t id) const {
    const auto found = approvals_.find(id);
    return found == approvals_.end() ? nullptr : &found->second;
  }
  // The roles for which "protected" was accepted; nothing: it was not.
  std::optional<uint8_t> ProtectedOf(uint8_t id) const {
    const auto found = protected_.find(id);
    if (found == protected_.end()) return std::nullopt;
    return found->second;
  }
  // What a supervisor knows of a notification if it says CONTINUE now.
  RolesSeen Known(uint8_t supervisor, uint8_t id, bool protects) const {
    const TaskInfo& info = history_.program().tasks[supervisor];
    RolesSeen known;
    if (info.decides) {
      const auto own = buffers_.find(supervisor);
      if (own != buffers_.end() && own->second.first == id) known = own->second.second;
      return known;
    }
    const auto shared = knowledge_.find({info.lookers, id});
    if (shared == knowledge_.end()) return known;
    for (size_t r = 0; r < kMaxRoles; ++r) {
      const Knowledge& knows = shared->second;
      known[r] = protects && knows.shown[r].seen ? knows.shown[r] : knows.latest[r];
    }
    return known;
  }
  int SlotOf(Nr nr, int role, int entry, int w) const {
    const SeenLayout& layout =
        history_.program().seen[static_cast<size_t>(nr)][static_cast<size_t>(role)];
    return entry < layout.entries && w < layout.stride ? layout.base + entry * layout.stride + w
                                                       : -1;
  }

 private:
  Nr NrOf(const Fact& fact) const {
    return CallNumbered(history_.program(), fact.target, fact.call).nr;
  }

  void Saw(const Fact& fact) {
    Look& look = looks_[fact.task];
    const int slot = SlotOf(NrOf(fact), fact.role, fact.entry, fact.word);
    if (slot < 0) return;
    look.words[fact.role].seen = true;
    look.words[fact.role].words[static_cast<size_t>(slot)] = fact.value;
  }

  // The role was seen to its end: what is not there is known not to be there, and what the call's
  // length leaves out counts as zero.
  void SawEnd(const Fact& fact) {
    const Nr nr = NrOf(fact);
    const SeenLayout& layout = history_.program().seen[static_cast<size_t>(nr)][fact.role];
    if (layout.entries == 0) return;
    Look& look = looks_[fact.task];
    look.words[fact.role].seen = true;
    look.complete[fact.role] = true;
    const Role& role = SyscallOf(nr).roles[fact.role];
    if (role.IsString() || role.shape == Shape::kStrings) return;
    for (int w = fact.word; w < layout.stride; ++w) {
      look.words[fact.role].words[static_cast<size_t>(layout.base + w)] = kZero;
    }
  }

  // Puts a look over what is known of a role: all of it if it was complete, else word by word.
  static void PutOver(const Look& look, size_t r, RoleSeen* known) {
    if (!look.words[r].seen) return;
    if (look.complete[r]) {
      *known = look.words[r];
      return;
    }
    known->seen = true;
    for (size_t i = 0; i < kMaxSeen; ++i) {
      if (look.words[r].words[i] != kAbsent) known->words[i] = look.words[r].words[i];
    }
  }

  void LookOver(const Fact& fact) {
    Look look = std::exchange(looks_[fact.task], Look());
    const TaskInfo& info = history_.program().tasks[fact.task];
    const bool honest =
        std::any_of(info.ops.begin(), info.ops.end(), [](const Op& op) { return op.honest; });
    // It follows its policy by good looks only.
    if (honest && !fact.ok) return;
    // A script keeps the words that it saw, and puts nothing in the place of others.
    if (!fact.ok) look.complete.fill(false);
    auto& buffer = buffers_[fact.task];
    if (buffer.first != fact.id) buffer = {fact.id, RolesSeen()};
    Knowledge& knows = knowledge_[{info.lookers, fact.id}];
    for (size_t r = 0; r < kMaxRoles; ++r) {
      if (look.words[r].seen) buffer.second[r] = look.words[r];
      PutOver(look, r, fact.shown ? &knows.shown[r] : &knows.read[r]);
      if (look.words[r].seen) knows.latest[r] = fact.shown ? knows.shown[r] : knows.read[r];
    }
  }

  void Approve(const Fact& fact) {
    Approval approval;
    approval.step = fact.step;
    approval.supervisor = fact.task;
    approval.call = fact.call;
    approval.protects = (fact.flags & ~1) != 0;
    approval.known = Known(fact.task, fact.id, approval.protects);
    for (size_t r = 0; r < kMaxRoles; ++r) {
      if (approval.known[r].seen) approval.known_roles |= static_cast<uint8_t>(1 << r);
    }
    if (approval.protects) {
      const auto pinned = pinned_.find(fact.id);
      uint8_t roles = approval.known_roles;
      if (pinned != pinned_.end()) roles |= pinned->second;
      const bool nothing = roles == 0 && pinned == pinned_.end();
      protected_[fact.id] |= nothing ? static_cast<uint8_t>((1 << kMaxRoles) - 1) : roles;
    }
    approvals_[fact.id] = approval;
  }

  const History& history_;
  std::map<uint8_t, Look> looks_;  // by supervisor: the one that it takes
  std::map<std::pair<uint8_t, uint8_t>, Knowledge> knowledge_;  // by lookers and notification
  std::map<uint8_t, std::pair<uint8_t, RolesSeen>> buffers_;    // by supervisor
  std::map<uint8_t, uint8_t> pinned_;                           // by notification: roles
  std::map<uint8_t, Approval> approvals_;
  std::map<uint8_t, uint8_t> protected_;  // by notification: roles
};

}  // namespace knotcheck::model::testing
