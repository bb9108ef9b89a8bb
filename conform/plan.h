// SPDX-License-Identifier: Apache-2.0
//
// Plans for knot_runner; docs/plan-format.md is the format.

#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "verify/check.h"
#include "verify/forced.h"

namespace knotcheck::conform {

// Unimplemented: a program can do something that no plan can say, in words that follow "cannot be
// run on a real kernel: ".
absl::Status CanRun(const verify::Question& question);

// ... and of what a free run may show that the model does not.
absl::Status CanStress(const verify::Question& question);

// `question` as FindForcedRuns wants it. Unimplemented as above.
absl::StatusOr<std::string> DirectedPlan(const std::string& name, const verify::Question& question,
                                         const verify::ForcedRun& run);

// `question` with the most general peer, if the scenario has one.
absl::StatusOr<std::string> StressPlan(const std::string& name, const verify::Question& question,
                                       uint64_t runs, uint64_t seed);

// An order as the plan has it: "start S 3 park".
std::string OrderText(const model::Program& program, const verify::Order& order, bool names);

}  // namespace knotcheck::conform
