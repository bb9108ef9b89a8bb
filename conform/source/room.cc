// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0

#include "conform/source/room.h"

#include <cstring>

#include "conform/runner/room.h"

// What the reader of plans asks of rooms.
namespace knotcheck::runner {

std::vector<const Room*>& Rooms() {
  static std::vector<const Room*> rooms;
  if (rooms.empty()) {
    for (const source::SourceRoom* each : source::SourceRooms()) {
      auto* const room = new Room{each->name, nullptr, {}};
      for (const source::SourceVerb& verb : each->verbs) {
        room->verbs.push_back(
            {verb.name, verb.fields, verb.descriptors, nullptr, nullptr, nullptr});
      }
      rooms.push_back(room);
    }
  }
  return rooms;
}

}  // namespace knotcheck::runner

namespace knotcheck::source {

std::vector<const SourceRoom*>& SourceRooms() {
  static std::vector<const SourceRoom*> rooms;
  return rooms;
}

int64_t RunVerb(const runner::VerbRunner& verb, World& world, int task, const runner::Op& op) {
  for (const SourceRoom* room : SourceRooms()) {
    for (const SourceVerb& each : room->verbs) {
      if (std::strcmp(each.name, verb.name) == 0) return each.run(world, task, op);
    }
  }
  return -22;
}

}  // namespace knotcheck::source
