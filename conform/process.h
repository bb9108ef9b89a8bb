// SPDX-License-Identifier: Apache-2.0
//
// One program, watched: started in a process group of its own, read until it ends, killed with its
// whole group when its time is over. It is also killed when the thread that started it dies.

#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace knotcheck::conform {

// The descriptor at which a child finds ProcessOptions::file.
inline constexpr int kProcessFile = 3;

// ProcessResult::stopped of a program whose time was over begins so, or is that of one that Ctrl-C
// ended.
inline constexpr char kTimeLimit[] = "the time limit of ";
inline constexpr char kInterrupted[] = "interrupted";

struct ProcessOptions {
  std::vector<std::string> argv{};  // the program is looked up in PATH if it has no slash
  int input = -1;                   // stdin; -1: /dev/null
  int file = -1;                    // one more descriptor; -1: none
  std::chrono::milliseconds limit{};
  const std::atomic<bool>* interrupted = nullptr;
  std::function<void(std::string_view)> output{};  // called with what it writes to stdout
  // Called at least every 100 ms; if the result is not empty, the program is killed for that
  // reason.
  std::function<std::string()> enough{};
};

struct ProcessResult {
  int status = 0;       // as of waitpid()
  std::string stopped;  // why it was killed; empty if it ended by itself
  std::string errors;   // what it wrote to stderr, up to 1 MiB
};

// NotFound if there is no such program; Unavailable if the system refuses.
absl::StatusOr<ProcessResult> RunProcess(const ProcessOptions& options);

// "the runner was killed by signal 9", "the runner ended with status 3".
std::string DescribeStatus(const std::string& what, int status);

// Anonymous memory with these bytes, to be read from its beginning: a file that nobody has to
// remove. The caller closes it.
absl::StatusOr<int> MemoryFile(const char* name, std::string_view bytes);

}  // namespace knotcheck::conform
