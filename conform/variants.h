// SPDX-License-Identifier: Apache-2.0
//
// Which kernel is it? Variants of the baseline (model/variants.def) that user space can tell apart
// are found by runs that are forced: one that gives one outcome with the variant and another
// without it.

#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "conform/campaign.h"
#include "model/config.h"

namespace knotcheck::conform {

struct Variants {
  model::Toggles toggles;
  std::map<std::string, std::string> probe;  // what the runner says of the kernel
  // In words: which were told by runs and which by the release.
  std::string how;
  std::vector<std::string> reports;  // of the guest's kernel
  std::string ended;                 // why the target broke off; empty: it did not
};

// The whole scenario that is to show a variant; "": there is none. Its plan is named
// "probe/VARIANT".
std::string ProbeScenario(model::Toggle variant);

// Runs the target once. `given` is kept as it is, and variants are added if `search`; those that no
// run can tell, or whose runs gave neither outcome, are taken from the release's number.
absl::StatusOr<Variants> ProbeVariants(model::Toggles given, bool search, const Target& target);

}  // namespace knotcheck::conform
