// SPDX-License-Identifier: Apache-2.0
//
// Plans for knot_runner; docs/plan-format.md is the format.

#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "conform/force/forced.h"
#include "verify/check.h"

namespace knotcheck::conform {

// Unimplemented: a program can do something that no plan can say, in words that follow "cannot be
// run on a real kernel: ".
absl::Status CanRun(const verify::Question& question);

// The same of a stress, whose outcomes must all be known before.
absl::Status CanStress(const verify::Question& question);

// `question` as FindForcedRuns wants it. Unimplemented as above.
absl::StatusOr<std::string> DirectedPlan(const std::string& name, const verify::Question& question,
                                         const ForcedRun& run);

// `question` with the most general peer, if the scenario has one.
absl::StatusOr<std::string> StressPlan(const std::string& name, const verify::Question& question,
                                       uint64_t runs, uint64_t seed);

// What a word holds, or an address, in an address space, as a plan has it: 16 hexadecimal digits,
// "&2+8" or "dangling".
std::string ValueWord(const model::Program& program, model::Value value, uint8_t space);

// An order as the plan has it: "start S 3 park".
std::string OrderText(const model::Program& program, const Order& order, bool names);

}  // namespace knotcheck::conform
