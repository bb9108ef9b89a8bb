// SPDX-License-Identifier: Apache-2.0

#include "checker/reduce.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace knotcheck::checker {
namespace {

constexpr std::pair<absl::string_view, uint32_t> kNames[] = {
    {"merge", kMerge},           {"symmetry", kSymmetry},    {"renumber", kRenumber},
    {"persistent", kPersistent}, {"self-check", kSelfCheck},
};

}  // namespace

absl::StatusOr<uint32_t> ParseReductions(absl::string_view text) {
  uint32_t reductions = kNoReduction;
  for (absl::string_view word : absl::StrSplit(text, ',')) {
    word = absl::StripAsciiWhitespace(word);
    bool known = word == "none" || word == "all";
    if (word == "all") reductions |= kAllReductions;
    for (const auto& [name, bit] : kNames) {
      if (word != name) continue;
      reductions |= bit;
      known = true;
    }
    if (!known) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", word,
                       "': expected all, none, or of merge, symmetry, renumber, persistent and "
                       "self-check some, ",
                       "with commas between"));
    }
  }
  return reductions;
}

std::string ReductionsText(uint32_t reductions) {
  std::string text;
  for (const auto& [name, bit] : kNames) {
    if (reductions & bit) absl::StrAppend(&text, text.empty() ? "" : ", ", name);
  }
  return text.empty() ? "none" : text;
}

}  // namespace knotcheck::checker
