// SPDX-License-Identifier: Apache-2.0
//
// The reference explorer: a std::map from whole states to distances and a queue, no packing, no
// batches, no cleverness. Slow, and linked only into tests: every engine must agree with it.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "checker/typed.h"

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

template <AnyModel M>
ReferenceResult ExploreReference(const M& any) {
  const auto& model = UntypedOf(any);
  const size_t words = model.StateWords();
  StateStack scratch(words);
  const size_t properties = model.Properties().size();
  ReferenceResult result;
  result.shortest_violation.assign(properties, -1);
  result.shortest_witness.assign(properties, -1);
  std::map<std::vector<uint64_t>, int64_t> distance;
  std::deque<decltype(distance)::const_iterator> queue;
  const auto add = [&](const uint64_t* state, int64_t d) {
    const auto [at, fresh] = distance.emplace(std::vector<uint64_t>(state, state + words), d);
    if (fresh) queue.push_back(at);
  };
  const auto note = [&](uint64_t bits, int64_t d, uint64_t* all, std::vector<int64_t>* shortest) {
    *all |= bits;
    for (size_t i = 0; i < properties; ++i) {
      int64_t& best = (*shortest)[i];
      if ((bits >> i & 1) && (best < 0 || d < best)) best = d;
    }
  };
  for (size_t i = 0; i < InitialCount(model); ++i) add(InitialState(model, i), 0);
  while (!queue.empty()) {
    const uint64_t* const state = queue.front()->first.data();
    const int64_t d = queue.front()->second;
    queue.pop_front();
    result.depth = static_cast<uint64_t>(d);
    bool moved = false;
    for (int t = 0; t < model.ThreadCount(); ++t) {
      model.ForEachSuccessor(
          state, t, scratch,
          [&](Action, const uint64_t* next, Outcome outcome, const Effects& effects) {
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
