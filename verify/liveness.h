// SPDX-License-Identifier: Apache-2.0
//
// Properties of whole runs (PropertyInfo::owed) of a scenario: is a task that is owed something
// left without it for ever, although every thread gets its turns?

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checker/liveness.h"
#include "model/property.h"
#include "model/system.h"
#include "verify/kernel_model.h"

namespace knotcheck::verify {

// Obligation i: task tasks()[i] is owed what `property` says. All tasks must get their turns, but
// for adversaries in user mode; senders of signals and writers need not do anything.
class OwingModel : public KernelModel {
 public:
  // `system` must outlive the model; `property` is one of its own, with `owed`.
  OwingModel(const model::System& system, const model::PropertyInfo& property);

  const std::vector<int>& tasks() const { return tasks_; }
  int ObligationCount() const { return static_cast<int>(tasks_.size()); }
  uint64_t Pending(const uint64_t* state) const;
  uint64_t FairThreads(const uint64_t* state) const;

 private:
  bool (*owed_)(const model::Program&, const model::State&, int);
  std::vector<int> tasks_;
  uint64_t always_fair_ = 0;
  std::vector<int> adversaries_;
};

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
