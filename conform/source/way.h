// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
//
// A run of the compiled C, step by step, with the lines of its source.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "checker/path.h"
#include "conform/source/source_model.h"

namespace knotcheck::source {

// Functions and lines of addresses in the loaded object, from its debugging information.
class Lines {
 public:
  explicit Lines(std::string object) : object_(std::move(object)) {}

  struct Place {
    std::string function;
    std::string file;
    std::string line;
  };
  // The function that an address is in, and those that it was inlined into, the innermost first.
  // "?" where the information or addr2line(1) is not there.
  const std::vector<Place>& At(uintptr_t address);
  // Of many at a time, for later.
  void Read(const std::vector<uintptr_t>& addresses);

 private:
  std::string object_;
  std::map<uintptr_t, std::vector<Place>> known_;
};

// Whether a file is a shim: ours, not the kernel's.
bool IsShim(const std::string& file);

struct WayStep {
  std::string thread;
  std::string op;        // World::Doing()
  std::string place;     // "kernel/seccomp.c:1490", or "-": in user space
  std::string function;  // that goes on there, or "-"
  std::string doing;     // what begins: the function of the kernel that a shim stands for, or "-"
};
std::vector<WayStep> WayAlong(const SourceModel& model, const checker::Path& path, World* of,
                              Lines* lines);

}  // namespace knotcheck::source
