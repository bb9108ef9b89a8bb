// SPDX-License-Identifier: Apache-2.0
//
// The only thing that changes. Bytes throughout, no pointers, no padding: states are compared,
// hashed and packed as memory. How many there are of everything is the scenario's: a Layout says
// where it stands. The structs are made of tables, model/state/*.def, from which packing, printing,
// canonical form and what footprints must declare come as well; see model/state/fields.h.

#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "model/program.h"
#include "model/state/fields.h"

namespace knotcheck::model {

struct Proposal;

inline constexpr int kMaxFrames = 8;
inline constexpr int kLocalBytes = 32;

enum TaskStatus : uint8_t { kNotStarted, kAlive, kExiting, kDead };

enum TaskFlag : uint8_t {
  kInHandler = 1,       // user code runs the signal handler; the signal is blocked
  kSigPending = 2,      // a signal with a handler waits
  kSigkillPending = 4,  // a fatal signal waits
  kOnWqh = 8,           // queued on filter->wqh in TASK_INTERRUPTIBLE; a wake-up clears it
  kExeced = 16,         // the old address space is gone
  kInSyscall = 32,      // the current op's call is not yet answered
};

enum KnotifState : uint8_t { kInit, kSent, kReplied };

// More wake-ups than that are not told apart: RECV's fault path lets supervisors reply again and
// again before the task runs.
inline constexpr uint8_t kMostCompletions = 2;

// Ghost state: what the model remembers and no kernel does. Only properties look at it.
enum GhostFlag : uint8_t {
  kGhostApproved = 1,     // target: the call that runs now was approved
  kGhostProtected = 2,    // target: ... and its supervisor was told that arguments are protected
  kGhostReplied = 4,      // target: a reply to the current notification was accepted
  kGhostPinned = 8,       // target: the current notification was protected by the proposal
  kGhostAddfdReply = 16,  // target: the accepted reply is an ADDFD|SEND
  kGhostInstalled = 32,   // target: a descriptor was installed for the current notification
  kGhostTruncated = 64,   // supervisor: the kernel said that it saw a part only
  kGhostReplyKept = 128,  // target: ... and its sender cannot be told any more that it was none
};

enum ViewFlag : uint8_t {
  kViewReceived = 1,   // RECV gave it to one of them
  kViewTruncated = 2,  // the kernel said that it showed a part only
};

#include "model/state/members.h"
struct Frame {
#include "model/state/frame.def"
};
struct Knotif {
#include "model/state/knotif.def"
};
struct Kaddfd {
#include "model/state/kaddfd.def"
};
struct Task {
#include "model/state/task.def"
};
struct View {
#include "model/state/view.def"
};
struct Filter {
#include "model/state/filter.def"
};
struct Globals {
#include "model/state/globals.def"
};
struct Registers {
#include "model/state/registers.def"
};
struct RegisterFile {
#include "model/state/register_file.def"
};
#include "model/state/end.h"
// The number of the frame that a task is in: the last one that has a function, those before it
// having one.
inline int TopFrame(const Task& task) {
  static_assert(kMaxFrames == 8 && sizeof(Frame) == 2 && offsetof(Frame, function) == 0);
  // A bit for each frame that has a function.
  constexpr uint64_t kFunctions = 0x00ff00ff00ff00ffu;
  constexpr uint64_t kBits = 0x0100010001000100u;
  uint64_t halves[2];
  std::memcpy(halves, task.frames, sizeof(halves));
  const uint64_t low = ~((halves[0] & kFunctions) + kFunctions) & kBits & ~uint64_t{0xffff};
  if (low != 0) return std::countr_zero(low) / 16 - 1;
  const uint64_t high = ~((halves[1] & kFunctions) + kFunctions) & kBits;
  return high == 0 ? 7 : 3 + std::countr_zero(high) / 16;
}

// A descriptor table: a File a descriptor.
struct FilesTable {
  uint8_t fd[kMaxFds];
  uint8_t* begin() { return fd; }
  uint8_t* end() { return fd + kMaxFds; }
  const uint8_t* begin() const { return fd; }
  const uint8_t* end() const { return fd + kMaxFds; }
  uint8_t& operator[](size_t i) { return fd[i]; }
  uint8_t operator[](size_t i) const { return fd[i]; }
};

// A part of the state: so many T from one byte on. As const as what it is reached through.
template <class T>
class Part {
 public:
  static_assert(alignof(T) == 1 && std::has_unique_object_representations_v<T>);
  explicit Part(uint8_t* at) : at_(reinterpret_cast<T*>(at)) {}
  T& operator[](size_t i) { return at_[i]; }
  const T& operator[](size_t i) const { return at_[i]; }
  T* data() { return at_; }
  const T* data() const { return at_; }

 private:
  T* at_;
};

// Bytes that each task has beside its Task, one task's behind the other's.
struct TaskPart {
  uint32_t at = 0;
  size_t bytes = 0;  // of one task
  friend bool operator==(const TaskPart&, const TaskPart&) = default;
};

// Where the parts of a state stand, for one program under one proposal.
struct Layout {
  size_t tasks = 0, views = 0, filters = 1, tables = 1, words = 0, senders = 0, writers = 0;
  bool has_registers = false;  // each task has a RegisterFile
  // Bytes of the proposal's part: of each task, and beside these.
  size_t proposal_task_bytes = 0, proposal_bytes = 0;
  // First bytes of the parts. Each begins at a multiple of 8.
  uint32_t tasks_at = 0, views_at = 0, filters_at = 0, files_at = 0, memory_at = 0, signals_at = 0,
           writes_at = 0, globals_at = 0, registers_at = 0, proposal_tasks_at = 0, proposal_at = 0;
  size_t bytes = 0;  // a multiple of 8

  Layout() = default;
  Layout(const Program& program, const Proposal& proposal);
  std::array<TaskPart, 2> TaskParts() const {
    return {TaskPart{registers_at, has_registers ? sizeof(RegisterFile) : 0},
            TaskPart{proposal_tasks_at, proposal_task_bytes}};
  }
  friend bool operator==(const Layout&, const Layout&) = default;
};

// One state, as words that belong to somebody else. Assignment copies what stands there; the
// layouts must be the same.
class State {
 public:
  // Inlined, so that no part is placed that its user does not ask for.
  [[gnu::always_inline]] State(const Layout& layout, uint64_t* words)
      : tasks(At(words, layout.tasks_at)),
        views(At(words, layout.views_at)),
        filters(At(words, layout.filters_at)),
        files(At(words, layout.files_at)),
        memory(At(words, layout.memory_at)),
        signals_left(At(words, layout.signals_at)),
        writes_left(At(words, layout.writes_at)),
        registers(At(words, layout.registers_at)),
        proposal_tasks(At(words, layout.proposal_tasks_at)),
        proposal(At(words, layout.proposal_at)),
        layout_(&layout),
        words_(words),
        globals_(At(words, layout.globals_at)) {}
  // Const from const.
  [[gnu::always_inline]] static const State Of(const Layout& layout, const uint64_t* words) {
    return State(layout, const_cast<uint64_t*>(words));
  }
  State(const State&) = delete;
  State& operator=(const State& other) {
    if (this != &other) std::memcpy(words_, other.words_, layout_->bytes);
    return *this;
  }

  const Layout& layout() const { return *layout_; }
  uint64_t* words() { return words_; }
  const uint64_t* words() const { return words_; }
  // The filter of the scenario.
  Filter& filter() { return filters[0]; }
  const Filter& filter() const { return filters[0]; }
  Globals& globals() { return globals_[0]; }
  const Globals& globals() const { return globals_[0]; }
  // What a task has in one of Layout::TaskParts().
  uint8_t* PartOf(const TaskPart& part, size_t task) {
    return At(words_, part.at) + task * part.bytes;
  }
  const uint8_t* PartOf(const TaskPart& part, size_t task) const {
    return At(words_, part.at) + task * part.bytes;
  }

  Part<Task> tasks;
  Part<View> views;
  Part<Filter> filters;
  Part<FilesTable> files;
  Part<uint8_t> memory;  // a byte a word: its value, exclusive-or the initial one
  Part<uint8_t> signals_left;
  Part<uint8_t> writes_left;
  Part<RegisterFile> registers;  // a task; see Layout::has_registers
  // The proposal's part, nothing for a proposal that has none: as many bytes for each task as its
  // room says, then the rest.
  Part<uint8_t> proposal_tasks;
  Part<uint8_t> proposal;

 protected:
  static uint8_t* At(uint64_t* words, uint32_t offset) {
    return reinterpret_cast<uint8_t*>(words) + offset;
  }

 private:
  const Layout* layout_;
  uint64_t* words_;
  Part<Globals> globals_;
};

inline bool operator==(const State& a, const State& b) {
  return std::memcmp(a.words(), b.words(), a.layout().bytes) == 0;
}

// A state that owns its words.
class StateValue : private std::unique_ptr<uint64_t[]>, public State {
 public:
  // All zero.
  explicit StateValue(const Layout& layout)
      : std::unique_ptr<uint64_t[]>(new uint64_t[layout.bytes / 8]()), State(layout, get()) {}
  // NOLINTNEXTLINE(google-explicit-constructor): a copy.
  StateValue(const State& other)
      : std::unique_ptr<uint64_t[]>(new uint64_t[other.layout().bytes / 8]),
        State(other.layout(), get()) {
    State::operator=(other);
  }
  StateValue(const StateValue& other) : StateValue(static_cast<const State&>(other)) {}
  StateValue& operator=(const State& other) {
    State::operator=(other);
    return *this;
  }
  StateValue& operator=(const StateValue& other) {
    State::operator=(other);
    return *this;
  }
};

// All fields of a state, in the order of their bytes.
std::vector<Field> FieldsOf(const Program& program, const Proposal& proposal, const Layout& layout);
// What differs, as "T.knotif.state 1 -> 2, ...".
std::string Difference(const std::vector<Field>& fields, const State& before, const State& after);

}  // namespace knotcheck::model
