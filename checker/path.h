// SPDX-License-Identifier: Apache-2.0
//
// A run: the index of an initial state and the actions taken from it. As text it is short enough
// to paste into a mail: "0:aab3c" is initial state 0, thread a twice, thread b with choice 3,
// thread c.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "checker/model.h"

namespace knotcheck::checker {

struct Path {
  uint32_t initial = 0;
  std::vector<Action> actions;
  friend bool operator==(const Path&, const Path&) = default;
};

// At most 26 threads can be named, which every model of this project respects.
inline constexpr int kMaxThreads = 26;

std::string PathToString(const Path& path);

// The inverse of PathToString. InvalidArgument names the column and what was expected there.
absl::StatusOr<Path> PathFromString(absl::string_view text);

}  // namespace knotcheck::checker
