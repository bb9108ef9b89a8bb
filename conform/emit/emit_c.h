// SPDX-License-Identifier: Apache-2.0
//
// A reproducer for the mail: a forced run as one C program that needs nothing but a C library and
// the kernel's headers.

#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "conform/force/forced.h"
#include "verify/check.h"

namespace knotcheck::conform {

// What the program says of itself.
struct Reproducer {
  std::string title;  // "attack/openat_path under baseline"
  std::string property;
  std::string sentence;       // the promise
  std::string source;         // the document that makes it
  std::string scenario_text;  // whole
  // How the run goes another way than the counterexample that it is for, a sentence each.
  std::vector<std::string> differences = {};
};

// The program forces the run on the kernel that it finds and says in TAP whether the promise is
// broken there: "not ok 1" if everything goes as predicted, "ok 1" if not, "ok 1 # SKIP" if the
// kernel or the user's rights lack something. Of a run that breaks nothing it is the other way
// round. Unimplemented: the run needs what such a program does not have.
absl::StatusOr<std::string> EmitC(const Reproducer& about, const verify::Question& question,
                                  const ForcedRun& run);

}  // namespace knotcheck::conform
