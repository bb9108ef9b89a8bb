// SPDX-License-Identifier: Apache-2.0
//
// The smallest sets of fixes, for readers and as JSON (docs/fixes-schema.json).

#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "lang/ast.h"
#include "model/proposal.h"
#include "verify/fixes.h"

namespace knotcheck::report {

// What was asked and what came of it.
struct FixReport {
  std::string program = "knotcheck";  // what the user types for it
  model::Operand operand;
  std::vector<const lang::Scenario*> scenarios;
  verify::FixSets found;
};

// The words of the command that shows why a fix is needed.
std::vector<std::string> WitnessCommand(const FixReport& report, const verify::FixWitness& witness);

std::string FixesAsText(const FixReport& report, size_t width);
std::string FixesAsJson(const FixReport& report);

}  // namespace knotcheck::report
