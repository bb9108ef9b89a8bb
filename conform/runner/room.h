// SPDX-License-Identifier: Apache-2.0
//
// What the runner knows of a proposal: conform/proposals/NAME/runner.cc registers it.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "conform/runner/actor.h"

namespace knotcheck::runner {

// An ioctl of the proposal, as model/verb.h describes it.
struct VerbRunner {
  const char* name;
  size_t fields;     // numbers of the request
  bool descriptors;  // it may be about arguments
  // How many bytes of Desk::readback it asks for.
  uint64_t (*readback)(const Op&);
  // What of the supervisor's memory the kernel writes last: where it can be parked.
  void* (*written)(const Desk&, const Op&);
  // Makes it, and tells what it showed: its result, or -errno.
  int64_t (*run)(Desk*, const Op&, uint32_t options, Level*);
};

struct Room {
  const char* name;  // of the proposal: what plans need
  // Whether this kernel has it: "", or why not.
  std::string (*missing)();
  std::vector<VerbRunner> verbs;
};

// In no particular order.
std::vector<const Room*>& Rooms();
inline int RegisterRoom(const Room* room) {
  Rooms().push_back(room);
  return 0;
}
// nullptr: no room has one of this name.
const VerbRunner* VerbNamed(const std::string& name);

// For rooms: an ioctl on the listener, and whether the kernel knows it: it finds no notification of
// the id that the request names.
int64_t Ioctl(unsigned long command, const void* argument);
std::string AskIoctl(unsigned long command, const void* argument);
void Protect(void* pages, uint64_t bytes, int rights);
// What the supervisor remembers of a notification's arguments goes.
void Forget(Desk* desk, int variable);
// Begins to keep what a look sees of a register.
Desk::Seen* Keep(Desk* desk, int variable, int reg);
// Keeps and shows one string, or the bytes of a buffer.
void Saw(Desk* desk, int variable, Desk::Seen* seen, uint64_t address, char* bytes, uint64_t size,
         Level* level);
void AddRegister(Level* level, const char* key, int reg);

}  // namespace knotcheck::runner
