// SPDX-License-Identifier: Apache-2.0
//
// What the search for starvation (checker/liveness.h) is asked and answers.

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "checker/path.h"

namespace knotcheck::checker {

struct LivenessOptions {
  uint64_t max_states = 0xfffffffeu;
  uint64_t max_bytes = ~uint64_t{0};  // of the graph and of its analysis together
  // Set from outside (a signal handler, say) to end the search early.
  const std::atomic<bool>* interrupted = nullptr;
  // Called about every 2^16 transitions with the numbers of states, transitions and bytes.
  std::function<void(uint64_t, uint64_t, uint64_t)> progress;
};

enum class LivenessEnd : uint8_t { kExhausted, kStateLimit, kMemoryLimit, kInterrupted };

enum class LivenessStatus : uint8_t {
  kHolds,       // no fair run of the whole graph starves it
  kStarved,     // `lasso` does
  kIncomplete,  // none found, but a limit was hit or the search was interrupted
};

// A fair run that never ends: the stem once, then the cycle for ever. An empty cycle: where the
// stem ends no thread must step, and the run stops there. The obligation is pending from the end
// of the stem on.
struct Lasso {
  Path stem;                  // the shortest to any state on such a cycle
  std::vector<Action> cycle;  // ends in the state that it begins in
};

// "0:aab(cb)": the stem as PathToString has it, and the cycle in brackets; "0:aab()": it stops.
std::string LassoToString(const Lasso& lasso);

// The inverse. InvalidArgument names the column and what was expected there.
absl::StatusOr<Lasso> LassoFromString(absl::string_view text);

struct Obligation {
  LivenessStatus status = LivenessStatus::kIncomplete;
  Lasso lasso;              // of kStarved
  uint64_t pending = 0;     // states
  uint64_t components = 0;  // strongly connected, of the pending states
};

struct LivenessResult {
  std::vector<Obligation> obligations;
  uint64_t states = 0;
  uint64_t transitions = 0;
  uint64_t components = 0;  // of all obligations together
  uint64_t bytes = 0;       // of the graph
  LivenessEnd end = LivenessEnd::kExhausted;
};

}  // namespace knotcheck::checker
