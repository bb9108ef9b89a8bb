// SPDX-License-Identifier: Apache-2.0
//
// The reference explorer: a std::map from whole states to distances and a queue, no packing, no
// batches, no cleverness. Slow, and linked only into tests: every engine must agree with it.

#pragma once

#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <vector>

#include "checker/model.h"

namespace knotcheck::checker::testing {

struct ReferenceResult {
  uint64_t states = 0;
  uint64_t transitions = 0;
  uint64_t depth = 0;
  uint64_t at_rest = 0;
  uint64_t violated = 0;
  uint64_t witnessed = 0;
  // Length of the shortest run that raises each bit, in steps; -1 without one.
  std::vector<int64_t> shortest_violation;
  std::vector<int64_t> shortest_witness;
};

template <Model M>
ReferenceResult ExploreReference(const M& model) {
  using State = typename M::State;
  struct Less {
    bool operator()(const State& a, const State& b) const {
      return std::memcmp(&a, &b, sizeof(State)) < 0;
    }
  };
  const size_t properties = model.Properties().size();
  ReferenceResult result;
  result.shortest_violation.assign(properties, -1);
  result.shortest_witness.assign(properties, -1);
  std::map<State, int64_t, Less> distance;
  std::deque<State> queue;
  const auto add = [&](const State& state, int64_t d) {
    if (distance.emplace(state, d).second) queue.push_back(state);
  };
  const auto note = [&](uint64_t bits, int64_t d, uint64_t* all, std::vector<int64_t>* shortest) {
    *all |= bits;
    for (size_t i = 0; i < properties; ++i) {
      int64_t& best = (*shortest)[i];
      if ((bits >> i & 1) && (best < 0 || d < best)) best = d;
    }
  };
  for (const State& state : model.InitialStates()) add(state, 0);
  while (!queue.empty()) {
    const State state = queue.front();
    queue.pop_front();
    const int64_t d = distance[state];
    result.depth = static_cast<uint64_t>(d);
    bool moved = false;
    for (int t = 0; t < model.ThreadCount(); ++t) {
      model.ForEachSuccessor(
          state, t, [&](Action, const State& next, Outcome outcome, const Effects& effects) {
            moved = true;
            ++result.transitions;
            note(effects.violated, d + 1, &result.violated, &result.shortest_violation);
            note(effects.witnessed, d + 1, &result.witnessed, &result.shortest_witness);
            if (outcome != Outcome::kFault) add(next, d + 1);
          });
    }
    if (!moved) {
      ++result.at_rest;
      note(model.AtRest(state), d, &result.violated, &result.shortest_violation);
    }
  }
  result.states = distance.size();
  return result;
}

}  // namespace knotcheck::checker::testing
