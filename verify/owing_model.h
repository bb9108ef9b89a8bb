// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <vector>

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

}  // namespace knotcheck::verify
