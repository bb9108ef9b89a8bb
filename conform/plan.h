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

// Of a word of the program: that of the plan, where a forked child has its parent's objects.
int WordInPlan(const model::Program& program, int word);
// The address space whose objects stand in the plan for those of this one: of a forked child its
// parent's, which have the same addresses there.
uint8_t SpaceInPlan(const model::Program& program, uint8_t space);
// Whether it is that one itself.
bool IsInPlan(const model::Program& program, uint8_t space);
// Whether some child gets a copy of its parent's memory.
bool Forks(const model::Program& program);
// What of a scenario's memory the runner cannot have; nullptr: nothing.
const char* CannotMap(const model::Program& program);
// What a word holds, or an address, in an address space, as a plan has it: 16 hexadecimal digits,
// "&2+8", "dangling" or "unmapped".
std::string ValueWord(const model::Program& program, model::Value value, uint8_t space);

// An order as the plan has it: "start S 3 park".
std::string OrderText(const model::Program& program, const Order& order, bool names);

}  // namespace knotcheck::conform
