// SPDX-License-Identifier: Apache-2.0
//
// What the second judge knows of a proposal: the facts that its steps are, and its own properties
// once more. A room has it in a file that only tests are built with.

#pragma once

#include <vector>

#include "model/testing/history.h"

namespace knotcheck::model::testing {

class History;

struct Judgement {
  bool violated = false;
  bool reached = false;
};

struct PropertyJudge {
  const char* property;
  Judgement (*judge)(const History&);
  // ... of a run that has come to rest, or not.
  Judgement (*judge_at_end)(const History&, bool rested) = nullptr;
};

struct RoomJudge {
  const char* proposal;
  // Adds what one step did to the proposal's objects.
  void (*facts)(const Moment&, std::vector<Fact>*);
  std::vector<PropertyJudge> judges;
};

inline std::vector<const RoomJudge*>& RoomJudges() {
  static auto* const rooms = new std::vector<const RoomJudge*>;
  return *rooms;
}
inline int RegisterRoomJudge(const RoomJudge* room) {
  RoomJudges().push_back(room);
  return 0;
}

}  // namespace knotcheck::model::testing
