// SPDX-License-Identifier: Apache-2.0
//
// model::System as the checker wants it. The one place where the two rooms meet: neither knows the
// other.

#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "checker/footprint.h"
#include "checker/model.h"
#include "checker/reduce.h"
#include "checker/state_stack.h"
#include "model/system.h"

namespace knotcheck::verify {

class KernelModel {
 public:
  // `system` must outlive the model.
  explicit KernelModel(const model::System& system) : system_(system) {
    const uint64_t* const initial = system.initial().words();
    initial_.assign(initial, initial + StateWords());
    for (const model::PropertyInfo& property : system.properties()) {
      properties_.push_back(checker::Property{property.name, checker::PropertyKind::kNever,
                                              property.sentence, property.source});
    }
    masks_.words.resize(StateWords());
    std::memcpy(masks_.words.data(), system.masks().data(), system.masks().size());
    masks_.parts = system.parts();
  }

  const model::System& system() const { return system_; }
  size_t StateWords() const { return system_.layout().bytes / 8; }
  const std::vector<uint64_t>& InitialStates() const { return initial_; }
  int ThreadCount() const { return system_.thread_count(); }
  const std::vector<checker::Property>& Properties() const { return properties_; }
  const checker::PackMasks& Masks() const { return masks_; }
  uint64_t AtRest(const uint64_t* state) const { return system_.BrokenAtRest(View(state)); }

  // The words of a state as the model's own.
  model::State View(uint64_t* state) const { return model::State(system_.layout(), state); }
  // NOLINTNEXTLINE(readability-const-return-type): const from const.
  const model::State View(const uint64_t* state) const {
    return model::State::Of(system_.layout(), state);
  }

  checker::Outcome Apply(uint64_t* state, checker::Action action, checker::StateStack&,
                         checker::Effects& effects) const {
    model::State view = View(state);
    const model::System::Shown shown = system_.Step(&view, action.thread, action.choice);
    if (!shown.possible) return checker::Outcome::kDisabled;
    effects.violated = shown.violated;
    effects.witnessed = shown.witnessed;
    return shown.fault ? checker::Outcome::kFault : checker::Outcome::kStepped;
  }

  checker::Footprint FootprintOf(const uint64_t* state, int thread) const {
    const model::StepFootprint footprint = system_.footprints().Of(View(state), thread);
    return {footprint.reads, footprint.writes, footprint.acquires, footprint.releases};
  }
  bool IsBlocked(const uint64_t* state, int thread) const {
    return system_.IsBlocked(View(state), thread);
  }
  uint64_t Unblocked(const uint64_t* state) const {
    const model::State view = View(state);
    uint64_t threads = 0;
    for (int t = 0; t < ThreadCount(); ++t) {
      if (!system_.IsBlocked(view, t)) threads |= uint64_t{1} << t;
    }
    return threads;
  }
  void Canonicalize(uint64_t* state, uint32_t reductions) const {
    model::State view = View(state);
    system_.canonical().Apply(&view, (reductions & checker::kSymmetry) != 0,
                              (reductions & checker::kRenumber) != 0);
  }
  uint64_t OrbitSize(const uint64_t* state) const {
    return system_.canonical().OrbitSize(View(state));
  }
  checker::Hold HoldOf(const uint64_t* state, int thread, uint64_t of = ~uint64_t{0}) const {
    const model::ThreadHold hold = system_.footprints().HoldOf(View(state), thread, of);
    return {hold.exclusive, hold.stable};
  }
  // What a step changed that its footprint does not say, as model::System::Undeclared().
  std::string Undeclared(const uint64_t* before, checker::Action action,
                         const uint64_t* after) const {
    return system_.Undeclared(View(before), action.thread, View(after));
  }

  template <class Fn>
  void ForEachSuccessor(const uint64_t* state, int thread, checker::StateStack& scratch,
                        Fn&& fn) const {
    const model::State from = View(state);
    if (system_.IsBlocked(from, thread)) return;
    const checker::StateBuffer buffer(scratch);
    model::State next = View(buffer.words());
    int arity = 1;
    for (int choice = 0; choice < arity; ++choice) {
      next = from;
      const model::System::Shown shown = system_.Step(&next, thread, choice);
      // One choice may have to wait where another need not.
      arity = shown.arity;
      if (!shown.possible) continue;
      fn(checker::Action{static_cast<uint16_t>(thread), static_cast<uint16_t>(choice)},
         static_cast<const uint64_t*>(buffer.words()),
         shown.fault ? checker::Outcome::kFault : checker::Outcome::kStepped,
         checker::Effects{shown.violated, shown.witnessed});
    }
  }

 private:
  const model::System& system_;
  std::vector<uint64_t> initial_;
  std::vector<checker::Property> properties_;
  checker::PackMasks masks_;
};

}  // namespace knotcheck::verify
