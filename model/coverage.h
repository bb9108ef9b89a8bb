// SPDX-License-Identifier: Apache-2.0
//
// What searches went through, and what there is to go through: steps, errors, events.

#pragma once

#include <bitset>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "model/errno.h"
#include "model/kernel/kernel.h"
#include "model/property.h"
#include "model/proposal.h"

namespace knotcheck::model {

// Results as a set: bit 0 is success, bit e the error e.
using Results = std::bitset<128>;

// What one search did. Not for several threads at once.
struct Coverage {
  std::unordered_set<const StepInfo*> steps;        // taken
  std::map<const FunctionInfo*, Results> returned;  // to its caller
  std::map<std::string, Results> answered;          // to user space, by call
  std::map<const Proposal*, EventSet> events;       // by the proposal that ran
  std::unordered_set<std::string> reached;          // properties whose window was reached
  std::unordered_set<std::string> broken;           // properties

  void Returned(const FunctionInfo& function, Ret value);
  void Answered(const Proposal& proposal, const Op& op, Ret value);
  void Add(const Coverage& other);
};

// One transcribed function as the source has it.
struct SourceFunction {
  std::string name;                     // a proposal's: "getname_flags [PROPOSAL]"
  std::string file;                     // of the kernel
  const FunctionInfo* info = nullptr;   // nullptr: no function has that name
  const Proposal* proposal = nullptr;   // nullptr: every kernel has it
  std::vector<const StepInfo*> steps;   // by line
  std::vector<std::string> step_names;  // the statements; "[2 of 3]" where it has one thrice
  std::vector<int> errors;              // that it can return
};

// Those with steps or errors, in the order of functions.def, then by proposal.
std::vector<SourceFunction> SourceFunctions();

// An error that the source of `says` names and that callers get from `returns`.
struct SourceError {
  std::string says;
  std::string returns;
  int error;
};
std::vector<SourceError> SourceErrors();

// "Fetch" for Event::kFetch; "Proposal0" for a proposal's own.
std::string EventName(Event event);

}  // namespace knotcheck::model
