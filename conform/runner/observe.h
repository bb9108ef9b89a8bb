// SPDX-License-Identifier: Apache-2.0
//
// What can be seen of a task from outside: its slot, and what /proc says.

#pragma once

#include <cstdint>
#include <string>

#include "conform/runner/control.h"
#include "conform/runner/plan.h"

namespace knotcheck::runner {

// Whether a task that was alive is gone: killed, exited, or replaced by another thread's execve.
bool IsDead(const Slot& slot);

// The level on which a task is: 1 in its handler.
inline int LevelOf(const Slot& slot) { return slot.in_handler.load() != 0 ? 1 : 0; }

// Whether it is inside an operation, on either level.
bool IsInOperation(const Slot& slot);

// Whether it sleeps inside an operation at this moment. `switches`, if not null, is how often it
// has given up its processor: a task that still sleeps has not done so again.
bool IsAsleep(const Slot& slot, uint64_t* switches);

// The same, and it still does some milliseconds later.
bool SleepsOn(const Slot& slot, long milliseconds);

// How often it has left a processor.
uint64_t SwitchesOf(const Slot& slot);
// Milliseconds of the monotonic clock.
int64_t Now();
// Sleeps that long, or until a slot changes.
void AwaitEvent(Control* control, long microseconds);

// Writes one whole line to stdout, in the guest with its prefix.
void PrintLine(const std::string& line);
extern bool in_guest;

}  // namespace knotcheck::runner
