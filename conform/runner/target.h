// SPDX-License-Identifier: Apache-2.0
//
// Starts the tasks of a run: the targets with their filter, threads and peers, the supervisors.

#pragma once

#include <string>

#include "conform/runner/control.h"
#include "conform/runner/plan.h"

namespace knotcheck::runner {

// Where the targets' file system and its root lie, in the mount namespace of the plan.
inline constexpr char kScratch[] = "/tmp";
inline constexpr char kRoot[] = "/tmp/root";

// Starts everything that stands at the beginning and takes the listener. Called by the conductor's
// process, which has no threads yet. On failure false, and why.
bool StartTasks(const Plan& plan, Control* control, std::string* reason);

}  // namespace knotcheck::runner
