// SPDX-License-Identifier: Apache-2.0
//
// model::System as the checker wants it. The one place where the two rooms meet: neither knows the
// other.

#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "checker/footprint.h"
#include "checker/model.h"
#include "checker/reduce.h"
#include "model/system.h"

namespace knotcheck::verify {

class KernelModel {
 public:
  using State = model::State;

  // `system` must outlive the model.
  explicit KernelModel(const model::System& system) : system_(system) {
    initial_.push_back(system.initial());
    for (const model::PropertyInfo& property : system.properties()) {
      properties_.push_back(checker::Property{property.name, checker::PropertyKind::kNever,
                                              property.sentence, property.source});
    }
    masks_.words.resize(sizeof(State) / 8);
    std::memcpy(masks_.words.data(), system.masks().data(), sizeof(State));
    masks_.parts = system.parts();
  }

  const model::System& system() const { return system_; }
  const std::vector<State>& InitialStates() const { return initial_; }
  int ThreadCount() const { return system_.thread_count(); }
  const std::vector<checker::Property>& Properties() const { return properties_; }
  const checker::PackMasks& Masks() const { return masks_; }
  uint64_t AtRest(const State& state) const { return system_.BrokenAtRest(state); }

  checker::Outcome Apply(State& state, checker::Action action, checker::Effects& effects) const {
    const model::System::Shown shown = system_.Step(&state, action.thread, action.choice);
    if (!shown.possible) return checker::Outcome::kDisabled;
    effects.violated = shown.violated;
    effects.witnessed = shown.witnessed;
    return shown.fault ? checker::Outcome::kFault : checker::Outcome::kStepped;
  }

  checker::Footprint FootprintOf(const State& state, int thread) const {
    const model::StepFootprint footprint = system_.footprints().Of(state, thread);
    return {footprint.reads, footprint.writes, footprint.acquires, footprint.releases};
  }
  void Canonicalize(State& state, uint32_t reductions) const {
    system_.canonical().Apply(&state, (reductions & checker::kSymmetry) != 0,
                              (reductions & checker::kRenumber) != 0);
  }
  uint64_t OrbitSize(const State& state) const { return system_.canonical().OrbitSize(state); }
  checker::Hold HoldOf(const State& state, int thread, uint64_t of = ~uint64_t{0}) const {
    const model::ThreadHold hold = system_.footprints().HoldOf(state, thread, of);
    return {hold.exclusive, hold.stable};
  }

  template <class Fn>
  void ForEachSuccessor(const State& state, int thread, Fn&& fn) const {
    if (system_.IsBlocked(state, thread)) return;
    State next;
    int arity = 1;
    for (int choice = 0; choice < arity; ++choice) {
      next = state;
      const model::System::Shown shown = system_.Step(&next, thread, choice);
      // One choice may have to wait where another need not.
      arity = shown.arity;
      if (!shown.possible) continue;
      fn(checker::Action{static_cast<uint16_t>(thread), static_cast<uint16_t>(choice)}, next,
         shown.fault ? checker::Outcome::kFault : checker::Outcome::kStepped,
         checker::Effects{shown.violated, shown.witnessed});
    }
  }

 private:
  const model::System& system_;
  std::vector<State> initial_;
  std::vector<checker::Property> properties_;
  checker::PackMasks masks_;
};

}  // namespace knotcheck::verify
