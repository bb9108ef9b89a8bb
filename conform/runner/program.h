// SPDX-License-Identifier: Apache-2.0
//
// A plan that executes a program: a selftest of the kernel, for example.

#pragma once

#include <string>

#include "conform/runner/plan.h"

namespace knotcheck::runner {

// Runs the program in namespaces of its own and prints its lines; the result is what stands behind
// `end PLAN`.
std::string RunProgram(const Plan& plan);

// Whether this program was executed as a file named true. Selftests execute /bin/true, and a guest
// has no other than the runner.
bool IsTrue();

}  // namespace knotcheck::runner
