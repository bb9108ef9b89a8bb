// SPDX-License-Identifier: Apache-2.0
//
// How far the searches are, on stderr: a live line on a terminal; elsewhere a plain line every few
// seconds, and none for what is done sooner.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "checker/explore.h"

namespace knotcheck::tools {

// A search, in at most `width` bytes: the estimate of its size, if there is one, comes first. What
// does not fit of the name is left out, and `more` says how many other searches run.
std::string ProgressLine(const std::string& name, const checker::Progress& progress, double seconds,
                         size_t more, size_t width);

// How far something is of which `all` are to do: the time that is left, at the pace so far, first.
std::string ProgressLine(const std::string& name, uint64_t done, uint64_t all, double seconds,
                         size_t width);

class Progress {
 public:
  explicit Progress(bool quiet);

  // One search, by the number of its question; any thread may call these.
  void Start(size_t question, const std::string& name);
  void Update(size_t question, const checker::Progress& progress);
  void Finish(size_t question);

  // A line of the caller's own; Due() says when another one is worth making.
  bool Due();
  void Show(const std::string& line);

  // Takes the live line away, for output that goes to the same terminal.
  void Clear();

  // How wide a line may be, and how long this has been there.
  size_t width() const;
  double seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  struct Search {
    std::string name;
    Clock::time_point begin;
    Clock::time_point next_line;
  };
  const bool quiet_;
  const bool live_;
  const Clock::time_point begin_ = Clock::now();
  std::mutex mutex_;
  std::map<size_t, Search> searches_;
  Clock::time_point next_live_;
  Clock::time_point next_line_;  // of the caller's own
  bool line_shown_ = false;
};

}  // namespace knotcheck::tools
