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

constexpr size_t kLeastOfAName = 8;

// "999", "850k", "2.3M", "12M".
std::string Rounded(double number) {
  if (number < 1e3) return fmt::format("{:.0f}", number);
  if (number < 1e6) return fmt::format("{:.0f}k", std::ceil(number / 1e3));
  return fmt::format("{:.{}f}M", number / 1e6, number < 1e7 ? 1 : 0);
}

// "12 s", "3 min", "2 h".
std::string Time(double seconds) {
  if (seconds < 100) return fmt::format("{:.0f} s", std::ceil(seconds));
  if (seconds < 6000) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.0f} h", seconds / 3600);
}

// What is known, and as much of the name as there is room for.
std::string Named(std::string line, const std::string& name, const std::string& rest,
                  size_t width) {
  const std::string printable = base::Ascii(name);
  const size_t used = line.size() + 2 + rest.size();
  const size_t room = used < width ? width - used : 0;
  if (room >= std::min(printable.size(), kLeastOfAName)) {
    absl::StrAppend(&line, ": ", printable.substr(0, room), rest);
  }
  line.resize(std::min(line.size(), width));
  return line;
}

}  // namespace

std::string ProgressLine(const std::string& name, const checker::Progress& progress, double seconds,
                         size_t more, size_t width) {
  const auto states = static_cast<double>(progress.states);
  const std::string pace =
      absl::StrCat(Rounded(states / std::max(1e-3, seconds)), "/s, ", SizeText(progress.bytes));
  const auto estimate =
      progress.levels == nullptr ? std::nullopt : checker::EstimateStates(*progress.levels);
  std::string line;
  if (estimate) {
    const double all = std::max(states, estimate->states);
    line = absl::StrCat(
        "about ", Rounded(all), " states (", Rounded(std::max(states, estimate->low)), " to ",
        estimate->high ? Rounded(std::max(states, *estimate->high)) : "who knows", "), ",
        fmt::format("{:.0f}%", 100 * states / std::max(1.0, all)), " found, ", pace);
  } else {
    line = absl::StrCat(Rounded(states), " states, depth ", progress.depth, ", ",
                        Rounded(static_cast<double>(progress.queued)), " queued, ", pace);
  }
  return Named(line, name, more == 0 ? "" : absl::StrCat(" (and ", more, " more)"), width);
}

std::string ProgressLine(const std::string& name, uint64_t done, uint64_t all, double seconds,
                         size_t width) {
  const double left =
      done == 0 ? 0 : seconds * static_cast<double>(all - done) / static_cast<double>(done);
  return Named(absl::StrCat(done == 0 ? "" : absl::StrCat("about ", Time(left), " left, "), done,
                            " of ", all),
               name, "", width);
}

Progress::Progress(bool quiet)
    : quiet_(quiet),
      live_(::isatty(STDERR_FILENO) != 0),
      next_live_(begin_ + kLiveEvery),
      next_line_(begin_ + kLineEvery) {}

// A line that fills the terminal would wrap.
size_t Progress::width() const { return TerminalWidth(STDERR_FILENO) - (live_ ? 1 : 0); }

void Progress::Start(size_t question, const std::string& name) {
  if (quiet_) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto now = Clock::now();
  searches_[question] = Search{name, now, now + kLineEvery};
}

void Progress::Update(size_t question, const checker::Progress& progress) {
  if (quiet_) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto now = Clock::now();
  const auto at = searches_.find(question);
  if (at == searches_.end()) return;
  const double seconds = std::chrono::duration<double>(now - at->second.begin).count();
  if (!live_) {
    if (now < at->second.next_line) return;
    at->second.next_line = now + kLineEvery;
    std::fprintf(stderr, "%s\n",
                 ProgressLine(at->second.name, progress, seconds, 0, width()).c_str());
    return;
  }
  // One line for all: the search that is first in the output.
  if (now < next_live_ || at != searches_.begin()) return;
  next_live_ = now + kLiveEvery;
  const std::string line =
      ProgressLine(at->second.name, progress, seconds, searches_.size() - 1, width());
  std::fprintf(stderr, "\r\x1b[K%s", line.c_str());
  std::fflush(stderr);
  line_shown_ = true;
}

void Progress::Finish(size_t question) {
  if (quiet_) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  searches_.erase(question);
}

bool Progress::Due() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return !quiet_ && Clock::now() >= (live_ ? next_live_ : next_line_);
}

void Progress::Show(const std::string& line) {
  if (quiet_) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto now = Clock::now();
  const std::string fitting = line.substr(0, width());
  if (!live_) {
    if (now < next_line_) return;
    next_line_ = now + kLineEvery;
    std::fprintf(stderr, "%s\n", fitting.c_str());
    return;
  }
  next_live_ = now + kLiveEvery;
  std::fprintf(stderr, "\r\x1b[K%s", fitting.c_str());
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

}  // namespace knotcheck::tools
