// SPDX-License-Identifier: Apache-2.0
//
// Which variables of a supervisor's script nobody reads again before they are set: canonical form
// clears them, and what they name is not named.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/program.h"
#include "model/state.h"

namespace knotcheck::model {

// Built once for a program, which must outlive it, then only read.
class DeadVariables {
 public:
  explicit DeadVariables(const Program& program);

  // Bit v: variable v of this task. Nothing for a task that is no supervisor.
  uint8_t Of(size_t task, const Task& state) const;

 private:
  const Program& program_;
  // By task and op; of tasks that are no supervisors nothing.
  std::vector<std::vector<uint8_t>> dead_;
};

}  // namespace knotcheck::model
