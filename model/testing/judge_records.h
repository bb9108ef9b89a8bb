// SPDX-License-Identifier: Apache-2.0
//
// The second judge on records: their life, whom they serve, and what PIN_ARGS says of them. Part of
// model/testing/second_judge.h.

#pragma once

#include <map>
#include <set>
#include <utility>

#include "model/testing/judge_arguments.h"

namespace knotcheck::model::testing {

inline Judgement JudgeNoDoubleFree(const History& history) {
  Judgement verdict;
  for (const Fact& fact : history.facts()) {
    verdict.reached |= fact.what == What::kRecordFreed;
    verdict.violated |= fact.what == What::kRecordFreedAgain;
  }
  return verdict;
}

inline Judgement JudgeNoUseAfterFree(const History& history) {
  Judgement verdict;
  for (const Fact& fact : history.facts()) {
    if (fact.what != What::kRecordRead) continue;
    verdict.reached |= !fact.freed;
    verdict.violated |= fact.freed;
  }
  return verdict;
}

inline Judgement JudgeNoLeak(const History& history) {
  Judgement verdict;
  for (const Fact& fact : history.facts()) {
    verdict.reached |= fact.what == What::kRecordMade;
    verdict.violated |= fact.what == What::kRecordLost;
  }
  return verdict;
}

inline Judgement JudgeNoUninitialisedRead(const History& history) {
  Judgement verdict;
  for (const Fact& fact : history.facts()) {
    if (fact.what != What::kFetched) continue;
    verdict.reached = true;
    verdict.violated |= fact.value == kUninit;
  }
  return verdict;
}

inline Judgement JudgeNoInformationLeak(const History& history) {
  Judgement verdict;
  for (const Fact& fact : history.facts()) {
    if (fact.what != What::kCopiedOut) continue;
    verdict.reached = true;
    verdict.violated |= fact.bare;
  }
  return verdict;
}

inline Judgement JudgeCharge(const History& history) {
  Judgement verdict;
  for (const Fact& fact : history.facts()) {
    if (fact.what != What::kRecordMade) continue;
    verdict.reached = true;
    verdict.violated |= !fact.ok;
  }
  return verdict;
}

inline Judgement JudgeDiesWithCall(const History& history) {
  Judgement verdict;
  std::set<uint8_t> pinned;  // tasks to whose call a record was attached
  for (const Fact& fact : history.facts()) {
    if (fact.what == What::kRecordAttached) pinned.insert(fact.target);
    if (fact.what != What::kReturnedToUser) continue;
    verdict.reached |= pinned.erase(fact.task) != 0;
    verdict.violated |= fact.record != 0;
  }
  return verdict;
}

inline Judgement JudgeFreshPin(const History& history) {
  Judgement verdict;
  std::set<uint8_t> pinned;  // notifications
  for (const Fact& fact : history.facts()) {
    if (fact.what == What::kRecordAttached) pinned.insert(fact.id);
    if (fact.what != What::kPinAsked) continue;
    verdict.reached = true;
    verdict.violated |= fact.error == kEEXIST && pinned.count(fact.id) == 0;
  }
  return verdict;
}

inline Judgement JudgeNotInherited(const History& history) {
  Judgement verdict;
  for (const Fact& fact : history.facts()) {
    if (fact.what != What::kCloned) continue;
    verdict.reached = true;
    verdict.violated |= fact.record != 0;
  }
  return verdict;
}

inline Judgement JudgePinBudget(const History& history) {
  Judgement verdict;
  for (const Fact& fact : history.facts()) {
    if (fact.what != What::kPinChecked) continue;
    verdict.reached = true;
    verdict.violated |= fact.bytes > uint64_t{1} << 20;
  }
  return verdict;
}

// A record is in the service of the call for which SEND made it live, and of the one that finds it.
inline Judgement JudgeSingleShot(const History& history) {
  Judgement verdict;
  std::map<uint8_t, uint8_t> made_for;  // by record: the notification
  std::map<uint8_t, uint8_t> call_of;   // by task: the notification of its call
  for (const Fact& fact : history.facts()) {
    if (fact.what == What::kRecordMade) made_for[fact.record] = fact.id;
    if (fact.what == What::kTrapped) call_of[fact.target] = fact.id;
    if (fact.what == What::kReturnedToUser) call_of[fact.task] = 0;
    if (fact.what != What::kRecordArmed && fact.what != What::kRecordFound) continue;
    const bool armed = fact.what == What::kRecordArmed;
    verdict.reached = true;
    verdict.violated |= made_for[fact.record] != (armed ? fact.id : call_of[fact.task]);
  }
  return verdict;
}

inline Judgement JudgeOwnImage(const History& history) {
  Judgement verdict;
  std::map<uint8_t, uint8_t> made_by;  // by supervisor: the program that made the call
  // ... and the one whose memory it reads: of the argument, and of a string.
  std::map<std::pair<uint8_t, bool>, uint8_t> taken;
  for (const Fact& fact : history.facts()) {
    if (fact.what == What::kPinAsked) made_by[fact.task] = fact.image;
    if (fact.what == What::kMmTaken) {
      taken[{fact.task, fact.shown}] = fact.ok ? made_by[fact.task] : fact.image;
      verdict.reached |= fact.image >= 2 && fact.image != made_by[fact.task];
    }
    if (fact.what != What::kWalkRead) continue;
    verdict.violated |= taken[{fact.task, fact.shown}] != made_by[fact.task];
  }
  return verdict;
}

inline Judgement JudgeTruncatedFlag(const History& history) {
  Judgement verdict;
  std::set<uint8_t> cut;  // supervisors whose walker has left something out
  for (const Fact& fact : history.facts()) {
    if (fact.what == What::kCutOff) cut.insert(fact.task);
    verdict.reached |= fact.what == What::kStringWalked;
    if (fact.what != What::kWalkOver) continue;
    const bool left_out = cut.erase(fact.task) != 0;
    if (!fact.ok) continue;
    verdict.reached = true;
    verdict.violated |= left_out != fact.told;
  }
  return verdict;
}

}  // namespace knotcheck::model::testing
