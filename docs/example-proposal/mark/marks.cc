// SPDX-License-Identifier: Apache-2.0
//
// The marks: capacities, fields, names, and what becomes of those that nobody has.

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "mark/room.h"

namespace knotcheck::model::mark {
namespace {

// Each supervisor makes one or clears one, each task has one or clears its own; one more may be
// lost in that step.
int MarksNeeded(const Program& p) {
  int marks = 1;
  for (const TaskInfo& info : p.tasks) {
    const bool makes = std::any_of(info.ops.begin(), info.ops.end(),
                                   [](const Op& op) { return op.code == OpCode::kVerb; });
    marks += makes || info.filtered ? 1 : 0;
  }
  return marks;
}

int MarksOf(const Program& p) { return std::min(MarksNeeded(p), kMarks); }

}  // namespace

std::string Limits(const Program& p) {
  if (MarksNeeded(p) <= kMarks) return "";
  return absl::StrCat("found supervisors and targets that need up to ", MarksNeeded(p),
                      " marks at once, expected at most ", kMarks);
}

// The lowest that nothing points to.
uint8_t MakeMark(Kernel& k) {
  MarkState marks = Marks(k);
  for (size_t i = 0; i < marks.count; ++i) {
    if (marks.marks[i].life != kFree) continue;
    marks.marks[i].life = kAllocated;
    return static_cast<uint8_t>(i + 1);
  }
  KNOT_CHECK(false && "a free mark: the scenario has too many at once");
  return 0;
}

void FreeMark(Kernel& k, uint8_t pointer) {
  if (pointer == 0) return;
  Mark& mark = Marks(k).marks[pointer - 1];
  k.Raise(Event::kFreed);
  if (mark.life != kAllocated) {
    k.Fault(Event::kDoubleFree);
    return;
  }
  mark = Mark{};
  mark.life = kFreed;
  k.Note("mark freed");
}

void AfterStep(Kernel& k) {
  MarkState marks = Marks(k);
  uint32_t reachable = 0;
  uint32_t dangling = 0;
  for (size_t t = 0; t < k.p.tasks.size(); ++t) {
    const Task& task = k.s->tasks[t];
    MarkTask& own = marks.tasks[t];
    if (!task.knotif.listed) own.marked = 0;
    if (task.status == kDead) own.mark = 0;
    reachable |= 1u << own.mark | 1u << own.making | 1u << own.clearing;
    for (int i = 0; i < 2; ++i) {
      dangling |= 1u << task.task_works[i] | 1u << task.running_works[i];
    }
  }
  for (size_t i = 0; i < marks.count; ++i) {
    Mark& mark = marks.marks[i];
    const uint32_t bit = 1u << (i + 1);
    if (mark.life == kAllocated && !(reachable & bit)) {
      k.Raise(Event::kLeak);
      k.Note("a mark is leaked");
      mark = Mark{};
      mark.life = kLeaked;
    }
    if (mark.life != kFree && mark.life != kAllocated && !((reachable | dangling) & bit)) {
      mark = Mark{};
    }
  }
}

void StateBytes(const Program& p, size_t* task_bytes, size_t* bytes) {
  *task_bytes = sizeof(MarkTask);
  *bytes = static_cast<size_t>(MarksOf(p)) * sizeof(Mark);
}

#include "model/state/rows.h"
void ListTaskFields(const FieldContext& c, const std::string& prefix, size_t at,
                    FieldList& fields) {
  using Struct = MarkTask;
#include "mark/task.def"
}

namespace {

void ListMark(const FieldContext& c, const std::string& prefix, size_t at, FieldList& fields) {
  using Struct = Mark;
#include "mark/record.def"
}

}  // namespace

void ListFields(const FieldContext& c, size_t at, FieldList& fields) {
  for (int m = 0; m < MarksOf(c.program); ++m) {
    ListMark(c, absl::StrCat("mark", m + 1, "."), at + static_cast<size_t>(m) * sizeof(Mark),
             fields);
  }
}
#include "model/state/end.h"

// Marks by the order in which pointers to them are met.
void Renumber(const Program& p, State* s) {
  MarkState marks(*s);
  uint8_t number[kMarks + 1] = {};
  uint8_t next = 0;
  const auto meet = [&](uint8_t& pointer) {
    if (pointer == 0) return;
    if (number[pointer] == 0) number[pointer] = ++next;
    pointer = number[pointer];
  };
  for (size_t t = 0; t < p.tasks.size(); ++t) {
    meet(marks.tasks[t].mark);
    meet(marks.tasks[t].making);
    meet(marks.tasks[t].clearing);
    for (uint8_t& work : s->tasks[t].task_works) meet(work);
    for (uint8_t& work : s->tasks[t].running_works) meet(work);
  }
  Mark old[kMarks];
  const size_t bytes = marks.count * sizeof(Mark);
  std::memcpy(old, marks.marks.data(), bytes);
  for (size_t i = 0; i < marks.count; ++i) {
    if (number[i + 1] == 0 && old[i].life != kFree) number[i + 1] = ++next;
  }
  std::memset(marks.marks.data(), 0, bytes);
  for (size_t i = 0; i < marks.count; ++i) {
    if (number[i + 1] != 0) marks.marks[number[i + 1] - 1u] = old[i];
  }
}

}  // namespace knotcheck::model::mark
