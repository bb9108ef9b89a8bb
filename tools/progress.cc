// SPDX-License-Identifier: Apache-2.0

#include "tools/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "base/text.h"
#include "checker/estimate.h"
#include "fmt/core.h"
#include "tools/common.h"

namespace knotcheck::tools {
namespace {

constexpr auto kLiveEvery = std::chrono::milliseconds(100);
constexpr auto kLineEvery = std::chrono::seconds(5);

// "850k", "2.3M".
std::string Rounded(double states) {
  if (states < 1e6) return fmt::format("{:.0f}k", std::ceil(states / 1e3));
  return fmt::format("{:.{}f}M", states / 1e6, states < 1e7 ? 1 : 0);
}

}  // namespace

Progress::Progress(bool quiet)
    : quiet_(quiet), live_(::isatty(STDERR_FILENO) != 0), next_live_(Clock::now() + kLiveEvery) {}

void Progress::Start(size_t question, const std::string& name) {
  if (quiet_) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto now = Clock::now();
  searches_[question] = Search{base::Ascii(name), now, now + kLineEvery};
}

void Progress::Update(size_t question, const checker::Progress& progress) {
  if (quiet_) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto now = Clock::now();
  const auto at = searches_.find(question);
  if (at == searches_.end()) return;
  if (!live_) {
    if (now < at->second.next_line) return;
    at->second.next_line = now + kLineEvery;
    std::fprintf(stderr, "%s\n", Line(at->second, progress).c_str());
    return;
  }
  // One line for all: the search that is first in the output.
  if (now < next_live_ || at != searches_.begin()) return;
  next_live_ = now + kLiveEvery;
  std::string line = Line(at->second, progress);
  if (searches_.size() > 1) absl::StrAppend(&line, " (and ", searches_.size() - 1, " more)");
  // A line that fills the terminal would wrap.
  line.resize(std::min(line.size(), TerminalWidth(STDERR_FILENO) - 1));
  std::fprintf(stderr, "\r\x1b[K%s", line.c_str());
  std::fflush(stderr);
  line_shown_ = true;
}

void Progress::Finish(size_t question) {
  if (quiet_) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  searches_.erase(question);
}

void Progress::Show(const std::string& line) {
  if (quiet_ || !live_) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  const size_t width = TerminalWidth(STDERR_FILENO) - 1;
  std::fprintf(stderr, "\r\x1b[K%s", line.substr(0, width).c_str());
  std::fflush(stderr);
  line_shown_ = true;
}

void Progress::Clear() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!line_shown_) return;
  std::fprintf(stderr, "\r\x1b[K");
  std::fflush(stderr);
  line_shown_ = false;
}

std::string Progress::Line(const Search& search, const checker::Progress& progress) const {
  const double seconds =
      std::max(1e-3, std::chrono::duration<double>(Clock::now() - search.begin).count());
  std::string line =
      fmt::format("{}: {} states, {:.0f}k/s, depth {}, {} queued, {}", search.name, progress.states,
                  static_cast<double>(progress.states) / seconds / 1000, progress.depth,
                  progress.queued, SizeText(progress.bytes));
  if (progress.levels == nullptr) return line;
  const auto estimate = checker::EstimateStates(*progress.levels);
  if (!estimate) return line;
  const auto least = static_cast<double>(progress.states);
  absl::StrAppend(&line, ", about ", Rounded(std::max(least, estimate->states)), " in all (",
                  Rounded(std::max(least, estimate->low)), " to ",
                  estimate->high ? Rounded(std::max(least, *estimate->high)) : "who knows", ")");
  return line;
}

}  // namespace knotcheck::tools
