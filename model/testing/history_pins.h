// SPDX-License-Identifier: Apache-2.0
//
// Facts about PIN_ARGS v1: its requests, its records and who uses them. The layouts of its
// functions' locals are repeated here from the C names; model/proposals/pin_args/room.h has them.

#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "model/errno.h"
#include "model/proposals/pin_args/toggles.h"
#include "model/testing/history.h"
#include "model/testing/history_calls.h"

namespace knotcheck::model::testing {

// The locals of seccomp_notif_pin_args(), of pin_one_fixed() and pin_one_cstring(), of
// pin_one_cstring_array(), and of the fetch points.
struct RequestLocals {
  int8_t ret;
  uint8_t id, task, call, call_mm;
};
struct StringWalkLocals {
  uint8_t task, call, arg, w, mm, call_mm;
};
struct ArrayWalkLocals {
  uint8_t task, call, arg, i, count, byte_off, w, counted, truncated, cut;
  Value ptr;
  uint8_t mm, str_mm, call_mm;
};
struct ServeLocals {
  uint8_t role, arg, w, n;
};
struct ClearingLocals {
  uint8_t task;
};

template <class L>
const L* PinLocals(const Moment& m, const Task& task, const char* function) {
  const int number = ProposalFunction(m.system, function);
  return number == 0 ? nullptr : reinterpret_cast<const L*>(LocalsIn(m.system, task, number));
}

inline const Descriptor* DescriptorsOf(const Moment& m, const Op& op, int target, uint8_t call,
                                       size_t* count) {
  const auto& own = op.descriptors;
  const auto& pins =
      own.empty() && target >= 0
          ? m.program().policy_pins[static_cast<size_t>(CallNumbered(m.program(), target, call).nr)]
          : own;
  *count = pins.size();
  return pins.data();
}

// How far apart the strings of a table stand in a record.
inline int StrideOfStrings(const Program& program) {
  int stride = 1;
  for (const Word& word : program.words) {
    for (const Value value : word.domain) {
      const int object = program.values[value].object;
      if (object < 0) continue;
      stride = std::max<int>(stride, program.objects[static_cast<size_t>(object)].words);
    }
  }
  return stride;
}

// Phase A found its notification, or not; the request has passed the checks of its sizes.
inline void RequestFacts(const Moment& m, std::vector<Fact>* facts) {
  const auto* before = PinLocals<RequestLocals>(m, m.Before(), "seccomp_notif_pin_args");
  const auto* after = PinLocals<RequestLocals>(m, m.After(), "seccomp_notif_pin_args");
  // What stands before its first statement has passed the checks that come before that.
  if (before == nullptr && after != nullptr) {
    const Op& op = m.info().ops[m.After().op];
    Fact fact = m.New(What::kPinChecked);
    fact.id = after->id;
    size_t count = 0;
    const Descriptor* pins = DescriptorsOf(m, op, m.After().variable_task[op.variable] - 1,
                                           m.After().variable_call[op.variable], &count);
    for (size_t i = 0; i < count; ++i) fact.bytes += pins[i].max_bytes;
    facts->push_back(fact);
  }
  const bool phase_a = m.At("seccomp_notif_pin_args", "mutex_lock") && after != nullptr &&
                       (before == nullptr || before->task == 0);
  if (phase_a) {
    Fact fact = m.New(What::kPinAsked);
    fact.id = after->id;
    for (size_t t = 0; t < m.program().tasks.size(); ++t) {
      const Knotif& n = m.before.tasks[t].knotif;
      if (!n.listed || n.id != after->id || n.state != kSent) continue;
      fact.target = static_cast<uint8_t>(t);
      fact.error = -after->ret;
      fact.image = ImageRun(m.before.tasks[t]);
      facts->push_back(fact);
    }
  }
  if (before == nullptr || after != nullptr || m.fault) return;
  // The last unlock: with the record attached, or with an error.
  if (before->task == 0) return;
  Fact fact = m.New(What::kLookOver);
  fact.shown = true;
  fact.id = before->id;
  fact.target = static_cast<uint8_t>(before->task - 1);
  fact.call = before->call;
  fact.ok = before->ret == 0;
  facts->push_back(fact);
}

// Whether the step makes a record: the walk begins, and its allocation, if it may fail, does not.
inline bool MakesRecord(const Moment& m) {
  const auto* before = PinLocals<RequestLocals>(m, m.Before(), "seccomp_notif_pin_args");
  const auto* after = PinLocals<RequestLocals>(m, m.After(), "seccomp_notif_pin_args");
  if (before == nullptr) return false;
  if (m.In("seccomp_pin_args_walk")) {
    return m.before.globals().allocation_failures_left ==
           m.after.globals().allocation_failures_left;
  }
  return m.At("seccomp_notif_pin_args", "mutex_unlock") && after != nullptr && before->ret == 0 &&
         before->task != 0 && m.before.globals().allocation_failures_left == 0;
}

inline bool IsMade(uint8_t life) {
  return life == pin_args::kAllocated || life == pin_args::kLeaked;
}

// Whether anything leads to a record.
inline bool IsReachable(const Moment& m, uint8_t record) {
  const pin_args::PinState pins = m.PinsAfter();
  for (size_t t = 0; t < m.program().tasks.size(); ++t) {
    const Task& task = m.after.tasks[t];
    const bool lives = task.status != kDead;
    if (lives && pins.tasks[t].pinned_args == record) return true;
    if (pins.tasks[t].building == record || pins.tasks[t].clearing == record ||
        pins.tasks[t].using_ == record) {
      return true;
    }
    for (const uint8_t work : task.task_works) {
      if (work == record) return true;
    }
    for (const uint8_t work : task.running_works) {
      if (work == record) return true;
    }
  }
  return false;
}

inline void LifeFacts(const Moment& m, std::vector<Fact>* facts) {
  if (MakesRecord(m)) {
    const auto* l = PinLocals<RequestLocals>(m, m.Before(), "seccomp_notif_pin_args");
    Fact fact = m.New(What::kRecordMade);
    fact.id = l->id;
    fact.target = static_cast<uint8_t>(l->task - 1);
    fact.call = l->call;
    fact.record = m.PinsAfter().tasks[m.task].building;
    // GFP_KERNEL_ACCOUNT charges whoever calls, unless another cgroup is made active.
    fact.ok = IsSet(m.system.config(), pin_args::Fix::charge_target);
    facts->push_back(fact);
    // A walk that fails at once frees it in the same step.
    fact.what = What::kRecordFreed;
    if (fact.record == 0) facts->push_back(fact);
  }
  // The state gives the room of a record that is lost to another one; what frees one says so.
  const bool frees =
      std::any_of(m.shown.notes.begin(), m.shown.notes.end(),
                  [](const std::string& note) { return note.rfind("pin record freed", 0) == 0; });
  for (uint8_t r = 1; r <= m.PinsAfter().record_count; ++r) {
    const uint8_t before = m.PinsBefore().records[r - 1].life;
    const uint8_t after = m.PinsAfter().records[r - 1].life;
    Fact fact = m.New(What::kRecordFreed);
    fact.record = r;
    if (IsMade(before) && !IsMade(after)) {
      if (!frees) fact.what = What::kRecordLost;
      facts->push_back(fact);
    }
    fact.what = What::kRecordLost;
    if (IsMade(after) && !IsReachable(m, r) && !m.fault) facts->push_back(fact);
  }
}

// The record whose memory a statement looks at; 0: none.
inline uint8_t RecordLookedAt(const Moment& m) {
  const pin_args::PinState pins = m.PinsBefore();
  const std::string& statement = m.shown.statement;
  if (statement.rfind("pin = seccomp_pin_lookup_current", 0) == 0) {
    const bool ignored =
        m.In("pinned_getname_flags") && IsSet(m.system.config(), pin_args::Mutation::ignore_pin);
    return ignored ? 0 : pins.tasks[m.task].pinned_args;
  }
  for (const char* use : {"return getname_kernel", "copy_string_kernel", "memcpy(kaddr",
                          "iov_iter_kvec", "copy_from_iter(kaddr, bytes, i), after"}) {
    if (statement.rfind(use, 0) == 0) return pins.tasks[m.task].using_;
  }
  if (m.At("seccomp_clear_pinned_args", "kpa = xchg")) {
    const auto* l = PinLocals<ClearingLocals>(m, m.Before(), "seccomp_clear_pinned_args");
    return pins.tasks[l->task].pinned_args;
  }
  if (m.At("task_work_run", "next =")) return m.Before().running_works[0];
  if (m.At("seccomp_notify_send", "ret = mutex_lock")) {
    const auto* l = Locals<SendLocals>(m.system, m.After(), Fn::k_seccomp_notify_send);
    const bool arms = l != nullptr && l->target != 0 && (m.info().ops[m.After().op].flags & 2);
    return arms ? pins.tasks[l->target - 1].pinned_args : 0;
  }
  return 0;
}

inline void AccessFacts(const Moment& m, std::vector<Fact>* facts) {
  const pin_args::PinState pins = m.PinsBefore();
  const bool walks =
      m.In("pin_one_fixed") || m.In("pin_one_cstring") || m.In("pin_one_cstring_array");
  if (walks || MakesRecord(m)) {
    // The walkers write into the record that they fill.
    Fact fact = m.New(What::kRecordRead);
    fact.record = walks ? pins.tasks[m.task].building : m.PinsAfter().tasks[m.task].building;
    fact.freed = walks && fact.record != 0 && !IsMade(pins.records[fact.record - 1].life);
    facts->push_back(fact);
  }
  const uint8_t looked_at = RecordLookedAt(m);
  if (looked_at != 0) {
    Fact fact = m.New(What::kRecordRead);
    fact.record = looked_at;
    fact.freed = !IsMade(pins.records[looked_at - 1].life);
    facts->push_back(fact);
  }
  if (m.At("seccomp_clear_pinned_args", "seccomp_free_pinned_args")) {
    Fact fact = m.New(What::kRecordFreedAgain);
    fact.record = pins.tasks[m.task].clearing;
    // With a fault in the free itself, one step has freed twice.
    const bool again = !IsMade(pins.records[fact.record - 1].life) || m.fault;
    if (again) facts->push_back(fact);
  }
  if (m.At("seccomp_notif_pin_args", "mutex_lock")) {
    for (size_t t = 0; t < m.program().tasks.size(); ++t) {
      const uint8_t record = m.PinsAfter().tasks[t].pinned_args;
      if (record == 0 || record == pins.tasks[t].pinned_args) continue;
      const auto* l = PinLocals<RequestLocals>(m, m.After(), "seccomp_notif_pin_args");
      Fact fact = m.New(What::kRecordAttached);
      fact.record = record;
      fact.target = static_cast<uint8_t>(t);
      fact.id = l->id;
      size_t count = 0;
      const Op& op = m.info().ops[m.After().op];
      const Descriptor* d = DescriptorsOf(m, op, static_cast<int>(t), l->call, &count);
      const Op& call = CallNumbered(m.program(), static_cast<int>(t), l->call);
      for (size_t i = 0; i < count; ++i) {
        const int role = RoleAtRegister(call.nr, d[i].arg);
        // NULL is no argument that could be protected.
        const bool null = call.pointers[d[i].arg] == kZero;
        if (role >= 0 && !null) fact.roles |= static_cast<uint8_t>(1 << role);
      }
      facts->push_back(fact);
    }
  }
  if (m.At("seccomp_notify_send", "ret = mutex_lock") && looked_at != 0) {
    const auto* l = Locals<SendLocals>(m.system, m.After(), Fn::k_seccomp_notify_send);
    Fact fact = m.New(What::kRecordArmed);
    fact.record = looked_at;
    fact.target = static_cast<uint8_t>(l->target - 1);
    fact.id = m.after.tasks[fact.target].knotif.id;
    facts->push_back(fact);
  }
}

// The entry of the task's live record that a fetch of `role` finds; -1: none.
inline int FoundEntry(const Moment& m, const Op& call, int role) {
  const uint8_t pointer = m.PinsBefore().tasks[m.task].pinned_args;
  if (pointer == 0) return -1;
  const pin_args::Record& record = m.PinsBefore().records[pointer - 1];
  const Value address = AddressOf(m.Before(), call, role);
  const uint8_t number = m.program().number_of[static_cast<size_t>(call.nr)];
  if (!record.live || record.syscall_nr != number) return -1;
  const Config& config = m.system.config();
  const int arg = SyscallOf(call.nr).roles[static_cast<size_t>(role)].arg;
  for (int i = 0; i < record.nr_args; ++i) {
    const pin_args::PinnedArg& entry = record.args[i];
    if (entry.user_addr != address) continue;
    if (entry.arg_idx != arg && IsSet(config, pin_args::Fix::lookup_by_argument)) continue;
    if (address == kZero && IsSet(config, pin_args::Fix::null_not_pinned)) continue;
    return i;
  }
  return -1;
}

// Whether a fetch point takes an entry of this kind.
inline bool Takes(const Moment& m, uint8_t kind) {
  if (m.In("pinned_getname_flags")) return kind == pin_args::kCstring;
  if (m.In("pinned_import_ubuf")) return kind == pin_args::kFixed;
  if (m.In("pinned_move_addr_to_kernel") || m.In("pinned_vfs_write")) return true;
  return kind == pin_args::kCstringArray;
}

inline void ServeFacts(const Moment& m, std::vector<Fact>* facts) {
  const Op& call = CurrentOp(m.program(), m.task, m.Before());
  if (call.code != OpCode::kSyscall) return;
  const int function = Innermost(m.Before());
  if (function < kFirstProposalFunction) return;
  const auto* l = reinterpret_cast<const ServeLocals*>(LocalsIn(m.system, m.Before(), function));
  Fact fact = m.New(What::kRecordFound);
  if (m.shown.statement.rfind("pin = seccomp_pin_lookup_current", 0) == 0 && !m.fault) {
    fact.role = l->role;
    fact.record = m.PinsBefore().tasks[m.task].pinned_args;
    fact.call = CallIndexOf(m.Before());
    const bool ignored = RecordLookedAt(m) == 0;
    const int found = ignored ? -1 : FoundEntry(m, call, l->role);
    if (found < 0) return;
    facts->push_back(fact);
    const pin_args::PinnedArg& entry = m.PinsBefore().records[fact.record - 1].args[found];
    const bool taken = Takes(m, entry.kind);
    const bool answers = taken || IsSet(m.system.config(), pin_args::Fix::other_kind_fails);
    if (answers && !IsMapped(m, AddressOf(m.Before(), call, l->role)) &&
        !AsksForNothing(call, l->role)) {
      Fact unmapped = fact;
      unmapped.what = What::kUnmapped;
      facts->push_back(unmapped);
    }
    if (!taken) return;
    fact.what = What::kServed;
    // A record that a fetch point goes on with is pointed to, or was used up at once.
    const bool empty_name = m.In("pinned_getname_flags") && entry.size <= 1;
    const bool refused =
        m.In("pinned_move_addr_to_kernel") && m.PinsAfter().tasks[m.task].using_ == 0;
    fact.ok = !empty_name && !refused && !m.In("pinned_vfs_write");
    facts->push_back(fact);
  } else if (m.shown.statement.rfind("iov_iter_kvec", 0) == 0 &&
             SyscallOf(call.nr).roles[l->role].shape == Shape::kOutBuffer) {
    fact.what = What::kStoredInRecord;
    fact.role = l->role;
    fact.word = l->w;
    facts->push_back(fact);
    if (Innermost(m.After()) == function) return;
    // import_ubuf() is done. What counts as delivered is what it said.
    fact.what = What::kDelivered;
    fact.ret = l->n;
    fact.word = static_cast<uint8_t>((l->n + 7) / 8);
    // read(2) itself says so when it returns.
    if (!Inside(m.system, m.Before(), Fn::k_ksys_read)) facts->push_back(fact);
  }
}

// What PIN_ARGS copies to its caller's buffer: words of a role, as far as the call looks at them.
inline void ShownWords(const Moment& m, const pin_args::PinnedArg& arg, Fact fact,
                       std::vector<Fact>* facts) {
  const Op& call = CallNumbered(m.program(), fact.target, fact.call);
  const int index = RoleAtRegister(call.nr, arg.arg_idx);
  fact.shown = true;
  bool bare = arg.gaps > 0;
  fact.role = static_cast<uint8_t>(std::max(index, 0));
  const Role* role = index < 0 ? nullptr : &SyscallOf(call.nr).roles[static_cast<size_t>(index)];
  // Strings that were found by taking an argument for a table say nothing about the argument.
  const bool telling =
      role != nullptr && (arg.kind != pin_args::kCstringArray || role->shape == Shape::kStrings);
  const auto see = [&](int entry, int w, Value value) {
    bare |= value == kUninit;
    fact.what = What::kSawWord;
    fact.entry = static_cast<uint8_t>(entry);
    fact.word = static_cast<uint8_t>(w);
    fact.value = value;
    if (telling) facts->push_back(fact);
  };
  int beyond = kMaxSeen;
  if (arg.kind == pin_args::kCstringArray) {
    const int stride = StrideOfStrings(m.program());
    for (int e = 0; e < arg.count; ++e) {
      for (int w = 0; w < stride && e * stride + w < pin_args::kPinWords; ++w) {
        see(e, w, arg.words[e * stride + w]);
        if (fact.value == kUninit || m.program().values[fact.value].has_nul) break;
      }
    }
  } else {
    const bool limited = role != nullptr && role->length_arg >= 0 && !role->IsString();
    const int length = limited ? call.scalars[static_cast<size_t>(role->length_arg)] : 1000;
    if (limited) beyond = std::max((length + 7) / 8, (arg.size + 7) / 8);
    for (int w = 0; w < (arg.size + 7) / 8 && w < pin_args::kPinWords; ++w) {
      see(0, w, FirstBytes(m.program(), arg.words[w], std::min<int>(arg.size, length) - 8 * w));
    }
  }
  fact.what = What::kSawEnd;
  fact.word = static_cast<uint8_t>(std::min(beyond, int{kMaxSeen}));
  if (telling) facts->push_back(fact);
  fact.what = What::kCopiedOut;
  fact.bare = bare;
  facts->push_back(fact);
}

inline void ShowFacts(const Moment& m, std::vector<Fact>* facts) {
  const auto* l = PinLocals<RequestLocals>(m, m.Before(), "seccomp_notif_pin_args");
  if (l == nullptr) return;
  Fact fact = m.New(What::kSawWord);
  fact.target = static_cast<uint8_t>(l->task - 1);
  fact.id = l->id;
  fact.call = l->call;
  for (auto o = m.observations.begin(); o != m.observations.end(); ++o) {
    if (o->kind != Observation::Kind::kShows) continue;
    pin_args::PinnedArg shown{};
    shown.arg_idx = o->role;
    shown.kind = o->entry;
    shown.count = o->word;
    shown.size = o->value;
    shown.gaps = o->user ? 1 : 0;
    for (auto word = o + 1;
         word != m.observations.end() && word->kind == Observation::Kind::kShowsWord; ++word) {
      shown.words[word->word] = word->value;
    }
    ShownWords(m, shown, fact, facts);
  }
}

// The NUL of a word, 8: it has none.
inline int NulAt(const Program& program, Value value) {
  const auto& bytes = program.values[value].bytes;
  return static_cast<int>(std::find(bytes.begin(), bytes.end(), 0) - bytes.begin());
}

// Whether a string goes beyond the room that is left for it, NUL included.
inline bool CutsString(const Program& program, Value word, int w, int room) {
  const int left = room - 1 - 8 * w;
  const int nul = NulAt(program, word);
  return left < 8 && (nul == 8 || nul > left);
}

// Whether a table certainly ends at an entry: one that a peer may write at any time does not.
inline bool EndsThere(const Moment& m, int object, int entry) {
  if (object < 0 || entry >= m.program().objects[static_cast<size_t>(object)].words) return false;
  const size_t at =
      static_cast<size_t>(m.program().objects[static_cast<size_t>(object)].first_word + entry);
  const Word& word = m.program().words[at];
  return !word.shared && (m.after.memory[at] ^ word.domain[0]) == kZero;
}

inline void TableWalkFacts(const Moment& m, const ArrayWalkLocals& l, const Descriptor& d,
                           const Observation* read, std::vector<Fact>* facts) {
  const Fact cut = m.New(What::kCutOff);
  const uint32_t entries = d.max_entries != 0 ? d.max_entries : 0x7fffffffu;
  const auto most = static_cast<int>(std::min(entries, d.max_bytes / 5));
  const Value address =
      CallNumbered(m.program(), l.task, l.call).pointers[static_cast<size_t>(d.arg)];
  // With room for no entry it does not even look at one.
  const bool none = most == 0 && m.shown.statement.rfind("mm = get_task_mm(task)", 0) == 0;
  const bool counting = m.shown.statement.rfind("access_remote_vm", 0) == 0 && l.counted == 0;
  const bool beyond = counting && l.count >= most;
  const bool more = counting && read != nullptr && read->value != kZero;
  if (beyond && more) facts->push_back(cut);
  const int counted = l.counted != 0 ? l.counted : l.count + (more && !beyond ? 1 : 0);
  if (((!beyond && more) || none) && counted == most &&
      !IsSet(m.system.config(), pin_args::Fix::cut_is_told)) {
    const int object = m.program().ObjectAt(address, m.program().tasks[l.task].space);
    // The step that takes the mm has none yet. What another program has there nobody knows.
    const bool late = none && !IsSet(m.system.config(), pin_args::Fix::mm_of_the_call);
    const int image = late ? ImageRun(m.before.tasks[l.task]) : (none ? l.call_mm : l.mm) - 1;
    if (image != 0 || !EndsThere(m, object, most)) facts->push_back(cut);
  }
  const int room = static_cast<int>(d.max_bytes) - l.byte_off;
  const bool string = m.shown.statement.rfind("copied = copy_remote_vm_str", 0) == 0;
  if (string && read != nullptr) {
    const bool cuts = CutsString(m.program(), read->value, l.w, room);
    if (cuts) facts->push_back(cut);
    if (cuts || NulAt(m.program(), read->value) < 8) facts->push_back(m.New(What::kStringWalked));
  }
  const auto* next = PinLocals<ArrayWalkLocals>(m, m.After(), "pin_one_cstring_array");
  if (next != nullptr && next->arg == l.arg) return;
  // The second pass ended at an entry whose string it did not come to: no room, unless a NULL ends
  // a table.
  const bool at_null = read != nullptr && read->value == kZero &&
                       IsSet(m.system.config(), pin_args::Fix::null_ends_table);
  if (read != nullptr && !counting && !string && !at_null) facts->push_back(cut);
}

// Whether a walk along a table that is over has made an entry of the record. The record may be gone
// in the same step, as the next descriptor is refused.
inline bool TableWalkWentWell(const Moment& m, const ArrayWalkLocals& l, const Descriptor& d,
                              const Observation* read, bool told) {
  const uint8_t pointer = m.PinsAfter().tasks[m.task].building;
  if (pointer != 0) return m.PinsAfter().records[pointer - 1].args[l.arg].data != 0;
  if (read == nullptr) return told;
  // After the first pass all that is read is taken; one that ends the walk has found no entry.
  const uint32_t most = std::min(d.max_entries != 0 ? d.max_entries : 0x7fffffffu, d.max_bytes / 5);
  return l.counted != 0 || (l.count == 0 && (most == 0 || read->value == kZero));
}

// Which program's memory a walker reads.
inline void ImageFacts(const Moment& m, uint8_t target, bool read, std::vector<Fact>* facts) {
  const std::string& statement = m.shown.statement;
  Fact fact = m.New(What::kMmTaken);
  // copy_remote_vm_str() calls its task tsk.
  fact.shown = statement.rfind("mm = get_task_mm(tsk)", 0) == 0;
  fact.target = target;
  fact.image = ImageRun(m.before.tasks[target]);
  fact.ok = IsSet(m.system.config(), pin_args::Fix::mm_of_the_call);
  if (fact.shown || statement.rfind("mm = get_task_mm(task)", 0) == 0) facts->push_back(fact);
  if (!read) return;
  fact.what = What::kWalkRead;
  fact.shown = statement.rfind("copied = copy_remote_vm_str", 0) == 0;
  facts->push_back(fact);
}

// What a walker leaves out, and what it says about it.
inline void WalkFacts(const Moment& m, std::vector<Fact>* facts) {
  const bool array = m.In("pin_one_cstring_array");
  if (!array && !m.In("pin_one_cstring") && !m.In("pin_one_fixed")) return;
  const int function = Innermost(m.Before());
  const uint8_t* locals = LocalsIn(m.system, m.Before(), function);
  const auto* l = reinterpret_cast<const StringWalkLocals*>(locals);
  const Op& op = m.info().ops[m.Before().op];
  size_t count = 0;
  const Descriptor& d = DescriptorsOf(m, op, l->task, l->call, &count)[l->arg];
  const Observation* read = nullptr;
  bool told = false;
  for (const Observation& o : m.observations) {
    if (o.kind == Observation::Kind::kReads) read = &o;
    told |= o.kind == Observation::Kind::kCuts;
  }
  ImageFacts(m, l->task, read != nullptr, facts);
  // The walker of the next argument may be the same function again.
  const uint8_t* next = LocalsIn(m.system, m.After(), function);
  const bool over =
      next == nullptr || reinterpret_cast<const StringWalkLocals*>(next)->arg != l->arg;
  // Strings and buffers end well if they end with a word. A table may turn out to be too long.
  // A buffer of which something is unmapped ends where that begins.
  const bool part = m.In("pin_one_fixed") && read == nullptr && over && l->w > 0;
  bool ended = read != nullptr || part;
  if (part) facts->push_back(m.New(What::kCutOff));
  if (array) {
    const auto& table = *reinterpret_cast<const ArrayWalkLocals*>(locals);
    TableWalkFacts(m, table, d, read, facts);
    ended = TableWalkWentWell(m, table, d, read, told);
  } else if (read != nullptr) {
    const Value address =
        CallNumbered(m.program(), l->task, l->call).pointers[static_cast<size_t>(d.arg)];
    // Kernel::Mm of what is read, from 1 on.
    const auto image = static_cast<uint8_t>(l->mm - 1);
    const int bytes = BytesThere(m.program(), address, m.program().tasks[l->task].space, image);
    const bool cut = m.In("pin_one_fixed") ? over && bytes < static_cast<int>(d.max_bytes)
                                           : CutsString(m.program(), read->value, l->w,
                                                        static_cast<int>(d.max_bytes));
    if (cut) facts->push_back(m.New(What::kCutOff));
  }
  if (!over) return;
  Fact fact = m.New(What::kWalkOver);
  fact.ok = ended;
  fact.told = told;
  facts->push_back(fact);
}

inline void PinFacts(const Moment& m, std::vector<Fact>* facts) {
  if (m.info().kind == TaskKind::kSupervisor) {
    WalkFacts(m, facts);
    ShowFacts(m, facts);
    RequestFacts(m, facts);
  } else {
    ServeFacts(m, facts);
  }
  AccessFacts(m, facts);
  LifeFacts(m, facts);
}

}  // namespace knotcheck::model::testing
