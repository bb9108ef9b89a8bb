// SPDX-License-Identifier: Apache-2.0
//
// The second judge on notifications, their answers, notify_lock and the life of tasks. Part of
// model/testing/second_judge.h.

#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "model/kernel/uapi.h"
#include "model/testing/judge_arguments.h"

namespace knotcheck::model::testing {

inline Judgement JudgeLockDiscipline(const History& history) {
  Judgement verdict;
  for (const Fact& fact : history.facts()) {
    verdict.reached |= fact.what == What::kLocked;
    verdict.violated |= fact.what == What::kLockedAgain || fact.what == What::kLockedInUserMode ||
                        (fact.what == What::kUnlocked && fact.target != fact.task);
  }
  return verdict;
}

// The answers of one notification, as their senders know them.
struct Answers {
  std::vector<Fact> standing;  // accepted and not taken back
  std::vector<Fact> accepted;  // all of them
  bool closed_last = false;    // closing the listener answered after all of them
  std::set<int> installed;     // descriptors
};

class AllAnswers {
 public:
  void Note(const Fact& fact) {
    Answers& answers = by_id_[fact.id];
    if (fact.what == What::kReplyAccepted) {
      answers.standing.push_back(fact);
      answers.accepted.push_back(fact);
      answers.closed_last = false;
    } else if (fact.what == What::kReplyTakenBack) {
      std::erase_if(answers.standing,
                    [&](const Fact& reply) { return reply.addfd && reply.task == fact.task; });
    } else if (fact.what == What::kAnsweredByClose) {
      answers.closed_last = (fact.flags & kUserNotifContinue) == 0;
    } else if (fact.what == What::kInstalled) {
      answers.installed.insert(fact.fd);
    }
  }
  const Answers& Of(uint8_t id) { return by_id_[id]; }

 private:
  std::map<uint8_t, Answers> by_id_;
};

inline Judgement JudgeOneReply(const History& history) {
  Judgement verdict;
  AllAnswers answers;
  for (const Fact& fact : history.facts()) {
    if (fact.what == What::kReplyAccepted) {
      verdict.reached = true;
      verdict.violated |= !answers.Of(fact.id).standing.empty();
    }
    answers.Note(fact);
  }
  return verdict;
}

inline Judgement JudgeReplyActedOn(const History& history) {
  Judgement verdict;
  AllAnswers answers;
  for (const Fact& fact : history.facts()) {
    verdict.reached |= fact.what == What::kReplyAccepted;
    if (fact.what == What::kLeft && !answers.Of(fact.id).standing.empty()) {
      const bool acted_on = fact.taken && !answers.Of(fact.id).closed_last;
      verdict.violated |= !acted_on && !fact.dying;
    }
    // Another answer stands in its place now, whatever the task comes to.
    const bool replaced = fact.what == What::kAnsweredByClose &&
                          (fact.flags & kUserNotifContinue) == 0 &&
                          !answers.Of(fact.id).standing.empty();
    verdict.violated |= replaced && !fact.dying;
    answers.Note(fact);
  }
  return verdict;
}

inline Judgement JudgeAddfdOnce(const History& history) {
  Judgement verdict;
  AllAnswers answers;
  for (const Fact& fact : history.facts()) {
    verdict.reached |= fact.what == What::kInstalled;
    if (fact.what == What::kLeft && !fact.taken && !fact.dying) {
      verdict.violated |= !answers.Of(fact.id).installed.empty();
    }
    answers.Note(fact);
  }
  return verdict;
}

inline Judgement JudgeAddfdSend(const History& history) {
  Judgement verdict;
  AllAnswers answers;
  for (const Fact& fact : history.facts()) {
    if (fact.what == What::kAddfdReturned && fact.addfd && fact.ret >= 0) verdict.reached = true;
    if (fact.what == What::kLeft && fact.taken) {
      const Answers& all = answers.Of(fact.id);
      const auto by_addfd = [](const Fact& reply) { return reply.addfd; };
      // Its caller was told so, or nobody else can have answered.
      const bool answered =
          std::any_of(all.standing.begin(), all.standing.end(), by_addfd) ||
          (!all.accepted.empty() && all.accepted.back().addfd && !all.closed_last);
      const bool descriptor =
          !(fact.flags & 1) && fact.error == 0 && all.installed.count(fact.ret) != 0;
      verdict.violated |= answered && !descriptor;
    }
    answers.Note(fact);
  }
  return verdict;
}

inline bool InFunction(const History& history, size_t task, Fn function) {
  return Inside(history.system(), history.state().tasks[task], function);
}

inline Judgement JudgeHangup(const History& history, bool rested) {
  Judgement verdict;
  for (const Fact& fact : history.facts()) verdict.reached |= fact.what == What::kUnused;
  if (!rested) return verdict;
  const auto& tasks = history.program().tasks;
  bool some = false, all_dead = true, waits = false;
  for (size_t t = 0; t < tasks.size(); ++t) {
    const uint8_t status = history.state().tasks[t].status;
    if (tasks[t].filtered && status != kNotStarted) {
      some = true;
      all_dead &= status == kDead;
    }
    waits |= InFunction(history, t, Fn::k_seccomp_notify_recv) ||
             InFunction(history, t, Fn::k_seccomp_notify_poll);
  }
  verdict.violated = some && all_dead && waits;
  return verdict;
}

inline Judgement JudgeProgress(const History& history, bool rested) {
  Judgement verdict;
  for (const Fact& fact : history.facts()) verdict.reached |= fact.what == What::kTrapped;
  if (!rested) return verdict;
  const auto& tasks = history.program().tasks;
  for (size_t t = 0; t < tasks.size(); ++t) {
    const Task& task = history.state().tasks[t];
    if (tasks[t].kind != TaskKind::kSupervisor) {
      verdict.violated |= task.status != kDead && task.status != kNotStarted;
      continue;
    }
    // A supervisor may wait for what does not come, or be done, but not be stuck elsewhere.
    const int function = Innermost(task);
    const bool idle = function == 0 || function == static_cast<int>(Fn::k_supervisor_mode) ||
                      function == static_cast<int>(Fn::k_recv_wait_event) ||
                      function == static_cast<int>(Fn::k_seccomp_notify_poll);
    verdict.violated |= !idle;
  }
  return verdict;
}

inline Judgement JudgeOneListener(const History& history) {
  Judgement verdict;
  for (const Fact& fact : history.facts()) {
    verdict.reached |= fact.what == What::kFilterAttached;
    verdict.violated |= fact.what == What::kListeners;
  }
  return verdict;
}

inline Judgement JudgeReadData(const History& history) {
  Judgement verdict;
  std::map<uint8_t, std::set<uint8_t>> stored;  // by task: words of the buffer
  for (const Fact& fact : history.facts()) {
    if (fact.what == What::kStored) {
      verdict.reached = true;
      stored[fact.task].insert(fact.word);
    }
    if (fact.what == What::kReturnedToUser) stored[fact.task].clear();
    if (fact.what != What::kDelivered) continue;
    verdict.reached = true;
    verdict.violated |= stored[fact.task].size() < fact.word;
  }
  return verdict;
}

}  // namespace knotcheck::model::testing
