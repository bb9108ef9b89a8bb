// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/text.h"

namespace knotcheck::base {
namespace {

// Nobody mistypes a word longer than this; the bound keeps the quadratic distance cheap.
constexpr size_t kLongestWord = 64;

// The Damerau-Levenshtein distance: insertions, deletions, substitutions, and swaps of two
// neighbours that may be edited further. Both words are at most kLongestWord long.
size_t Distance(absl::string_view a, absl::string_view b) {
  // d[i + 1][j + 1] is the distance of the first i bytes of a and the first j of b; row and
  // column 0 are a wall that no minimum crosses.
  std::array<std::array<size_t, kLongestWord + 2>, kLongestWord + 2> d;
  const size_t wall = a.size() + b.size();
  d[0].fill(wall);
  d[1][0] = wall;
  for (size_t j = 0; j <= b.size(); ++j) d[1][j + 1] = j;
  std::array<size_t, 256> last_row_of{};  // the last i at which a had this byte
  for (size_t i = 1; i <= a.size(); ++i) {
    d[i + 1][0] = wall;
    d[i + 1][1] = i;
    size_t last_match = 0;  // the last j of this row at which the bytes were equal
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t row = last_row_of[static_cast<unsigned char>(b[j - 1])];
      const size_t column = last_match;
      const bool equal = a[i - 1] == b[j - 1];
      if (equal) last_match = j;
      const size_t swap = d[row][column] + (i - row - 1) + 1 + (j - column - 1);
      d[i + 1][j + 1] =
          std::min({d[i][j] + (equal ? 0 : 1), d[i + 1][j] + 1, d[i][j + 1] + 1, swap});
    }
    last_row_of[static_cast<unsigned char>(a[i - 1])] = i;
  }
  return d[a.size() + 1][b.size() + 1];
}

}  // namespace

std::vector<std::string> Near(absl::string_view word, const std::vector<std::string>& candidates,
                              size_t most) {
  std::vector<std::string> near;
  if (word.empty() || word.size() > kLongestWord) return near;
  const size_t limit = std::max<size_t>(1, word.size() / 3);
  std::vector<std::pair<size_t, size_t>> found;  // the distance, and which candidate
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (candidates[i].size() > kLongestWord) continue;
    const size_t distance = Distance(word, candidates[i]);
    if (distance <= limit) found.emplace_back(distance, i);
  }
  std::sort(found.begin(), found.end());
  for (const auto& [distance, i] : found) {
    if (near.size() < most) near.push_back(candidates[i]);
  }
  return near;
}

std::string Nearest(absl::string_view word, const std::vector<std::string>& candidates) {
  const std::vector<std::string> near = Near(word, candidates, 1);
  return near.empty() ? "" : near[0];
}

}  // namespace knotcheck::base
