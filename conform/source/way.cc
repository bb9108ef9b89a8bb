// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0

#include "conform/source/way.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "conform/process.h"
#include "conform/source/kernel_api.h"

namespace knotcheck::source {

void Lines::Read(const std::vector<uintptr_t>& addresses) {
  conform::ProcessOptions process;
  process.argv = {"addr2line", "-a", "-f", "-i", "-e", object_};
  const uintptr_t base = KernelBase();
  for (const uintptr_t address : addresses) {
    if (known_.count(address) != 0 || !IsOfKernel(address)) continue;
    known_[address] = {};
    process.argv.push_back(absl::StrCat("0x", absl::Hex(address - base)));
  }
  constexpr size_t kFirst = 6;
  if (process.argv.size() == kFirst) return;
  std::string text;
  process.limit = std::chrono::seconds(60);
  process.output = [&text](std::string_view bytes) { text += bytes; };
  if (!conform::RunProcess(process).ok()) return;
  std::vector<Place>* places = nullptr;
  std::string function;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    uint64_t address = 0;
    if (absl::SimpleHexAtoi(line, &address) && line.substr(0, 2) == "0x") {
      places = &known_[address + base];
      function.clear();
    } else if (function.empty()) {
      function = std::string(line);
    } else if (places != nullptr) {
      const auto colon = line.rfind(':');
      const std::vector<absl::string_view> number =
          absl::StrSplit(line.substr(colon + 1), absl::MaxSplits(' ', 1));
      places->push_back({function, std::string(absl::StripPrefix(line.substr(0, colon), "/linux/")),
                         std::string(number[0])});
      function.clear();
    }
  }
}

const std::vector<Lines::Place>& Lines::At(uintptr_t address) {
  Read({address});
  std::vector<Place>& places = known_[address];
  if (places.empty()) places.push_back({"?", "?", "0"});
  return places;
}

bool IsShim(const std::string& file) { return file.rfind("conform/source/", 0) == 0; }

namespace {

// Where the thread that these are the frames of stands in the C.
WayStep Standing(const std::vector<uintptr_t>& frames, Lines* lines) {
  WayStep step{"", "", "-", "-", "-"};
  std::string inner = "-";  // the shim that the kernel's code has called
  for (const uintptr_t frame : frames) {
    if (!IsOfKernel(frame)) continue;
    // What is kept is where it goes on: behind the call.
    for (const Lines::Place& place : lines->At(frame - 1)) {
      const bool shim = IsShim(place.file);
      if (step.place == "-" || !shim) {
        step.place = absl::StrCat(place.file, ":", place.line);
        step.function = place.function;
      }
      if (!shim) {
        step.doing = inner;
        return step;
      }
      inner = std::string(absl::StripPrefix(place.function, "knot_"));
    }
  }
  return step;
}

}  // namespace

std::vector<WayStep> WayAlong(const SourceModel& model, const checker::Path& path, World* of,
                              Lines* lines) {
  std::vector<std::vector<uintptr_t>> frames;
  std::vector<std::string> ops;
  std::vector<uint64_t> state(model.InitialStates().begin(), model.InitialStates().end());
  checker::StateStack scratch(model.StateWords());
  checker::Effects effects;
  for (const checker::Action& action : path.actions) {
    model.Load(state.data());
    frames.push_back(of->engine().Frames(action.thread));
    ops.push_back(of->Doing(action.thread));
    model.Apply(state.data(), action, scratch, effects);
  }
  std::vector<uintptr_t> all;
  for (const auto& each : frames) {
    for (const uintptr_t frame : each) all.push_back(frame - 1);
  }
  lines->Read(all);
  std::vector<WayStep> way;
  for (size_t i = 0; i < frames.size(); ++i) {
    WayStep step = Standing(frames[i], lines);
    step.thread = of->ThreadName(path.actions[i].thread);
    step.op = ops[i];
    way.push_back(std::move(step));
  }
  return way;
}

}  // namespace knotcheck::source
