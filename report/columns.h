// SPDX-License-Identifier: Apache-2.0
//
// The columns view: one column a thread, time downwards. Plain ASCII that can go into a mail or a
// commit message.

#pragma once

#include <cstddef>
#include <string>

#include "trace/trace.h"

namespace knotcheck::report {

inline constexpr size_t kMinWidth = 20;  // of any report

struct ColumnsOptions {
  size_t width = 80;  // no line is longer; at least kMinWidth
  bool all = false;   // every step, with its C statement
  bool color = false;
  // The trace file that shows the same run; empty: the replay line gives the path itself.
  std::string trace_file;
  // What the user types for knotcheck, in the replay line.
  std::string program = "knotcheck";
};

std::string Columns(const trace::Trace& trace, const ColumnsOptions& options);

// The steps alone: of a run that need not violate anything.
std::string RunColumns(const trace::Trace& trace, const ColumnsOptions& options);

}  // namespace knotcheck::report
