// SPDX-License-Identifier: Apache-2.0
//
// The second judge on marks: it looks at what each step did to them, and remembers nothing.

#include "mark/room.h"
#include "model/testing/second_judge.h"

namespace knotcheck::model::testing {
namespace {

using mark::Mark;

mark::MarkState MarksIn(const State& s) { return mark::MarkState(const_cast<State&>(s)); }

bool IsMade(const Mark& one) { return one.life == mark::kAllocated || one.life == mark::kLeaked; }

bool IsReachable(const Moment& m, size_t mark) {
  const mark::MarkState marks = MarksIn(m.after);
  for (size_t t = 0; t < m.program().tasks.size(); ++t) {
    const mark::MarkTask& task = marks.tasks[t];
    const bool lives = m.after.tasks[t].status != kDead;
    if (task.making == mark || task.clearing == mark || (lives && task.mark == mark)) return true;
  }
  return false;
}

void Facts(const Moment& m, std::vector<Fact>* facts) {
  const mark::MarkState before = MarksIn(m.before);
  const mark::MarkState after = MarksIn(m.after);
  bool frees = false;
  for (const std::string& note : m.shown.notes) frees |= note == "mark freed";
  for (size_t i = 0; i < after.count; ++i) {
    Fact fact = m.New(What::kRecordMade);
    fact.record = static_cast<uint8_t>(i + 1);
    fact.ok = true;
    if (!IsMade(before.marks[i]) && IsMade(after.marks[i])) facts->push_back(fact);
    if (IsMade(before.marks[i]) && !IsMade(after.marks[i])) {
      fact.what = frees ? What::kRecordFreed : What::kRecordLost;
      facts->push_back(fact);
    }
    fact.what = What::kRecordLost;
    if (IsMade(after.marks[i]) && !IsReachable(m, i + 1)) facts->push_back(fact);
  }
  for (size_t t = 0; t < m.program().tasks.size(); ++t) {
    const uint8_t on = after.tasks[t].mark;
    if (on == 0 || on == before.tasks[t].mark) continue;
    Fact fact = m.New(What::kRecordAttached);
    fact.target = static_cast<uint8_t>(t);
    fact.record = on;
    facts->push_back(fact);
  }
}

// Whether a task goes to user mode while the mark that was hung on it last is neither freed nor
// replaced.
Judgement JudgeMarkDies(const History& history) {
  Judgement verdict;
  std::map<uint8_t, uint8_t> on;  // by task
  for (const Fact& fact : history.facts()) {
    if (fact.what == What::kRecordAttached) on[fact.target] = fact.record;
    verdict.reached |= fact.what == What::kRecordAttached;
    if (fact.what == What::kRecordFreed) {
      for (auto& [task, record] : on) record = record == fact.record ? 0 : record;
    }
    if (fact.what == What::kReturnedToUser) verdict.violated |= on[fact.task] != 0;
  }
  return verdict;
}

const RoomJudge kRoom = {"mark", Facts, {{"mark-dies", JudgeMarkDies}}};
[[maybe_unused]] const int kRegistered = RegisterRoomJudge(&kRoom);

}  // namespace
}  // namespace knotcheck::model::testing
