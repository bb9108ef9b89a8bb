// SPDX-License-Identifier: Apache-2.0
//
// Properties of whole runs (PropertyInfo::owed) of a scenario: is a task that is owed something
// left without it for ever, although every thread gets its turns?

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checker/lasso.h"
#include "model/property.h"
#include "model/system.h"

namespace knotcheck::verify {

// Who is starved, by the task's place in Program::tasks, and how.
struct Starving {
  int task = 0;
  std::string name;
  checker::Lasso lasso;
};

struct Liveness {
  std::string property;
  checker::LivenessResult result;
  std::vector<Starving> starving;  // in the order of the tasks
  bool complete() const { return result.end == checker::LivenessEnd::kExhausted; }
};

// Builds the graph of the scenario, without any reduction that merges steps: fairness speaks of
// single steps. Every lasso has been replayed.
Liveness CheckLiveness(const model::System& system, const model::PropertyInfo& property,
                       const checker::LivenessOptions& options);

// The tasks that `lasso` starves, by their names; empty when it starves none or cannot be taken,
// and then `why` says what is wrong with it.
std::vector<std::string> StarvedBy(const model::System& system, const model::PropertyInfo& property,
                                   const checker::Lasso& lasso, std::string* why);

}  // namespace knotcheck::verify
