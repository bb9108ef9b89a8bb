// SPDX-License-Identifier: Apache-2.0
//
// Executes the orders of a directed plan and tells what happened; runs one run of a stress.

#pragma once

#include <string>

#include "conform/runner/control.h"
#include "conform/runner/plan.h"

namespace knotcheck::runner {

// How a run ended.
enum class Ending : int { kOk = 0, kLimit = 2, kBroken = 3 };

// Executes all orders; prints the lines. Returns why the answers mean nothing; empty: they do mean
// something.
std::string Conduct(const Plan& plan, Control* control);

// Lets the tasks run freely until they have come to rest; the outcome is left in the control block.
Ending Stress(const Plan& plan, Control* control);

}  // namespace knotcheck::runner
