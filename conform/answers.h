// SPDX-License-Identifier: Apache-2.0
//
// What knot_runner prints, read; docs/plan-format.md is the format.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "conform/force/observed.h"
#include "model/program.h"

namespace knotcheck::conform {

// One step of a run of the kernel's C, as `way` lines have it.
struct SourceStep {
  std::string thread;
  std::string op;
  std::string place;
  std::string function;
  std::string doing;
};
struct SourceDefect {
  std::string kind;
  std::string text;
  std::vector<SourceStep> way;
};

struct PlanAnswer {
  struct Done {
    int task = 0;
    Token token;
  };
  std::vector<Done> done;                       // in the order in which they returned
  std::vector<std::pair<int, uint8_t>> asleep;  // task, operation
  std::vector<int> dead;
  size_t stuck = 0;  // number of the order that was not met; 0: none
  std::string stuck_text;
  std::vector<std::pair<uint64_t, std::string>> outcomes;  // of a stress
  // Of a search of the kernel's C.
  uint64_t states = 0;
  uint64_t transitions = 0;
  uint64_t milliseconds = 0;
  std::vector<SourceDefect> defects;
  std::vector<SourceStep> wanted;
  std::vector<std::string> out;  // the lines of a program
  int exit_status = -1;          // of a program; -1: it did not exit
  int killed = 0;                // the signal that a program died of
  // "ok", "skipped REASON", "limit", "broken REASON"; empty: its end never came.
  std::string ended;
};

struct Answers {
  std::map<std::string, std::string> probe;
  std::map<std::string, PlanAnswer> plans;
};

// InvalidArgument for a line that the format does not have. A last plan may be cut off.
absl::StatusOr<Answers> ParseAnswers(const std::vector<std::string>& lines);

// What a directed plan's answer shows, in the model's terms: an exit at a script's end is no death,
// and of a policy's supervisor RECVs that fail or sleep are left out.
Observed ObservedOf(const model::Program& program, const PlanAnswer& answer);

// The text of a stress' outcome. InvalidArgument: it names no task or operation of the program.
absl::StatusOr<Observed> ParseOutcome(const model::Program& program, const std::string& text);

// An outcome's text with what is hexadecimal and printable as text: used="/ok".
std::string Readable(const std::string& text);

}  // namespace knotcheck::conform
