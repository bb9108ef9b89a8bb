// SPDX-License-Identifier: Apache-2.0
//
// The reductions by name; checker/reduce.h makes them.

#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace knotcheck::checker {

// Reductions, as bits.
enum Reduction : uint32_t {
  // Steps of one thread that no other thread can tell apart are one transition, from one point at
  // which interleaving matters to the next. Needs Footprint and Hold of the model. Preserves all
  // verdicts of safety properties and the states at rest; a path found with it need not be the
  // shortest. Not for liveness: a run that stays inside a transition for ever is lost.
  kMerge = 1,
  // States that differ in the names of identical threads only are one. Needs the model's
  // Canonicalize. Preserves everything, distances included, for properties that do not name
  // threads, as the model has to see to.
  kSymmetry = 2,
  // States that differ in the names of identifiers and objects only, or in values that nobody
  // reads again, are one. Needs the model's Canonicalize. Preserves as kSymmetry does.
  kRenumber = 4,
  // Where a thread's next steps are left movers, it takes them at once, whoever moved before: they
  // are a persistent set of one thread (P. Godefroid, "Partial-order methods for the verification
  // of concurrent systems", 1996). No state in which a thread has such steps is kept, so every
  // state
  // that is kept is explored in full and nothing is put off for ever. Needs and preserves what
  // kMerge does.
  kPersistent = 8,
  // Not a reduction: every transition's footprint is held against what the other threads hold, and
  // the steps of every state against those of its representative; a breach ends the program with an
  // internal error. Several times as slow.
  kSelfCheck = 16,
};
inline constexpr uint32_t kNoReduction = 0;
inline constexpr uint32_t kAllReductions = kMerge | kSymmetry | kRenumber | kPersistent;
// Those that make one transition of several steps, so that a path need not be the shortest.
inline constexpr uint32_t kLengthening = kMerge | kPersistent;

// "all", "none", or names joined by commas: merge, symmetry, renumber, persistent, self-check.
absl::StatusOr<uint32_t> ParseReductions(absl::string_view text);
// "merge, symmetry", or "none".
std::string ReductionsText(uint32_t reductions);

}  // namespace knotcheck::checker
