// SPDX-License-Identifier: Apache-2.0
//
// From a run of the model, such as a counterexample, to the forced run (conform/force/forced.h)
// that goes its way as far as user space can order it.
//
// What user space orders is when operations begin and have returned, when it stores and when it
// sends a signal: of each two of these, whether one is over before the other begins. What happens
// inside the kernel between two of them, it orders only where it can hold the kernel.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "checker/path.h"
#include "conform/force/forced.h"
#include "conform/force/observed.h"
#include "verify/check.h"

namespace knotcheck::conform {

// Something that user space does. Stores and signals are over at once.
struct Deed {
  enum class Kind : uint8_t { kOperation, kStore, kSignal };
  static constexpr size_t kNever = SIZE_MAX;
  Kind kind = Kind::kOperation;
  uint8_t task = 0;        // whose operation it is, or whom the signal is for
  uint8_t call = 0;        // kOperation: as Kernel::CallIndex()
  uint8_t word = 0;        // kStore
  model::Value value = 0;  // kStore
  size_t number = 0;  // of this task's operations or signals, of stores of this value there; from 0
  // When; kNever: not before the end of the run.
  size_t begins = 0;
  size_t ends = kNever;
};
// "T openat(...)", "a store of /evil to path", "a signal to T".
std::string DeedText(const model::Program& program, const Deed& deed);

// What user space does and sees in a run.
struct Witnessed {
  std::vector<Deed> deeds;                  // in the order in which they begin
  std::vector<std::vector<Token>> results;  // by task and number; the run need not be at rest
};
// InvalidArgument: the path cannot be taken, or it is too long to be followed.
absl::StatusOr<Witnessed> Witness(const verify::Question& question, const checker::Path& path);

// A forced run beside the one that it follows. Numbers are indices into Witnessed::deeds.
struct Followed {
  ForcedRun run;
  std::vector<size_t> different;  // deeds that are left out here, or have another result
  // Which deed is over before which begins in one of the two runs and not in the other. `wanted`:
  // in the one that is followed.
  struct Moved {
    size_t first = 0, second = 0;
    bool wanted = false;
  };
  std::vector<Moved> moved;
  size_t added = 0;  // deeds of this run only, before all deeds of the other have come to their end
};

// Forced runs that violate a property of the set, those first that follow `run` best: the fewest
// deeds different, then the fewest moved and added, then the fewest orders. One for each outcome.
// Limits as for FindForcedRuns.
std::vector<Followed> Follow(const verify::Question& question, const Witnessed& run,
                             uint64_t properties, const ForcedOptions& options);

}  // namespace knotcheck::conform
