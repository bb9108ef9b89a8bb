// SPDX-License-Identifier: Apache-2.0
//
// The kernel's own C files as a target (docs/source-mode.md): built on this machine from the user's
// tree, and searched by knot_source, which answers a stress plan with all outcomes that there are.

#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "conform/target.h"

namespace knotcheck::conform {

struct SourceTree {
  std::string tree;                  // a directory, or a tar of one
  std::vector<std::string> patches;  // applied in this order
  std::string script;                // conform/source/build.sh
};

// Builds the C, unless that has been done before: the path of the object. InvalidArgument: what the
// script says of the tree, a patch or the compiler. The errors of RunProcess.
absl::StatusOr<std::string> BuildSource(const SourceTree& source,
                                        const std::atomic<bool>* interrupted);

}  // namespace knotcheck::conform
