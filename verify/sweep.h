// SPDX-License-Identifier: Apache-2.0
//
// Every pointer argument of every system call, as scenarios: is it protected by a proposal?

#pragma once

#include <string>
#include <vector>

#include "model/program.h"
#include "model/proposal.h"
#include "verify/check.h"

namespace knotcheck::verify {

// What stands around the argument.
enum class Relation : uint8_t {
  kDistinct,    // every argument has memory of its own
  kEqual,       // all pointer registers hold the same address
  kRedirected,  // a peer changes the pointer that leads to the argument
  kEmptyPath,   // the flags are AT_EMPTY_PATH, and the peer can make the path empty
  kLegacyFile,  // the descriptor's driver has ->write or ->read, not the _iter form
  kShort,       // the memory ends before the length that the call gives
  kNull,
  kDangling,
};
const char* RelationName(Relation relation);

enum class Protection : uint8_t {
  kProtected,    // the call acts on what was approved
  kRefused,      // the supervisor never gets as far as to allow the call
  kUnprotected,  // the call acts on something else, and the supervisor was told that it would not
  kNotOffered,   // ... and the proposal has no way to ask for this argument
  kChanged,      // what the call acts on is neither what was approved nor what memory holds
  kUnchanged,    // nothing is at the address, nothing was served, and the call fails as it does
                 // anyway
  kIncomplete,   // a limit ended the search
};
const char* ProtectionName(Protection protection);

struct SweepCase {
  std::string call;
  std::string argument;
  Relation relation = Relation::kDistinct;
  bool offered = false;  // the proposal has a descriptor for it
  std::string name;      // of the scenario
  std::string text;
};

// The scenarios for one proposal, in the order of the table.
std::vector<SweepCase> SweepCases(const model::Proposal& proposal);

// What the answer of a case says. `property`, if broken, is the one to show.
Protection Judge(const SweepCase& sweep, const Answer& answer, std::string* property);

}  // namespace knotcheck::verify
