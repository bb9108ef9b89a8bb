// SPDX-License-Identifier: Apache-2.0
//
// What the checker asks of a model. The checker knows nothing of seccomp: a model is a set of
// threads over one mutable state, and everything that happens is an Action of one of them.

#pragma once

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "checker/state_stack.h"

namespace knotcheck::checker {

// One step of one thread. `choice` tells apart the outcomes that the step may have: the value
// that a racy read returns, the argument that an adversary picks. The order is total and fixes
// the order of exploration, so that counts and traces are the same on every run.
struct Action {
  uint16_t thread = 0;
  uint16_t choice = 0;
  // NOLINTNEXTLINE(modernize-use-nullptr): it takes the 0 of a comparison for a pointer.
  friend auto operator<=>(const Action&, const Action&) = default;
};

enum class Outcome : uint8_t {
  kStepped,   // the state changed, or the step had no effect; the action happened
  kBlocked,   // the thread waits: for a lock, a completion, a wake-up
  kDisabled,  // the thread has nothing to do, or has no such choice
  kFault,     // the step broke the model's own rules (a use after free, ...): nothing follows it
};

// What a step showed besides the new state: one bit a property, by index into Properties().
// They belong to the edge and are not part of the state.
struct Effects {
  uint64_t violated = 0;
  uint64_t witnessed = 0;
};

enum class PropertyKind : uint8_t {
  kNever,       // no step may raise its `violated` bit
  kSometimes,   // some step must raise its `witnessed` bit, else the check was vacuous
  kEventually,  // as kNever, but raised only in states from which nothing more happens
};

// A promise. `sentence` is plain English; `source` names the document that makes the promise.
struct Property {
  std::string name;
  PropertyKind kind = PropertyKind::kNever;
  std::string sentence;
  std::string source;
};

// Where the information of a state stands: for each 8-byte word of the state the mask of the
// bits that can be set. The visited set stores those bits only; a bit outside the mask is an
// internal error, so nothing is ever lost.
struct PackMasks {
  std::vector<uint64_t> words;
  // Bytes at which something begins that mostly changes by itself, ascending. Large states are
  // stored in parts, of which a new state shares most with others. Nothing but speed and memory
  // depends on it.
  std::vector<uint32_t> parts = {};
};

// A model. A state is StateWords() 8-byte words, from a few to as many as a megabyte of memory has;
// states are compared word by word. `scratch` (checker/state_stack.h) has buffers of that size, for
// what a method needs while it runs.
//  * StateWords(): the same all the time.
//  * InitialStates(): the words of one state after the other, which live as long as the model; at
//    least one state.
//  * ThreadCount(): actions name threads 0 .. ThreadCount()-1.
//  * ForEachSuccessor(s, thread, scratch, fn): calls fn(Action, const uint64_t*, Outcome, const
//    Effects&) for each action of `thread` that is enabled in s, in ascending order of Action. The
//    state is valid, and `scratch` as it was, while fn runs.
//  * Apply(s, action, scratch, effects): the same step alone, on s itself; what replay uses.
//  * AtRest(s): the `violated` bits of the kEventually properties, for a state without any enabled
//    action.
//  * Properties(): at most 64.
//  * Masks(): see PackMasks.
// Threads call all methods at the same time, each with a `scratch` of its own. What a model whose
// states are a struct of fixed size looks like is said in checker/typed.h.
template <class M>
concept Model = requires(const M& model, uint64_t* state, const uint64_t* cstate, Action action,
                         StateStack& scratch, Effects& effects) {
  { model.StateWords() } -> std::convertible_to<size_t>;
  { model.InitialStates() } -> std::convertible_to<std::span<const uint64_t>>;
  { model.ThreadCount() } -> std::convertible_to<int>;
  { model.Apply(state, action, scratch, effects) } -> std::same_as<Outcome>;
  { model.AtRest(cstate) } -> std::same_as<uint64_t>;
  { model.Properties() } -> std::convertible_to<std::span<const Property>>;
  { model.Masks() } -> std::convertible_to<const PackMasks&>;
  model.ForEachSuccessor(cstate, 0, scratch,
                         [](Action, const uint64_t*, Outcome, const Effects&) {});
};

// The number of initial states.
template <Model M>
size_t InitialCount(const M& model) {
  return std::span<const uint64_t>(model.InitialStates()).size() / model.StateWords();
}
// The one with this index, below InitialCount().
template <Model M>
const uint64_t* InitialState(const M& model, size_t index) {
  return std::span<const uint64_t>(model.InitialStates()).data() + index * model.StateWords();
}

}  // namespace knotcheck::checker
