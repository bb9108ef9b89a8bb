// SPDX-License-Identifier: Apache-2.0
//
// Where plans run (docs/plan-format.md): on this kernel, or on another one under QEMU. A run that
// breaks off still has a result: what it said until then, and why it ended. Errors are for what
// could not even begin.

#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace knotcheck::conform {

struct TargetOptions {
  std::string runner;          // path of knot_runner; for QEMU it must be linked statically
  std::string argument = "-";  // of RunOnHost's runner
  std::string bzimage;         // of RunInQemu
  std::chrono::milliseconds limit = std::chrono::seconds(60);
  // Without a line of the runner's, this long without a byte on the console ends the guest.
  std::chrono::milliseconds silence = std::chrono::seconds(120);
  std::string qemu = "qemu-system-x86_64";
  bool kvm = false;  // hardware virtualisation, where there is any
  int memory_mb = 1024;
  // More programs for the guest: path there, which is absolute, and path here.
  std::vector<std::pair<std::string, std::string>> files;
  const std::atomic<bool>* interrupted = nullptr;  // ends the run within 100 ms
  std::function<void(std::string_view)> progress;  // called with each line when it comes
};

struct TargetOutput {
  std::vector<std::string> lines;    // the runner's, whole ones only, without a prefix
  bool complete = false;             // the runner came to its end
  std::vector<std::string> reports;  // of a guest's kernel: panic, oops, KASAN, lockdep, ...
  std::string console;               // all that was written, a host's runner's stderr included
  std::string ended;                 // why it is not complete: "the time limit of 60 s", ...
};

// The plans through `runner -`, as a process of this machine.
absl::StatusOr<TargetOutput> RunOnHost(const std::string& plans, const TargetOptions& options);

// The plans on `bzimage`, in a guest whose /init is the runner. Nothing of it is ever a file here.
absl::StatusOr<TargetOutput> RunInQemu(const std::string& plans, const TargetOptions& options);

}  // namespace knotcheck::conform
