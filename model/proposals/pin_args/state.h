// SPDX-License-Identifier: Apache-2.0
//
// What PIN_ARGS v1 keeps: the records, and who points to them.

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

#include "model/state/members.h"
struct PinTask {
#include "model/proposals/pin_args/task.def"
};
struct PinnedArg {
#include "model/proposals/pin_args/arg.def"
};
struct Record {
#include "model/proposals/pin_args/record.def"
};
#include "model/state/end.h"

// PIN_ARGS' part of a state.
struct PinState {
  explicit PinState(State& s)
      : tasks(s.proposal_tasks.data()),
        records(s.proposal.data()),
        record_count(s.layout().proposal_bytes / sizeof(Record)) {}

  Part<PinTask> tasks;
  Part<Record> records;
  size_t record_count;
};

inline PinState StateOf(State& s) { return PinState(s); }
inline const PinState StateOf(const State& s) { return PinState(const_cast<State&>(s)); }

}  // namespace knotcheck::model::pin_args
