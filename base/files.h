// SPDX-License-Identifier: Apache-2.0
//
// Whole files in and out. Every message begins with the path that it is about.

#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace knotcheck::base {

// The whole file. NotFound; InvalidArgument for a directory or more than `max_bytes`; Unavailable
// for what the system refuses.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes);

// All or nothing: a reader of `path` sees the old file or the new one, also when the disk is full
// or the power fails. What is no regular file (a pipe, /dev/stdout) is written in place.
// What a writer of the same file that was killed had left is taken away.
absl::Status WriteFile(const std::string& path, absl::string_view bytes);

// Whether WriteFile could begin, so that an hour of searching is not lost to a typo.
absl::Status CheckWritable(const std::string& path);

// The directory and its parents, if they are not there.
absl::Status MakeDirectory(const std::string& path);

}  // namespace knotcheck::base
