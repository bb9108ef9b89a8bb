// SPDX-License-Identifier: Apache-2.0
//
// What this kernel, with this user's rights, can do.

#pragma once

#include <map>
#include <string>

namespace knotcheck::runner {

// Finds out and prints the `probe` lines. For each need: empty if it is met, else why not.
std::map<std::string, std::string> Probe();

}  // namespace knotcheck::runner
