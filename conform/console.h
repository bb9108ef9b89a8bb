// SPDX-License-Identifier: Apache-2.0
//
// The serial console of a guest: the runner's lines and the kernel's own, told apart.

#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace knotcheck::conform {

// Takes bytes as they come. The kernel may print in the middle of a line of the runner; its
// timestamp (the guest boots with printk.time=1) shows where, and the runner's line is put together
// again. Carriage returns and escape sequences are dropped.
class Console {
 public:
  // `on_line` is called with each of the runner's lines.
  explicit Console(std::function<void(std::string_view)> on_line = {})
      : on_line_(std::move(on_line)) {}

  void Add(std::string_view bytes);
  // No more bytes come. What the runner has not ended with a newline is no line of its.
  void Finish();

  // The runner's, without the prefix "KNOT ", up to "bye".
  const std::vector<std::string>& lines() const { return lines_; }
  // Whether there was anything of the runner's.
  bool heard() const { return heard_; }
  // Whether the runner came to its end.
  bool bye() const { return bye_; }
  // Oopses, warnings, reports of KASAN, lockdep and their like: lines without timestamps.
  const std::vector<std::string>& reports() const { return reports_; }
  // Why the kernel panicked; empty if it did not.
  const std::string& panic() const { return panic_; }
  // Everything as it came, without carriage returns and escape sequences.
  const std::string& text() const { return text_; }

 private:
  void Line(std::string_view line);
  void RunnerLine(std::string_view line);
  void KernelLine(double time, std::string_view line);
  void EndReport();

  std::function<void(std::string_view)> on_line_;
  std::string rest_;     // bytes of a line that has not ended
  std::string partial_;  // the runner's line in which the kernel printed
  bool in_partial_ = false;
  bool heard_ = false;
  bool bye_ = false;
  std::vector<std::string> lines_;
  std::vector<std::string> reports_;
  std::string report_;  // the open one
  int report_lines_ = 0;
  double report_time_ = 0;  // of its last line, in seconds
  std::string panic_;
  std::string text_;
};

}  // namespace knotcheck::conform
