// SPDX-License-Identifier: Apache-2.0
//
// The records of PIN_ARGS v1: how many there are, who has them, what they are called.

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "model/proposals/pin_args/room.h"

namespace knotcheck::model::pin_args {

// The entry stride of array buffers: what the longest string takes to which a table can point.
int StrideOf(const Program& p) {
  int stride = 1;
  for (const Word& word : p.words) {
    for (const Value value : word.domain) {
      const int object = p.values[value].object;
      if (object >= 0) {
        stride = std::max<int>(stride, p.objects[static_cast<size_t>(object)].words);
      }
    }
  }
  return stride;
}

bool ReadsLater(const Op& call) {
  if (call.code != OpCode::kSyscall) return false;
  const auto& roles = SyscallOf(call.nr).roles;
  return std::any_of(roles.begin(), roles.end(), [](const Role& role) {
    return std::find(role.passes.begin(), role.passes.end(), Pass::kImportLater) !=
           role.passes.end();
  });
}

namespace {

// How many records a run can need at once. Each supervisor thread builds one, or clears one that
// it has taken from a task; each task has one attached, or clears its own, and while it does
// neither can another be attached to it, as nobody finds it trapped. What a request reads later may
// be freed by then, and one more may be freed and still pointed to.
int RecordsNeeded(const Program& p) {
  int records = 1;
  for (const TaskInfo& info : p.tasks) {
    const bool builds = std::any_of(info.ops.begin(), info.ops.end(),
                                    [](const Op& op) { return op.code == OpCode::kVerb; });
    const bool later = std::any_of(info.ops.begin(), info.ops.end(), ReadsLater) ||
                       std::any_of(info.handler.begin(), info.handler.end(), ReadsLater);
    if (info.kind == TaskKind::kSupervisor) {
      records += builds ? 1 : 0;
    } else if (info.filtered) {
      records += later ? 2 : 1;
    }
  }
  return records;
}

// As many as that, where it is known that more are not needed.
int RecordsOf(const Program& p) { return std::min(RecordsNeeded(p), kRecords); }

// How many words of a record a descriptor of a call can fill.
int WordsPinned(const Program& p, const Op& call, const Descriptor& d) {
  if (d.arg < 0 || d.arg >= 6 || !(call.is_pointer >> d.arg & 1)) return 0;
  const int object = p.values[call.pointers[static_cast<size_t>(d.arg)]].object;
  if (object < 0) return 0;
  const Object& o = p.objects[static_cast<size_t>(object)];
  const auto limit = static_cast<int>(std::min<uint32_t>(d.max_bytes / 8 + 1, 1000));
  if (d.kind == kCstringArray) {
    if (o.kind != Object::Kind::kPointers) return 0;
    int entries = 0;
    for (int w = 0; w < o.words; ++w) {
      const auto& domain = p.words[static_cast<size_t>(o.first_word + w)].domain;
      entries += domain.size() > 1 || domain[0] != kZero ? 1 : 0;
    }
    return entries * StrideOf(p);
  }
  return std::min<int>(o.words, limit);
}

// How many arguments one request of the program pins at most.
size_t DescriptorsOf(const Program& p) {
  size_t descriptors = 0;
  for (const auto& pins : p.policy_pins) descriptors = std::max(descriptors, pins.size());
  for (const TaskInfo& info : p.tasks) {
    for (const Op& op : info.ops) descriptors = std::max(descriptors, op.descriptors.size());
  }
  return descriptors;
}

}  // namespace

std::string Limits(const Program& p) {
  if (RecordsNeeded(p) > kRecords) {
    return absl::StrCat("found supervisors and targets that need up to ", RecordsNeeded(p),
                        " pin records at once, expected at most ", kRecords);
  }
  int words = 0;
  for (const TaskInfo& by : p.tasks) {
    for (const Op& op : by.ops) {
      if (op.code != OpCode::kVerb) continue;
      for (const TaskInfo& info : p.tasks) {
        if (!info.filtered) continue;
        for (const auto* ops : {&info.ops, &info.handler}) {
          for (const Op& call : *ops) {
            if (call.code != OpCode::kSyscall || !p.trapped[static_cast<size_t>(call.nr)]) continue;
            const auto& pins = op.descriptors.empty() ? p.policy_pins[static_cast<size_t>(call.nr)]
                                                      : op.descriptors;
            for (const Descriptor& d : pins) words = std::max(words, WordsPinned(p, call, d));
          }
        }
      }
    }
  }
  if (words > kPinWords) {
    return absl::StrCat("found an argument of which ", words,
                        " words can be pinned, expected at most ", kPinWords,
                        " (a word is 8 bytes; of a table, all strings count)");
  }
  return "";
}

// seccomp_alloc_pinned_args(): the lowest record that nothing points to.
uint8_t AllocateRecord(Kernel& k) {
  PinState pins = Pins(k);
  for (size_t i = 0; i < pins.record_count; ++i) {
    if (pins.records[i].life == kFree) {
      pins.records[i].life = kAllocated;
      return static_cast<uint8_t>(i + 1);
    }
  }
  KNOT_CHECK(false && "a free pin record: the scenario has too many at once");
  return 0;
}

// seccomp_free_pinned_args()
void FreeRecord(Kernel& k, uint8_t pointer) {
  if (pointer == 0) return;
  Record& record = Pins(k).records[pointer - 1];
  k.Raise(Event::kFreed);
  if (record.life != kAllocated) {
    k.Note("double free of the pin record");
    k.Fault(Event::kDoubleFree);
    return;
  }
  record = Record{};
  record.life = kFreed;
  k.Note("pin record freed");
}

// Finds records that nothing points to: a leak while allocated, room for others once freed.
void AfterStep(Kernel& k) {
  PinState pins = Pins(k);
  // Without a record nobody has a pointer to one.
  const bool any = std::any_of(pins.records.data(), pins.records.data() + pins.record_count,
                               [](const Record& record) { return record.life != kFree; });
  uint32_t reachable = 0;
  uint32_t dangling = 0;
  for (size_t t = 0; t < k.p.tasks.size(); ++t) {
    const Task& task = k.s->tasks[t];
    PinTask& pin = pins.tasks[t];
    if (!task.knotif.listed) pin.pin_in_progress = 0;
    if (!any) continue;
    dangling |= 1u << pin.using_;
    // The task_struct of a dead task is gone, and with it its pointers.
    if (task.status == kDead) pin.pinned_args = pin.using_ = 0;
    reachable |= 1u << pin.pinned_args | 1u << pin.building | 1u << pin.clearing;
    for (int i = 0; i < 2; ++i) {
      dangling |= 1u << task.task_works[i] | 1u << task.running_works[i];
    }
  }
  for (size_t i = 0; i < pins.record_count && any; ++i) {
    Record& record = pins.records[i];
    const uint32_t bit = 1u << (i + 1);
    if (record.life == kAllocated && !(reachable & bit)) {
      k.Raise(Event::kLeak);
      k.Note("the pin record of knotif {} is leaked", static_cast<int>(record.notif_id));
      record = Record{};
      record.life = kLeaked;
    }
    if (record.life != kFree && record.life != kAllocated && !((reachable | dangling) & bit)) {
      record = Record{};
    }
  }
}

void StateBytes(const Program& p, size_t* task_bytes, size_t* bytes) {
  *task_bytes = sizeof(PinTask);
  *bytes = static_cast<size_t>(RecordsOf(p)) * sizeof(Record);
}

#include "model/state/rows.h"
void ListTaskFields(const FieldContext& c, const std::string& prefix, size_t at,
                    FieldList& fields) {
  using Struct = PinTask;
#include "model/proposals/pin_args/task.def"
}

namespace {

void ListPinnedArg(const FieldContext& c, const std::string& prefix, size_t at, FieldList& fields) {
  using Struct = PinnedArg;
#include "model/proposals/pin_args/arg.def"
}

void ListRecord(const FieldContext& c, const std::string& prefix, size_t at, FieldList& fields) {
  using Struct = Record;
#include "model/proposals/pin_args/record.def"
}

}  // namespace

void ListFields(const FieldContext& c, size_t at, FieldList& fields) {
  if (DescriptorsOf(c.program) == 0) return;
  for (int r = 0; r < RecordsOf(c.program); ++r) {
    ListRecord(c, absl::StrCat("record", r + 1, "."), at + static_cast<size_t>(r) * sizeof(Record),
               fields);
  }
}

#include "model/state/end.h"

// Records by the order in which pointers to them are met; those that nothing points to are free.
void Renumber(const Program& p, State* s) {
  PinState pins = Pins(*s);
  uint8_t number[kRecords + 1] = {};
  uint8_t next = 0;
  bool moved = false;
  const auto meet = [&](uint8_t& pointer) {
    if (pointer == 0) return;
    if (number[pointer] == 0) number[pointer] = ++next;
    moved |= number[pointer] != pointer;
    pointer = number[pointer];
  };
  for (size_t t = 0; t < p.tasks.size(); ++t) {
    meet(pins.tasks[t].pinned_args);
    meet(pins.tasks[t].building);
    meet(pins.tasks[t].clearing);
    meet(pins.tasks[t].using_);
    for (uint8_t& work : s->tasks[t].task_works) meet(work);
    for (uint8_t& work : s->tasks[t].running_works) meet(work);
  }
  if (!moved) return;
  Record old[kRecords];
  const size_t bytes = pins.record_count * sizeof(Record);
  std::memcpy(old, pins.records.data(), bytes);
  for (size_t i = 0; i < pins.record_count; ++i) {
    if (number[i + 1] == 0 && old[i].life != kFree) number[i + 1] = ++next;
  }
  std::memset(pins.records.data(), 0, bytes);
  for (size_t i = 0; i < pins.record_count; ++i) {
    if (number[i + 1] != 0) pins.records[number[i + 1] - 1u] = old[i];
  }
}

}  // namespace knotcheck::model::pin_args
