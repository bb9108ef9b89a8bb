// SPDX-License-Identifier: Apache-2.0
//
// The states of a model, reduced or not, one by one. Slow; for tests.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <set>
#include <utility>
#include <vector>

#include "checker/model.h"
#include "checker/reduce.h"

namespace knotcheck::checker::testing {

// Calls fn(words of the state, at_rest) for each state that `model` can reach.
template <AnyModel M, class Fn>
void ForEachState(const M& any, Fn&& fn) {
  const auto& model = UntypedOf(any);
  const size_t words = model.StateWords();
  StateStack scratch(words);
  std::set<std::vector<uint64_t>> known;
  std::deque<const uint64_t*> queue;
  const auto add = [&](const uint64_t* state) {
    const auto [at, fresh] = known.emplace(state, state + words);
    if (fresh) queue.push_back(at->data());
  };
  for (size_t i = 0; i < InitialCount(model); ++i) add(InitialState(model, i));
  for (; !queue.empty(); queue.pop_front()) {
    bool moved = false;
    for (int t = 0; t < model.ThreadCount(); ++t) {
      model.ForEachSuccessor(queue.front(), t, scratch,
                             [&](Action, const uint64_t* next, Outcome outcome, const Effects&) {
                               moved = true;
                               if (outcome != Outcome::kFault) add(next);
                             });
    }
    fn(queue.front(), !moved);
  }
}

// The classes of `model`'s states at rest, by their representatives.
template <AnyModel M, HasCanonicalForm Whole>
std::set<std::vector<uint64_t>> Rests(const M& model, const Whole& whole, uint32_t reductions) {
  const auto& forms = UntypedOf(whole);
  std::set<std::vector<uint64_t>> rests;
  ForEachState(model, [&](const uint64_t* state, bool at_rest) {
    if (!at_rest) return;
    std::vector<uint64_t> form(state, state + forms.StateWords());
    forms.Canonicalize(form.data(), reductions);
    rests.insert(std::move(form));
  });
  return rests;
}

// How many states the representatives that symmetry leaves stand for.
template <HasOrbits M>
uint64_t StatesByOrbits(const M& any) {
  const auto& model = UntypedOf(any);
  const Reduced<M> reduced(any, kSymmetry);
  uint64_t states = 0;
  ForEachState(reduced, [&](const uint64_t* state, bool) { states += model.OrbitSize(state); });
  return states;
}

}  // namespace knotcheck::checker::testing
