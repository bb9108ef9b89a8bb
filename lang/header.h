// SPDX-License-Identifier: Apache-2.0
//
// The comment lines "# key: value" that a scenario begins with. They are comments to the rest of
// the language, so they have a reader of their own.

#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "lang/ast.h"

namespace knotcheck::lang {

// Reads the comment and blank lines at the start of `text`. `*end` becomes the offset of the first
// other line and `*end_where` its place. Missing keys are the caller's to report, see MissingLines.
absl::Status ReadHeader(absl::string_view text, absl::string_view file, Header* header, size_t* end,
                        Location* end_where);

// The lines that `header` lacks, as they should be written ("# source: TEXT").
std::vector<std::string> MissingLines(const Header& header);

}  // namespace knotcheck::lang
