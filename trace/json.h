// SPDX-License-Identifier: Apache-2.0
//
// Traces as files: docs/trace-format.md, docs/trace-schema.json. A stable order of keys, and
// nothing that differs from run to run.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "trace/trace.h"

namespace knotcheck::trace {

inline constexpr int kTraceVersion = 2;
inline constexpr size_t kMaxTraceBytes = 16 << 20;

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

}  // namespace knotcheck::trace
