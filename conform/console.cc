// SPDX-License-Identifier: Apache-2.0

#include "conform/console.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

namespace knotcheck::conform {
namespace {

constexpr std::string_view kPrefix = "KNOT ";
constexpr std::string_view kPanic = "Kernel panic - not syncing: ";
// The longest that lockdep prints is about half of this.
constexpr int kMaxReportLines = 400;
// Reports that have no last line of their own end when the kernel is silent.
constexpr double kReportGapSeconds = 2;
// Longer ones are cut, so that a guest that prints garbage costs no memory.
constexpr size_t kMaxLine = 1 << 20;

// What begins a report. "BUG:" and "WARNING:" also cover KASAN, lockdep, RCU and soft lockups.
constexpr auto kBeginnings = std::to_array<std::string_view>({
    "BUG:",
    "KASAN:",
    "Kernel panic",
    "Oops",
    "UBSAN:",
    "WARNING:",
    "general protection fault",
    "kernel BUG at",
    "list_add corruption",
    "list_del corruption",
    "possible circular locking",
    "possible recursive locking",
    "refcount_t:",
    "unreferenced object",
});

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool BeginsReport(std::string_view line) {
  if (std::any_of(kBeginnings.begin(), kBeginnings.end(), [&](std::string_view beginning) {
        return line.find(beginning) != std::string_view::npos;
      })) {
    return true;
  }
  return line.find("INFO: ") != std::string_view::npos &&
         (line.find("blocked for more than") != std::string_view::npos ||
          line.find("detected stall") != std::string_view::npos ||
          line.find("self-detected stall") != std::string_view::npos ||
          line.find("trying to register non-static key") != std::string_view::npos);
}

bool IsRuler(std::string_view line) {
  return line.size() >= 20 && line.find_first_not_of('=') == std::string_view::npos;
}

// "[    1.234567] " or, with the caller's id, "[    1.234567][   T12] ".
struct Timestamp {
  size_t begin = std::string_view::npos;
  size_t end = 0;
  double time = 0;
};

Timestamp FindTimestamp(std::string_view line) {
  for (size_t begin = line.find('['); begin != std::string_view::npos;
       begin = line.find('[', begin + 1)) {
    size_t i = begin + 1;
    while (i < line.size() && line[i] == ' ') ++i;
    const size_t seconds = i;
    while (i < line.size() && IsDigit(line[i])) ++i;
    // The seconds fill five columns.
    if (i - begin < 6 || i == seconds || i >= line.size() || line[i] != '.') continue;
    const size_t point = i++;
    while (i < line.size() && IsDigit(line[i])) ++i;
    if (i - point != 7 || i >= line.size() || line[i] != ']') continue;
    const double time =
        std::strtod(std::string(line.substr(seconds, i - seconds)).c_str(), nullptr);
    ++i;
    if (i < line.size() && line[i] == '[') {
      const size_t close = line.find(']', i);
      if (close == std::string_view::npos || close - i > 10) continue;
      i = close + 1;
    }
    if (i < line.size() && line[i] == ' ') ++i;
    return {begin, i, time};
  }
  return {};
}

// Without carriage returns, NULs and the escape sequences that firmware sends.
std::string Clean(std::string_view line) {
  std::string clean;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\r' || line[i] == '\0') continue;
    if (line[i] != '\033') {
      clean.push_back(line[i]);
      continue;
    }
    if (++i >= line.size() || line[i] != '[') continue;  // ESC and one character
    do {
      ++i;
    } while (i < line.size() && (line[i] < '@' || line[i] > '~'));
  }
  return clean;
}

}  // namespace

void Console::Add(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t newline = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, newline);
    if (rest_.size() < kMaxLine) rest_.append(piece.substr(0, kMaxLine - rest_.size()));
    if (newline == std::string_view::npos) return;
    bytes.remove_prefix(newline + 1);
    const std::string line = Clean(std::exchange(rest_, {}));
    text_.append(line).push_back('\n');
    Line(line);
  }
}

void Console::Finish() {
  const std::string line = Clean(std::exchange(rest_, {}));
  text_.append(line);
  // The kernel may have stopped in its last line, which says the most.
  if (const Timestamp stamp = FindTimestamp(line); stamp.begin == 0) Line(line);
  EndReport();
}

void Console::Line(std::string_view line) {
  const Timestamp stamp = FindTimestamp(line);
  const bool kernel = stamp.begin != std::string_view::npos;
  const std::string_view before = line.substr(0, kernel ? stamp.begin : line.size());
  const bool runner = before.starts_with(kPrefix);
  if (runner && in_partial_) {
    // The newline got lost, or there was none.
    in_partial_ = false;
    RunnerLine(std::exchange(partial_, {}));
  }
  if (kernel) {
    if (runner || in_partial_) {
      in_partial_ = true;
      partial_.append(before);
    }
    KernelLine(stamp.time, line.substr(stamp.end));
  } else if (in_partial_) {
    in_partial_ = false;
    RunnerLine(std::exchange(partial_, {}) + std::string(line));
  } else if (runner) {
    RunnerLine(line);
  }
}

void Console::RunnerLine(std::string_view line) {
  line.remove_prefix(kPrefix.size());
  heard_ = true;
  if (bye_) return;
  if (line == "bye") {
    bye_ = true;
    return;
  }
  lines_.emplace_back(line);
  if (on_line_) on_line_(line);
}

void Console::KernelLine(double time, std::string_view line) {
  if (const size_t at = line.find(kPanic); at != std::string_view::npos && panic_.empty()) {
    panic_ = line.substr(at + kPanic.size());
  }
  const bool open = report_lines_ > 0;
  if (open && (time - report_time_ > kReportGapSeconds || report_lines_ >= kMaxReportLines)) {
    EndReport();
  }
  if (report_lines_ == 0 && !BeginsReport(line)) return;
  report_time_ = time;
  const bool last = line.starts_with("---[ end ") || (report_lines_ > 0 && IsRuler(line));
  if (!last) {
    report_.append(line).push_back('\n');
    ++report_lines_;
  } else {
    EndReport();
  }
}

void Console::EndReport() {
  if (report_lines_ > 0) reports_.push_back(std::exchange(report_, {}));
  report_lines_ = 0;
}

}  // namespace knotcheck::conform
