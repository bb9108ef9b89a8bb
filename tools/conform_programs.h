// SPDX-License-Identifier: Apache-2.0
//
// knotcheck conform --program and --selftests: programs on the target instead of scenarios.

#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "conform/target.h"
#include "model/config.h"

namespace knotcheck::tools {

// Runs programs one after the other and prints what they say; exit status 1 if one failed.
int RunPrograms(const std::vector<std::string>& files, std::chrono::seconds limit,
                const conform::TargetOptions& target);

// Runs the selftests in a folder and prints what the model says of each; exit status 1 if one
// disagrees. `probe` is what the runner says of the kernel.
int RunSelftests(const std::string& folder, std::chrono::seconds limit,
                 const conform::TargetOptions& target, const model::Toggles& toggles,
                 const std::map<std::string, std::string>& probe, bool markdown);

}  // namespace knotcheck::tools
