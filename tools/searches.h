// SPDX-License-Identifier: Apache-2.0
//
// Many searches on a few threads. Each is single-threaded and deterministic, so what is printed
// depends on their number only where a limit of memory is hit.

#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "base/pool.h"
#include "lang/ast.h"
#include "model/operand.h"
#include "tools/progress.h"
#include "verify/check.h"

namespace knotcheck::tools {

struct Search {
  const lang::Scenario* scenario = nullptr;
  model::Operand operand;
  std::string name;                     // for progress
  model::Coverage* coverage = nullptr;  // see verify::CheckOptions
};

class Searches {
 public:
  // Begins at once, on at most `jobs` threads, which share options.explore.max_bytes. The searches
  // and `progress` must outlive this.
  Searches(const std::vector<Search>& searches, size_t jobs, const verify::CheckOptions& options,
           Progress* progress);
  // Ends what still runs.
  ~Searches();
  Searches(const Searches&) = delete;
  Searches& operator=(const Searches&) = delete;

  // The answer of searches[i], once it is there; each at most once. The errors of verify::Check;
  // Cancelled when Ctrl-C came before its turn; ResourceExhausted when there was no memory.
  absl::StatusOr<verify::Answer> Wait(size_t i);

 private:
  void Work(size_t i);
  absl::StatusOr<verify::Answer> Answer(size_t i);

  const std::vector<Search>& searches_;
  verify::CheckOptions options_;
  Progress* progress_;
  std::mutex mutex_;
  std::condition_variable answered_;
  size_t begun_ = 0;
  bool abandoned_ = false;
  std::vector<std::optional<absl::StatusOr<verify::Answer>>> answers_;
  base::Pool pool_;
  std::thread first_;  // the pool's first worker
};

}  // namespace knotcheck::tools
