// SPDX-License-Identifier: Apache-2.0

#include "checker/path.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace knotcheck::checker {
namespace {

constexpr size_t kMaxActions = 1'000'000;

// Reads a decimal number below `limit` at *pos; without a digit there, or above it, nullopt-like
// false.
bool ReadNumber(absl::string_view text, size_t* pos, uint32_t limit, uint32_t* value) {
  const size_t start = *pos;
  uint32_t n = 0;
  while (*pos < text.size() && text[*pos] >= '0' && text[*pos] <= '9') {
    n = n * 10 + static_cast<uint32_t>(text[*pos] - '0');
    if (n >= limit) return false;
    ++*pos;
  }
  *value = n;
  return *pos > start;
}

absl::Status Bad(size_t pos, absl::string_view expected) {
  return absl::InvalidArgumentError(
      absl::StrCat("path:1:", pos + 1, ": expected ", expected,
                   " (a path looks like 0:aab3c and is printed with each counterexample)"));
}

}  // namespace

std::string PathToString(const Path& path) {
  std::string text = absl::StrCat(path.initial, ":");
  for (const Action action : path.actions) {
    KNOT_CHECK(action.thread < kMaxThreads);
    text.push_back(static_cast<char>('a' + action.thread));
    if (action.choice != 0) absl::StrAppend(&text, action.choice);
  }
  return text;
}

absl::StatusOr<Path> PathFromString(absl::string_view text) {
  Path path;
  size_t pos = 0;
  if (!ReadNumber(text, &pos, 1u << 20, &path.initial)) {
    return Bad(pos, "the number of an initial state");
  }
  if (pos >= text.size() || text[pos] != ':') return Bad(pos, "':'");
  ++pos;
  while (pos < text.size()) {
    if (text[pos] < 'a' || text[pos] > 'z') return Bad(pos, "a thread, 'a' to 'z'");
    if (path.actions.size() >= kMaxActions) return Bad(pos, "at most 1000000 steps");
    Action action;
    action.thread = static_cast<uint16_t>(text[pos] - 'a');
    ++pos;
    if (pos < text.size() && text[pos] >= '0' && text[pos] <= '9') {
      uint32_t choice = 0;
      if (!ReadNumber(text, &pos, 1u << 16, &choice)) return Bad(pos, "a choice below 65536");
      action.choice = static_cast<uint16_t>(choice);
    }
    path.actions.push_back(action);
  }
  return path;
}

}  // namespace knotcheck::checker
