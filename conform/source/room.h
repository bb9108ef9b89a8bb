// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
//
// What a source run knows of a proposal: conform/proposals/NAME/source.cc registers it.

#pragma once

#include <cstdint>
#include <vector>

#include "conform/runner/plan.h"

namespace knotcheck::source {

class World;

// An ioctl of the proposal, as model/verb.h describes it.
struct SourceVerb {
  const char* name;
  size_t fields;     // numbers of the request
  bool descriptors;  // it may be about arguments
  // Makes it, and tells what it showed: its result, or -errno.
  int64_t (*run)(World& world, int task, const runner::Op& op);
};

struct SourceRoom {
  const char* name;      // of the proposal
  const char* function;  // one that only its C has
  std::vector<SourceVerb> verbs;
};

std::vector<const SourceRoom*>& SourceRooms();
inline int RegisterSourceRoom(const SourceRoom* room) {
  SourceRooms().push_back(room);
  return 0;
}
// The one that the plan's reader calls so.
int64_t RunVerb(const runner::VerbRunner& verb, World& world, int task, const runner::Op& op);

}  // namespace knotcheck::source
