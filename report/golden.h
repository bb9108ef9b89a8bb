// SPDX-License-Identifier: Apache-2.0
//
// The golden file x.expected beside x.scn: what the checker found, in full, for review.

#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "report/result.h"

namespace knotcheck::report {

inline constexpr size_t kMaxGoldenBytes = 1 << 20;

// "scenarios/x.scn" -> "scenarios/x.expected".
std::string GoldenPath(const std::string& scenario_file);

// The entries of one scenario, in the order of its claims.
std::string GoldenText(const std::vector<const Entry*>& entries);

// The differing lines with a little around them, as diff -u shows them; empty when the texts are
// the same. At most `max_lines` lines.
std::string DiffExcerpt(absl::string_view old_text, absl::string_view new_text, size_t max_lines);

}  // namespace knotcheck::report
