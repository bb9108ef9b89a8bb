// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
//
// A plan under the compiled C as a model of the checker: a state is a copy of the arena.

#pragma once

#include <cstring>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "checker/model.h"
#include "conform/source/world.h"

namespace knotcheck::source {

class SourceModel {
 public:
  explicit SourceModel(World* of) : world_(*of) {
    initial_.assign(world_.arena().memory(), world_.arena().memory() + StateWords());
    masks_.words.assign(StateWords(), ~uint64_t{0});
    static const char* const kNames[KNOT_DEFECTS] = {
        "use-after-free", "double-free", "out-of-bounds", "use-after-return",
        "leak",           "lock-held",   "lock-not-held", "sleeps-with-a-lock",
        "warn",           "bug",         "deadlock",      "lost"};
    for (const char* name : kNames) {
      properties_.push_back({name, checker::PropertyKind::kNever, name, "the C"});
    }
  }

  size_t StateWords() const { return world_.arena().words(); }
  std::span<const uint64_t> InitialStates() const { return initial_; }
  int ThreadCount() const { return world_.threads(); }
  std::span<const checker::Property> Properties() const { return properties_; }
  const checker::PackMasks& Masks() const { return masks_; }
  uint64_t AtRest(const uint64_t*) const { return 0; }

  template <class Fn>
  void ForEachSuccessor(const uint64_t* state, int thread, checker::StateStack&, Fn&& fn) const {
    uint64_t* const memory = world_.arena().memory();
    const size_t bytes = StateWords() * 8;
    std::memcpy(memory, state, bytes);
    // Once for each state.
    if (thread == 0 && world_.IsOver()) outcomes_.insert(world_.Outcome());
    const uint32_t choices = world_.engine().Choices(thread);
    for (uint32_t choice = 0; choice < choices; ++choice) {
      if (choice > 0) std::memcpy(memory, state, bytes);
      checker::Effects effects;
      const bool stepped = world_.engine().Step(thread, choice);
      if (!stepped) {
        effects.violated |= uint64_t{1} << world_.engine().defect().kind;
        defects_.emplace(world_.engine().defect().text, world_.engine().defect().at);
      }
      fn({static_cast<uint16_t>(thread), static_cast<uint16_t>(choice)}, memory,
         stepped ? checker::Outcome::kStepped : checker::Outcome::kFault, effects);
    }
  }

  checker::Outcome Apply(uint64_t* state, checker::Action action, checker::StateStack&,
                         checker::Effects& effects) const {
    uint64_t* const memory = world_.arena().memory();
    std::memcpy(memory, state, StateWords() * 8);
    if (action.choice >= world_.engine().Choices(action.thread)) return checker::Outcome::kDisabled;
    const bool stepped = world_.engine().Step(action.thread, action.choice);
    if (!stepped) effects.violated |= uint64_t{1} << world_.engine().defect().kind;
    std::memcpy(state, memory, StateWords() * 8);
    return stepped ? checker::Outcome::kStepped : checker::Outcome::kFault;
  }

  const std::set<std::string>& outcomes() const { return outcomes_; }
  const std::map<std::string, uintptr_t>& defects() const { return defects_; }

 private:
  World& world_;
  std::vector<uint64_t> initial_;
  checker::PackMasks masks_;
  std::vector<checker::Property> properties_;
  mutable std::set<std::string> outcomes_;
  mutable std::map<std::string, uintptr_t> defects_;
};

}  // namespace knotcheck::source
