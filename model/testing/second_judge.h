// SPDX-License-Identifier: Apache-2.0
//
// A second judge: each property once more, as a question about the whole history of a run. The
// first judge is in the kernel's code: it remembers on the way, in ghost state, what it needs
// later. This one remembers nothing and looks at everything. Where the two differ, one is wrong.
//
// `resumes` is not here: it is about runs that never end.

#pragma once

#include <string>
#include <vector>

#include "model/testing/judge_arguments.h"
#include "model/testing/judge_notifier.h"
#include "model/testing/judge_records.h"
#include "model/testing/room_judge.h"

namespace knotcheck::model::testing {

inline const std::vector<PropertyJudge>& PropertyJudges() {
  static const auto* const judges = [] {
    auto* const all = new std::vector<PropertyJudge>{
        {"addfd-once", JudgeAddfdOnce},
        {"addfd-send", JudgeAddfdSend},
        {"bad-address", JudgeBadAddress},
        {"charge", JudgeCharge},
        {"dies-with-call", JudgeDiesWithCall},
        {"expectation", JudgeExpectation},
        {"fail-closed", JudgeFailClosed},
        {"fd-identity", JudgeFdIdentity},
        {"fresh-pin", JudgeFreshPin},
        {"hangup", nullptr, JudgeHangup},
        {"lock-discipline", JudgeLockDiscipline},
        {"looked-first", JudgeLookedFirst},
        {"no-double-free", JudgeNoDoubleFree},
        {"no-information-leak", JudgeNoInformationLeak},
        {"no-leak", JudgeNoLeak},
        {"own-image", JudgeOwnImage},
        {"no-uninitialised-read", JudgeNoUninitialisedRead},
        {"no-use-after-free", JudgeNoUseAfterFree},
        {"not-inherited", JudgeNotInherited},
        {"one-listener", JudgeOneListener},
        {"one-reply", JudgeOneReply},
        {"pin-budget", JudgePinBudget},
        {"progress", nullptr, JudgeProgress},
        {"read-data", JudgeReadData},
        {"reply-acted-on", JudgeReplyActedOn},
        {"single-shot", JudgeSingleShot},
        {"toctou", JudgeToctou},
        {"truncated-flag", JudgeTruncatedFlag},
    };
    for (const RoomJudge* room : RoomJudges()) {
      all->insert(all->end(), room->judges.begin(), room->judges.end());
    }
    return all;
  }();
  return *judges;
}

// Of a property by its name; nullptr: nobody judges it a second time.
inline const PropertyJudge* FindJudge(const std::string& property) {
  for (const PropertyJudge& judge : PropertyJudges()) {
    if (property == judge.property) return &judge;
  }
  return nullptr;
}

inline Judgement Judge(const PropertyJudge& judge, const History& history, bool rested) {
  return judge.judge != nullptr ? judge.judge(history) : judge.judge_at_end(history, rested);
}

}  // namespace knotcheck::model::testing
