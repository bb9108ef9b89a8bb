// SPDX-License-Identifier: Apache-2.0
//
// A trace beside the kernel's own text, which is the reader's: knotcheck has none of it.

#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "trace/trace.h"

namespace knotcheck::report {

// The functions of one C file, to find statements in.
class SourceFile {
 public:
  explicit SourceFile(absl::string_view text);

  // The lines, from 1, on which a statement begins in a function of this name, however it is broken
  // into lines and whatever comments are in it. Several: the function has it so often. None: it has
  // no such function, or the model's words for the step are not the file's.
  std::vector<int> Find(absl::string_view function, absl::string_view statement) const;
  // A line without the blanks around it.
  absl::string_view Line(int number) const;

 private:
  std::string text_;
  std::vector<size_t> begins_;  // of each line
  // What is left of the text without blanks and comments, and where each byte of it was.
  std::string bare_;
  std::vector<size_t> places_;
};

// For each step of the trace its thread, and of those in a kernel function the file and the lines
// of the statement with the first line's text; in at most `width` columns where words allow.
// InvalidArgument: `tree` has none of the files, so it is no kernel's.
absl::StatusOr<std::string> StepsInSource(const trace::Trace& trace, const std::string& tree,
                                          size_t width);

}  // namespace knotcheck::report
