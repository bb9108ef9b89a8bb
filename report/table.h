// SPDX-License-Identifier: Apache-2.0
//
// The table that `knotcheck check` prints, in pieces: rows appear as the answers do.

#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "report/result.h"

namespace knotcheck::report {

struct TableOptions {
  size_t width = 80;
  bool color = false;
  // Of many scenarios: without what is no verdict, and what --json and golden files have.
  bool brief = false;
  size_t proposal_width = 8;  // longer names stand above their rows
};

// For these names: of the longest that leaves room for outcomes in `width` columns.
size_t ProposalWidth(const std::vector<std::string>& names, size_t width);

std::string TableHead(const TableOptions& options);

// The scenario's line and one row for each of its entries; under a row that differs or is
// incomplete, why.
std::string TableRows(const std::vector<const Entry*>& entries, const TableOptions& options);

// How many states a breadth-first search found at which depth: at most 16 lines with bars, `width`
// columns at most. Empty when there is nothing to show.
std::string DepthProfile(const Entry& entry, size_t width);

}  // namespace knotcheck::report
