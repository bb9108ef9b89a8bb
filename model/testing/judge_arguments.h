// SPDX-License-Identifier: Apache-2.0
//
// The second judge on what a call acts on: its arguments' bytes and its descriptors, against what
// was approved. Part of model/testing/second_judge.h.

#pragma once

#include <algorithm>
#include <map>
#include <vector>

#include "model/testing/approval.h"

namespace knotcheck::model::testing {

// Whether somebody else than `task` can store to a word.
inline bool OthersStore(const Program& program, int word, int task) {
  const Word& w = program.words[static_cast<size_t>(word)];
  return w.shared || (w.stored_by & ~(1 << task)) != 0;
}

// Whether somebody else could have stored word `w` of entry `entry` of a role, or a pointer that
// leads to it. `from`: the objects at which the way to it may begin.
inline bool CouldHaveBeenStored(const Program& program, int task, const Op& call, int role,
                                int entry, int w) {
  const auto& roles = SyscallOf(call.nr).roles;
  std::vector<int> way;  // words that are followed as pointers, the outermost first
  for (int r = role; roles[static_cast<size_t>(r)].parent >= 0;
       r = roles[static_cast<size_t>(r)].parent) {
    way.insert(way.begin(), roles[static_cast<size_t>(r)].word);
  }
  int top = role;
  while (roles[static_cast<size_t>(top)].parent >= 0) top = roles[static_cast<size_t>(top)].parent;
  if (roles[static_cast<size_t>(role)].shape == Shape::kStrings) way.push_back(entry);
  way.push_back(w);
  const uint8_t space = program.tasks[static_cast<size_t>(task)].space;
  const int first = program.ObjectAt(call.pointers[roles[static_cast<size_t>(top)].arg], space);
  std::vector<int> objects;
  if (first >= 0) objects.push_back(first);
  for (const int at : way) {
    std::vector<int> next;
    for (const int object : objects) {
      const Object& o = program.objects[static_cast<size_t>(object)];
      if (at >= o.words) continue;
      if (OthersStore(program, o.first_word + at, task)) return true;
      for (const Value value : program.words[static_cast<size_t>(o.first_word + at)].domain) {
        const int pointed = program.ObjectAt(value, space);
        if (pointed >= 0) next.push_back(pointed);
      }
    }
    objects = next;
  }
  return false;
}

// The call that a task makes after it has left its notification with CONTINUE.
class CallsThatGoOn {
 public:
  void Note(const Fact& fact) {
    if (fact.what == What::kLeft) {
      notification_[fact.task] = fact.taken && (fact.flags & 1) ? fact.id : 0;
    } else if (fact.what == What::kTrapped || fact.what == What::kReturnedToUser) {
      notification_[fact.task] = 0;
    }
  }
  // The notification that was answered by CONTINUE; 0: there was none.
  uint8_t Of(uint8_t task) const {
    const auto found = notification_.find(task);
    return found == notification_.end() ? 0 : found->second;
  }

 private:
  std::map<uint8_t, uint8_t> notification_;
};

inline int EntriesSeen(const Program& program, Nr nr, int role, const RoleSeen& seen) {
  const SeenLayout& layout = program.seen[static_cast<size_t>(nr)][static_cast<size_t>(role)];
  int entries = 0;
  while (entries < layout.entries &&
         seen.words[static_cast<size_t>(layout.base + entries * layout.stride)] != kAbsent) {
    ++entries;
  }
  return entries;
}

inline Judgement JudgeToctou(const History& history) {
  Judgement verdict;
  Supervisors supervisors(history);
  CallsThatGoOn calls;
  for (const Fact& fact : history.facts()) {
    supervisors.Note(fact);
    calls.Note(fact);
    if (fact.what != What::kFetched && fact.what != What::kCounted) continue;
    const Approval* approval = supervisors.ApprovalOf(calls.Of(fact.task));
    if (approval == nullptr || !approval->known[fact.role].seen) continue;
    const RoleSeen& seen = approval->known[fact.role];
    const Op& call = CallNumbered(history.program(), fact.task, fact.call);
    if (fact.what == What::kCounted) {
      if (EntriesSeen(history.program(), call.nr, fact.role, seen) != fact.ret) {
        verdict.violated = true;
      }
      for (int i = 0; i <= fact.ret; ++i) {
        verdict.reached |= CouldHaveBeenStored(history.program(), fact.task, call, fact.role, i, 0);
      }
      continue;
    }
    const int slot = supervisors.SlotOf(call.nr, fact.role, fact.entry, fact.word);
    const Value known = slot < 0 ? kAbsent : seen.words[static_cast<size_t>(slot)];
    if (known != fact.value) verdict.violated = true;
    verdict.reached |=
        CouldHaveBeenStored(history.program(), fact.task, call, fact.role, fact.entry, fact.word);
  }
  return verdict;
}

inline Judgement JudgeFailClosed(const History& history) {
  Judgement verdict;
  Supervisors supervisors(history);
  CallsThatGoOn calls;
  for (const Fact& fact : history.facts()) {
    supervisors.Note(fact);
    calls.Note(fact);
    const bool fetches =
        fact.what == What::kUserRead || fact.what == What::kFetched || fact.what == What::kCounted;
    if (!fetches) continue;
    const uint8_t id = calls.Of(fact.task);
    const auto roles = id == 0 ? std::nullopt : supervisors.ProtectedOf(id);
    if (!roles.has_value() || !(*roles >> fact.role & 1)) continue;
    verdict.reached = true;
    verdict.violated |= fact.what == What::kUserRead;
  }
  return verdict;
}

// A supervisor that says CONTINUE, and has seen nothing of memory that the call has.
inline Judgement JudgeLookedFirst(const History& history) {
  Judgement verdict;
  Supervisors supervisors(history);
  for (const Fact& fact : history.facts()) {
    supervisors.Note(fact);
    if (fact.what != What::kReplyAccepted || fact.addfd || !(fact.flags & 1)) continue;
    const Op& call = CallNumbered(history.program(), fact.target, fact.call);
    const uint8_t space = history.program().tasks[fact.target].space;
    const auto& roles = SyscallOf(call.nr).roles;
    const bool memory = std::any_of(roles.begin(), roles.end(), [&](const Role& role) {
      return role.parent < 0 && history.program().ObjectAt(call.pointers[role.arg], space) >= 0;
    });
    if (!memory) continue;
    verdict.reached = true;
    verdict.violated |= supervisors.ApprovalOf(fact.id)->known_roles == 0;
  }
  return verdict;
}

// Which file each slot of each table names. A file that is opened is another one each time.
class Files {
 public:
  explicit Files(const State& initial) {
    for (size_t table = 0; table < initial.layout().tables; ++table) {
      for (int fd = 0; fd < kMaxFds; ++fd) slots_[table][fd] = initial.files[table][fd];
    }
  }
  void Note(const Fact& fact) {
    if (fact.what == What::kFileOpened) {
      slots_[fact.table][fact.fd] = fact.value >= kOpened ? 100 + fact.step : fact.value;
    } else if (fact.what == What::kFileCopied) {
      slots_[fact.table][fact.fd] = slots_[fact.table][fact.from];
    } else if (fact.what == What::kTableCopied) {
      for (int fd = 0; fd < kMaxFds; ++fd) slots_[fact.table][fd] = slots_[fact.from][fd];
    }
  }
  int At(uint8_t table, int fd) const {
    return fd >= 0 && fd < kMaxFds ? slots_[table][fd] : static_cast<int>(kNoFile);
  }

 private:
  int slots_[kMaxFilesTables][kMaxFds] = {};
};

inline Judgement JudgeFdIdentity(const History& history) {
  Judgement verdict;
  Files files(history.system().initial());
  CallsThatGoOn calls;
  std::map<std::pair<uint8_t, size_t>, int> approved;  // by notification and descriptor
  for (const Fact& fact : history.facts()) {
    calls.Note(fact);
    if (fact.what == What::kReplyAccepted && !fact.addfd && (fact.flags & 1)) {
      const Op& call = CallNumbered(history.program(), fact.target, fact.call);
      const auto& fds = SyscallOf(call.nr).fds;
      for (size_t i = 0; i < fds.size(); ++i) {
        approved[{fact.id, i}] = files.At(fact.table, call.scalars[fds[i].arg]);
      }
    } else if (fact.what == What::kFdLookedUp) {
      const auto found = approved.find({calls.Of(fact.task), fact.entry});
      if (found != approved.end()) {
        verdict.reached = true;
        verdict.violated |= found->second != files.At(fact.table, fact.fd);
      }
    }
    files.Note(fact);
  }
  return verdict;
}

// A call must not go on with an argument at which nothing is mapped.
inline Judgement JudgeBadAddress(const History& history) {
  Judgement verdict;
  const Fact* unmapped = nullptr;
  for (const Fact& fact : history.facts()) {
    if (fact.what == What::kUnmapped) {
      verdict.reached = true;
      unmapped = &fact;
    }
    verdict.violated |= fact.what == What::kServed && fact.ok && unmapped != nullptr &&
                        unmapped->step == fact.step && unmapped->role == fact.role;
  }
  return verdict;
}

// Whether the bytes that a call acted on are those that the scenario names.
inline bool ActsOnExpected(const Program& program, const Op& op, const std::vector<Value>& acted) {
  for (size_t w = 0; w < acted.size(); ++w) {
    const Value expected = w < op.uses.size() ? op.uses[w] : kZero;
    if (acted[w] != expected) return false;
    // Beyond the end of a string nothing is acted on.
    if (acted[w] != kUninit && program.values[acted[w]].has_nul && w + 1 >= op.uses.size()) break;
  }
  return acted.size() >= op.uses.size();
}

inline Judgement JudgeExpectation(const History& history) {
  Judgement verdict;
  std::map<uint8_t, std::vector<Value>> acted;  // by task, in the step that is read
  std::map<uint8_t, uint8_t> acting;
  const auto close = [&] {
    for (const auto& [task, call] : acting) {
      const Op& op = CallNumbered(history.program(), task, call);
      if (!op.has_uses) continue;
      verdict.reached = true;
      verdict.violated |= !ActsOnExpected(history.program(), op, acted[task]);
    }
    acting.clear();
    acted.clear();
  };
  int step = -1;
  for (const Fact& fact : history.facts()) {
    if (fact.step != step) {
      close();
      step = fact.step;
    }
    if (fact.what == What::kActs) acting[fact.task] = fact.call;
    if (fact.what == What::kActedOn) acted[fact.task].push_back(fact.value);
    if (fact.what != What::kReturned) continue;
    const Op& op = CallNumbered(history.program(), fact.task, fact.call);
    // after() calls nobody.
    if (!op.has_expected || op.code == OpCode::kAfter) continue;
    verdict.reached = true;
    verdict.violated |= op.expected != fact.ret;
  }
  close();
  return verdict;
}

}  // namespace knotcheck::model::testing
