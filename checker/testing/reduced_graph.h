// SPDX-License-Identifier: Apache-2.0
//
// The states of a model, reduced or not, one by one. Slow; for tests.

#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <string>

#include "checker/model.h"
#include "checker/reduce.h"

namespace knotcheck::checker::testing {

// Calls fn(state, at_rest) for each state that `model` can reach.
template <Model M, class Fn>
void ForEachState(const M& model, Fn&& fn) {
  using State = typename M::State;
  std::set<std::string> known;
  std::deque<State> queue;
  const auto add = [&](const State& state) {
    if (known.emplace(reinterpret_cast<const char*>(&state), sizeof(State)).second) {
      queue.push_back(state);
    }
  };
  for (const State& state : model.InitialStates()) add(state);
  for (; !queue.empty(); queue.pop_front()) {
    const State state = queue.front();
    bool moved = false;
    for (int t = 0; t < model.ThreadCount(); ++t) {
      model.ForEachSuccessor(state, t,
                             [&](Action, const State& next, Outcome outcome, const Effects&) {
                               moved = true;
                               if (outcome != Outcome::kFault) add(next);
                             });
    }
    fn(state, !moved);
  }
}

// The classes of `model`'s states at rest, by their representatives.
template <Model M, class Whole>
std::set<std::string> Rests(const M& model, const Whole& whole, uint32_t reductions) {
  std::set<std::string> rests;
  ForEachState(model, [&](typename M::State state, bool at_rest) {
    if (!at_rest) return;
    whole.Canonicalize(state, reductions);
    rests.emplace(reinterpret_cast<const char*>(&state), sizeof(state));
  });
  return rests;
}

// How many states the representatives that symmetry leaves stand for.
template <HasOrbits M>
uint64_t StatesByOrbits(const M& model) {
  const Reduced<M> reduced(model, kSymmetry);
  uint64_t states = 0;
  ForEachState(reduced, [&](const auto& state, bool) { states += model.OrbitSize(state); });
  return states;
}

}  // namespace knotcheck::checker::testing
