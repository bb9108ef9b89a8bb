// SPDX-License-Identifier: Apache-2.0
//
// From a counterexample to a program that shows it on a kernel.

#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "lang/ast.h"
#include "model/config.h"
#include "model/proposal.h"

namespace knotcheck::conform {

struct Finding {
  std::string scenario_text;  // whole
  const lang::Scenario* scenario = nullptr;
  const model::Proposal* proposal = nullptr;
  model::Toggles toggles;
  std::string property;
};

// A C program for the shortest run that user space can force and that breaks the promise, if what
// it shows is shown by no run that keeps it. The counterexample's own order of steps is not kept:
// user space could not make it.
//   NotFound: no such run; Unimplemented: the run needs what a program does not have
absl::StatusOr<std::string> Reproduce(const Finding& finding);

}  // namespace knotcheck::conform
