// SPDX-License-Identifier: Apache-2.0
//
// Results as JSON, with a version and a schema (docs/result-schema.json), a stable order of keys,
// and nothing that differs from run to run.

#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "report/result.h"

namespace knotcheck::report {

inline constexpr int kResultsVersion = 2;

// What a run of `knotcheck check` was asked, as far as it shapes the answers.
struct RunInfo {
  std::vector<std::string> toggles;
  std::string order;        // "bfs" or "dfs"
  std::string reductions;   // "merge, symmetry", or "none"
  std::string kernel = "";  // model::KernelText()
};
// A scenario that could not be asked about.
struct FileError {
  std::string file;
  std::string message;
};

std::string ResultsJson(const RunInfo& run, const std::vector<Entry>& entries,
                        const std::vector<FileError>& errors);

}  // namespace knotcheck::report
