// SPDX-License-Identifier: Apache-2.0
//
// How large a search will be, from how its levels have grown so far.

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace knotcheck::checker {

// Numbers of states. An estimate is a guess with honest bounds, and no verdict stands on it.
struct Estimate {
  double states = 0;           // the likeliest total
  double low = 0;              // hardly fewer
  std::optional<double> high;  // hardly more; nothing: no end is in sight
};

// `levels`: states at each depth, of complete levels only. In most breadth-first searches the ratio
// of one level to the one before falls along a line on a logarithmic scale, which makes the profile
// a bell. The line is fitted by least squares to the last quarter, half and three quarters of the
// levels and drawn on until a level is empty: the median is the estimate, the bounds are the
// outermost at two standard errors of the slope. Profiles with several humps are beyond it; over
// the profiles in docs/performance.md the bounds held in four of five cases. Nothing before there
// are eight levels, and while levels grow faster and faster.
std::optional<Estimate> EstimateStates(const std::vector<uint64_t>& levels);

}  // namespace knotcheck::checker
