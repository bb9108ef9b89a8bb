// SPDX-License-Identifier: Apache-2.0
//
// From a scenario's tree to the program that the model runs, under one proposal.

#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lang/ast.h"
#include "model/program.h"
#include "model/proposal.h"

namespace knotcheck::lang {

struct CompileOptions {
  // Instead of the most general peer: a peer that writes any words, this often. -1: as written.
  int explicit_writes = -1;
};

// InvalidArgument: the scenario is wrong ("FILE:LINE:COLUMN: ..."). FailedPrecondition: it is
// right, but means nothing under this proposal, because it uses an ioctl or a flag of another one.
absl::StatusOr<model::Program> Compile(const Scenario& scenario, const model::Proposal& proposal,
                                       const CompileOptions& options = {});

// The names after "never" and "sometimes"; empty: all that apply.
struct Asked {
  std::vector<std::string> never;
  std::vector<std::string> sometimes;
};

// InvalidArgument for a name that no property has; under any proposal.
absl::StatusOr<Asked> AskedOf(const Scenario& scenario);

}  // namespace knotcheck::lang
