// SPDX-License-Identifier: Apache-2.0

#include "checker/estimate.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace knotcheck::checker {
namespace {

constexpr size_t kFewestLevels = 8;
constexpr size_t kFewestRatios = 6;
constexpr double kErrors = 2;
constexpr double kEndless = 1e15;

// log(level / level before) as a line over the depth.
struct Line {
  double middle = 0;  // of the depths
  double height = 0;  // there
  double slope = 0;
  double error = 0;  // standard error of the slope
};

Line Fit(const std::vector<uint64_t>& levels, size_t ratios) {
  const auto n = static_cast<double>(ratios);
  const size_t first = levels.size() - ratios;
  const auto ratio = [&levels](size_t d) {
    return std::log(static_cast<double>(levels[d]) / static_cast<double>(levels[d - 1]));
  };
  Line line;
  for (size_t d = first; d < levels.size(); ++d) {
    line.middle += static_cast<double>(d) / n;
    line.height += ratio(d) / n;
  }
  double squares = 0;
  for (size_t d = first; d < levels.size(); ++d) {
    const double x = static_cast<double>(d) - line.middle;
    squares += x * x;
    line.slope += x * ratio(d);
  }
  line.slope /= squares;
  double rest = 0;
  for (size_t d = first; d < levels.size(); ++d) {
    const double x = static_cast<double>(d) - line.middle;
    const double off = ratio(d) - line.height - line.slope * x;
    rest += off * off;
  }
  line.error = std::sqrt(rest / (n - 2) / squares);
  return line;
}

// The total, or infinity.
double Total(const std::vector<uint64_t>& levels, const Line& line, double slope) {
  double total = static_cast<double>(std::accumulate(levels.begin(), levels.end(), uint64_t{0}));
  if (slope >= 0) return INFINITY;
  auto level = static_cast<double>(levels.back());
  for (size_t d = levels.size(); level >= 1; ++d) {
    level *= std::exp(line.height + slope * (static_cast<double>(d) - line.middle));
    total += level;
    if (total > kEndless) return INFINITY;
  }
  return total;
}

}  // namespace

std::optional<Estimate> EstimateStates(const std::vector<uint64_t>& levels) {
  if (levels.size() < kFewestLevels) return std::nullopt;
  std::vector<double> totals;
  double low = INFINITY;
  double high = 0;
  for (const size_t quarters : {1, 2, 3}) {
    const size_t ratios = levels.size() * quarters / 4;
    if (ratios < kFewestRatios) continue;
    const Line line = Fit(levels, ratios);
    totals.push_back(Total(levels, line, line.slope));
    low = std::min(low, Total(levels, line, line.slope - kErrors * line.error));
    high = std::max(high, Total(levels, line, line.slope + kErrors * line.error));
  }
  if (totals.empty()) return std::nullopt;
  std::sort(totals.begin(), totals.end());
  const double median = totals[totals.size() / 2];
  if (std::isinf(median)) return std::nullopt;
  Estimate estimate{median, std::min(low, median), std::nullopt};
  if (!std::isinf(high)) estimate.high = high;
  return estimate;
}

}  // namespace knotcheck::checker
