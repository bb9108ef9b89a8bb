// SPDX-License-Identifier: Apache-2.0
//
// What PIN_ARGS v1 keeps, in State::proposal: the records, and who points to them.

#pragma once

#include <cstdint>

#include "model/program.h"
#include "model/state.h"

namespace knotcheck::model::pin_args {

constexpr int kRecords = 10;
constexpr int kPinArgs = 3;   // descriptors of one request
constexpr int kPinWords = 6;  // 8-byte words of one buffer

enum Kind : uint8_t { kFixed, kCstring, kCstringArray };

enum Life : uint8_t { kFree, kAllocated, kFreed, kLeaked };

// struct seccomp_pinned_arg with its buffer.
struct PinnedArg {
  Value user_addr;
  uint8_t size;     // bytes
  uint8_t arg_idx;  // register
  uint8_t kind;
  uint8_t data;            // the buffer is allocated
  uint8_t count;           // header[0] of an array
  uint8_t gaps;            // slots of the array's header that were never written
  Value words[kPinWords];  // strings of an array stand at entry * stride
};

// struct seccomp_pinned_args.
struct Record {
  uint8_t life;
  uint8_t notif_id;
  uint8_t syscall_nr;
  uint8_t nr_args;
  uint8_t live;
  uint8_t clear_queued;
  PinnedArg args[kPinArgs];
};

struct PinState {
  Record records[kRecords];
  // Pointers to records, 1 + the index; 0: NULL.
  uint8_t pinned_args[kMaxTasks];  // task->seccomp.pinned_args
  uint8_t building[kMaxTasks];     // kpa, in seccomp_notif_pin_args() of this task
  uint8_t clearing[kMaxTasks];     // kpa, in seccomp_clear_pinned_args() of this task
  uint8_t using_[kMaxTasks];       // pin, at a fetch point of this task
  uint8_t pin_in_progress;         // bit: the task's knotif
};
static_assert(sizeof(PinState) <= kProposalBytes);

inline PinState& StateOf(State& s) { return *reinterpret_cast<PinState*>(s.proposal); }
inline const PinState& StateOf(const State& s) {
  return *reinterpret_cast<const PinState*>(s.proposal);
}

}  // namespace knotcheck::model::pin_args
