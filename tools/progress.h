// SPDX-License-Identifier: Apache-2.0
//
// How far the searches are, on stderr: a live line on a terminal; elsewhere a plain line every few
// seconds, and none for what is done sooner.

#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <string>

#include "checker/explore.h"

namespace knotcheck::tools {

class Progress {
 public:
  explicit Progress(bool quiet);

  // One search, by the number of its question; any thread may call these.
  void Start(size_t question, const std::string& name);
  void Update(size_t question, const checker::Progress& progress);
  void Finish(size_t question);

  // A live line of the caller's own; nothing without a terminal.
  void Show(const std::string& line);

  // Takes the live line away, for output that goes to the same terminal.
  void Clear();

 private:
  using Clock = std::chrono::steady_clock;
  struct Search {
    std::string name;
    Clock::time_point begin;
    Clock::time_point next_line;
  };
  std::string Line(const Search& search, const checker::Progress& progress) const;

  const bool quiet_;
  const bool live_;
  std::mutex mutex_;
  std::map<size_t, Search> searches_;
  Clock::time_point next_live_;
  bool line_shown_ = false;
};

}  // namespace knotcheck::tools
