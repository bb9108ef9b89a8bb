// SPDX-License-Identifier: Apache-2.0
//
// Programs instead of scenarios, on the same targets: the kernel's selftests, and programs that
// confirm what no plan can show.

#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "conform/answers.h"
#include "conform/target.h"

namespace knotcheck::conform {

struct ProgramRun {
  std::string name;                  // the file's, without its folder
  PlanAnswer answer;                 // `ended` is never empty
  std::string kernel;                // its release
  std::vector<std::string> reports;  // of a guest's kernel
};

// Runs a program alone: in a guest of its own if the options name a kernel, with the runner as
// /bin/true there. `limit` is the program's. A target that breaks off is no error.
absl::StatusOr<ProgramRun> RunProgram(const std::string& file, std::chrono::milliseconds limit,
                                      const TargetOptions& options);

// Whether it exited with 0, or with 4 (kselftest's skip), and the kernel reported nothing.
bool Passed(const ProgramRun& run);

// Its lines, how it ended and what the kernel reported.
std::string ProgramText(const ProgramRun& run);

}  // namespace knotcheck::conform
