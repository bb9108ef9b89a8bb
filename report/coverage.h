// SPDX-License-Identifier: Apache-2.0
//
// What `knotcheck coverage` says: what no scenario reaches, against the list of what is known to be
// out of reach (docs/coverage-gaps.tsv).

#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/coverage.h"

namespace knotcheck::report {

inline constexpr size_t kMaxGapsBytes = 1 << 20;
inline constexpr int kCoverageVersion = 1;

// One row of the list. Kinds: "step" that is never taken, "errno" that is never returned,
// "unreached" and "unbroken" property, "event" that is never raised.
struct ListedGap {
  std::string kind;
  std::string name;
  std::string why;
  int line = 0;
};

// InvalidArgument with FILE:LINE:COLUMN.
absl::StatusOr<std::vector<ListedGap>> ParseGaps(absl::string_view text, const std::string& file);

struct Gap {
  std::string kind;
  std::string name;
  std::string why;  // as listed; empty: it is not
};

// How much there is of one kind, and how much of it was met.
struct Part {
  size_t met = 0;
  size_t all = 0;
  std::vector<Gap> gaps;
};

struct FunctionCoverage {
  std::string name;
  std::string file;
  Part steps;
  Part errors;
};

struct CoverageReport {
  std::vector<FunctionCoverage> functions;
  Part reached;  // properties
  Part broken;
  Part events;
  std::vector<std::pair<std::string, model::Results>> calls;  // what user space got
  std::vector<ListedGap> stale;                               // rows that no gap needs
  size_t listed = 0;                                          // gaps
  std::vector<Gap> unlisted;
};

// `proposals` are those that were explored: what only others have is left out.
CoverageReport MakeCoverageReport(const model::Coverage& coverage,
                                  const std::vector<const model::Proposal*>& proposals,
                                  const std::vector<ListedGap>& listed);

// `gaps_file` is where the list stands.
std::string CoverageText(const CoverageReport& report, const std::string& gaps_file, size_t width);
std::string CoverageJson(const CoverageReport& report,
                         const std::vector<const model::Proposal*>& proposals,
                         const std::vector<std::string>& toggles);

}  // namespace knotcheck::report
