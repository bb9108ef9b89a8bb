// SPDX-License-Identifier: Apache-2.0
//
// Runs that user space can force on a real kernel, and all outcomes that a kernel may show when
// nobody forces anything.
//
// A forced run goes actor by actor: one begins an operation, or goes on with one, and runs alone
// until it has returned, sleeps, or is held at a point where user space can hold it; then comes the
// next. Who sleeps stays asleep until its turn, woken or not: its processor is kept busy. So such a
// run has one outcome, and a kernel that does otherwise is not the model's.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "checker/path.h"
#include "conform/force/observed.h"
#include "model/system.h"
#include "verify/check.h"

namespace knotcheck::conform {

// docs/plan-format.md explains the orders.
struct Order {
  enum class Kind : uint8_t {
    kStart,
    kWaitDone,
    kWaitAsleep,
    kWaitParked,
    kWaitDead,
    kWaitHandler,
    kHold,
    kResume,
    kSignal,
    kStore
  };
  Kind kind = Kind::kStart;
  uint8_t task = 0;
  uint8_t call = 0;         // kStart
  bool fault = false;       // kStart, kResume: the copy to the caller fails
  bool park = false;        // kStart: held at its first copy to the caller
  int8_t hold_object = -1;  // kStart: held at its first read of that object
  bool fatal = false;       // kSignal
  uint8_t word = 0;         // kStore
  model::Value value = 0;   // kStore
};

struct ForcedRun {
  std::vector<Order> orders;
  Observed outcome;
  uint64_t violated = 0;  // property bits
  bool holds = false;     // some order is kHold
  bool parks = false;     // some kStart parks
  bool serves = false;    // some kStart has a hold_object
};

struct ForcedOptions {
  size_t max_runs = 16;
  size_t max_nodes = 20'000;
};

struct ForcedRuns {
  // One for each outcome, the shortest first: those that violate a property that no earlier one
  // does come before all others.
  std::vector<ForcedRun> runs;
  bool complete = true;  // false: a limit was hit, there may be other outcomes
};

// `question` must be of a program without the most general peer (CompileOptions::explicit_writes).
ForcedRuns FindForcedRuns(const verify::Question& question, const ForcedOptions& options);

// What `orders`, which were found for another kernel or another model, give here. The outcome ends
// where an order cannot be met: `stuck` is its number, counted from 1; 0: all were met.
struct Predicted {
  Observed outcome;
  size_t stuck = 0;
};
Predicted Predict(const verify::Question& question, const std::vector<Order>& orders);

struct Outcomes {
  struct One {
    Observed observed;
    uint64_t violated = 0;  // property bits that every run with this outcome violates
    checker::Path path;     // one of the shortest runs with it
  };
  std::vector<One> outcomes;  // by text
  uint64_t violated = 0;      // property bits that some run violates
  size_t states = 0;
  bool complete = true;
};
// All that every run of the program may show in user space when targets and peers have come to
// their end or sleep, and supervisors sleep or are through. At most `max_states` pairs of a state
// and what was seen on the way to it.
Outcomes AllOutcomes(const verify::Question& question, size_t max_states);

}  // namespace knotcheck::conform
