// SPDX-License-Identifier: Apache-2.0
//
// One plan, in namespaces of its own: processes, mounts, and without root also users. Its file
// system is a tmpfs that only they see. Whoever ends, and however, the kernel ends the rest.

#pragma once

#include <functional>
#include <string>

#include "conform/runner/plan.h"

namespace knotcheck::runner {

// Runs `body` as the first process of new namespaces, with /proc and an empty kScratch; its result
// is the exit status. It ends when the caller does. The status, or -1 and why.
int InNamespaces(const std::function<int()>& body, int64_t limit_ms, std::string* reason);

// Runs a plan and prints its lines but the first and the last; the result is what stands behind
// `end PLAN`.
std::string RunPlan(const Plan& plan);

}  // namespace knotcheck::runner
