// SPDX-License-Identifier: Apache-2.0
//
// From a scenario's text to its tree and back.

#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lang/ast.h"

namespace knotcheck::lang {

// The largest text that Parse takes, in bytes.
inline constexpr size_t kMaxScenarioBytes = 1 << 20;

// `file` is used in messages only. InvalidArgument with one "FILE:LINE:COLUMN: what was found,
// what was expected[, did you mean 'x'?]" a line.
absl::StatusOr<Scenario> Parse(absl::string_view text, absl::string_view file);

// The canonical text; Parse(Print(s)) == s, and printing that again gives the same bytes.
std::string Print(const Scenario& scenario);

// "FILE:LINE:COLUMN: message" as an InvalidArgument status; every complaint about a scenario is
// made with it.
absl::Status ErrorAt(const std::string& file, Location where, absl::string_view message);

}  // namespace knotcheck::lang
