// SPDX-License-Identifier: Apache-2.0
//
// MARK, made up: a supervisor hangs a mark on a trapped task, and a task_work takes it away when
// the task returns to user mode.
//
//   struct seccomp_notif_mark { __u64 id; __u32 flags; __u32 pad; };
//   #define SECCOMP_IOCTL_NOTIF_MARK SECCOMP_IOW(9, struct seccomp_notif_mark)
//   #define SECCOMP_MARK_ONCE (1UL << 0)   // EEXIST if this notification was marked before

#pragma once

#include <cstdint>
#include <string>

#include "model/kernel/kernel.h"
#include "model/proposal.h"

namespace knotcheck::model::mark {

inline constexpr int kMarks = 8;
enum Life : uint8_t { kFree, kAllocated, kFreed, kLeaked };

#include "model/state/members.h"
struct MarkTask {
#include "mark/task.def"
};
struct Mark {
#include "mark/record.def"
};
#include "model/state/end.h"

// MARK's part of a state.
struct MarkState {
  explicit MarkState(State& s)
      : tasks(s.proposal_tasks.data()),
        marks(s.proposal.data()),
        count(s.layout().proposal_bytes / sizeof(Mark)) {}

  Part<MarkTask> tasks;
  Part<Mark> marks;
  size_t count;
};
inline MarkState Marks(Kernel& k) { return MarkState(*k.s); }

enum class Revision : uint8_t { v1, v2 };
enum class Mutation : uint8_t {
#define KNOT_MUTATION(name, what) name,
#include "mark/mutations.def"
#undef KNOT_MUTATION
};
enum class Fix : uint8_t {
#define KNOT_FIX(name, what) name,
#include "mark/fixes.def"
#undef KNOT_FIX
};
inline bool IsSet(const Config& config, Revision revision) {
  return config.revision == static_cast<size_t>(revision);
}
inline bool IsSet(const Config& config, Mutation mutation) {
  return config.HasOwnMutation(static_cast<int>(mutation));
}
inline bool IsSet(const Config& config, Fix fix) { return config.HasOwnFix(static_cast<int>(fix)); }

inline constexpr Event kAttached = Event::kProposal0;  // a mark was hung on a task
inline constexpr Event kSurvives = Event::kProposal1;  // ... is there at the return to user mode

enum MarkFunction : uint8_t { kFnMark, kFnClear };
inline int FnNumber(MarkFunction function) { return kFirstProposalFunction + function; }

struct RequestLocals {
  int8_t ret;
  uint8_t id;
};
struct ClearLocals {
  uint8_t task;
};

// kernel/seccomp.c
Flow seccomp_notif_mark(Kernel& k);
Flow seccomp_clear_mark(Kernel& k);
Hook PushClear(Kernel& k, int task);
void ReturnedToUser(Kernel& k);

// The marks: how many there are, their fields, and what becomes of those that nobody has.
uint8_t MakeMark(Kernel& k);
void FreeMark(Kernel& k, uint8_t pointer);
std::string Limits(const Program& p);
void AfterStep(Kernel& k);
void StateBytes(const Program& p, size_t* task_bytes, size_t* bytes);
void ListTaskFields(const FieldContext& c, const std::string& prefix, size_t at, FieldList& fields);
void ListFields(const FieldContext& c, size_t at, FieldList& fields);
void Renumber(const Program& p, State* s);

}  // namespace knotcheck::model::mark
