// SPDX-License-Identifier: Apache-2.0
//
// Results and traces as JSON. Both have a version and a schema (docs/result-schema.json,
// docs/trace-schema.json), a stable order of keys, and nothing that differs from run to run.

#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "report/result.h"
#include "report/trace.h"

namespace knotcheck::report {

inline constexpr int kResultsVersion = 1;
inline constexpr int kTraceVersion = 1;
inline constexpr size_t kMaxTraceBytes = 16 << 20;

// What a run of `knotcheck check` was asked, as far as it shapes the answers.
struct RunInfo {
  std::vector<std::string> toggles;
  std::string order;       // "bfs" or "dfs"
  std::string reductions;  // "merge, symmetry", or "none"
};
// A scenario that could not be asked about.
struct FileError {
  std::string file;
  std::string message;
};

std::string ResultsJson(const RunInfo& run, const std::vector<Entry>& entries,
                        const std::vector<FileError>& errors);

std::string TraceJson(const Trace& trace);

// A trace file as it was read: its parts are well formed, but nothing has been replayed yet.
struct TraceFile {
  TraceSubject subject;
  std::string property;
  checker::Path path;
  std::optional<Trace::Concrete> concrete;
  std::vector<TraceThread> threads;
  std::vector<TraceLine> lines;
  std::vector<std::string> at_rest;
};

// InvalidArgument with "FILE: ..." or "FILE:LINE:COLUMN: ..." and what to do about it.
absl::StatusOr<TraceFile> ParseTrace(absl::string_view text, const std::string& file);

// Replays it. InvalidArgument: the path, or the concrete one, cannot be taken. NotFound: it can,
// but does not violate the property. Internal as MakeTrace says.
absl::StatusOr<Trace> Revive(const TraceFile& recorded, const std::string& file);

// Where the file says something else than the replay; empty: nowhere. Such a file was edited, or
// written by a knotcheck with another model.
std::string Difference(const TraceFile& recorded, const Trace& replayed);

}  // namespace knotcheck::report
