// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
//
// A plan under the compiled C as a model of the checker. The arena is one, so it is a model of one
// thread.

#pragma once

#include <array>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "checker/model.h"
#include "conform/source/parts.h"
#include "conform/source/world.h"

namespace knotcheck::source {

// Names of knot_defect, and one more: the run has the outcome that was asked for.
inline constexpr std::array<const char*, KNOT_DEFECTS + 1> kPropertyNames = {
    "use-after-free", "double-free",
    "out-of-bounds",  "use-after-return",
    "uninitialised",  "uninitialised-read",
    "leak",           "lock-held",
    "lock-not-held",  "sleeps",
    "warn",           "bug",
    "wild-pointer",   "loop",
    "deadlock",       "lost",
    "wanted"};

class SourceModel {
 public:
  // The arena holds the state that a run begins with. `wanted`: an outcome, or "".
  SourceModel(World* of, std::string wanted)
      : world_(*of), wanted_(std::move(wanted)), parts_(&of->arena()), next_(parts_.words()) {
    masks_.words.assign(StateWords(), Parts::kMask);
    initial_.resize(StateWords());
    parts_.Store(-1, initial_.data());
    for (int i = 0; i <= KNOT_DEFECTS; ++i) {
      const bool at_rest = i == KNOT_LEAK || i == KNOT_DEADLOCK;
      properties_.push_back(
          {kPropertyNames[static_cast<size_t>(i)],
           at_rest ? checker::PropertyKind::kEventually : checker::PropertyKind::kNever,
           kPropertyNames[static_cast<size_t>(i)], "the C"});
    }
  }

  size_t StateWords() const { return parts_.words(); }
  std::span<const uint64_t> InitialStates() const { return initial_; }
  int ThreadCount() const { return world_.threads(); }
  std::span<const checker::Property> Properties() const { return properties_; }
  const checker::PackMasks& Masks() const { return masks_; }

  uint64_t AtRest(const uint64_t* state) const {
    parts_.Load(state);
    uint64_t violated = 0;
    if (world_.engine().Leak() != nullptr) violated |= Bit(KNOT_LEAK);
    if (world_.IsDeadlocked()) violated |= Bit(KNOT_DEADLOCK);
    return violated;
  }

  template <class Fn>
  void ForEachSuccessor(const uint64_t* state, int thread, checker::StateStack&, Fn&& fn) const {
    parts_.Load(state);
    // Once for each state.
    if (thread == 0 && world_.IsOver()) outcomes_.insert(world_.Outcome());
    const uint32_t choices = world_.engine().Choices(thread);
    for (uint32_t choice = 0; choice < choices; ++choice) {
      if (choice > 0) parts_.Load(state);
      const checker::Action action{static_cast<uint16_t>(thread), static_cast<uint16_t>(choice)};
      checker::Effects effects;
      const checker::Outcome outcome = Step(action, next_.data(), effects);
      fn(action, next_.data(), outcome, effects);
    }
  }

  checker::Outcome Apply(uint64_t* state, checker::Action action, checker::StateStack&,
                         checker::Effects& effects) const {
    parts_.Load(state);
    if (action.choice >= world_.engine().Choices(action.thread)) return checker::Outcome::kDisabled;
    return Step(action, state, effects);
  }

  // Makes the arena what it is in this state.
  void Load(const uint64_t* state) const { parts_.Load(state); }

  const std::set<std::string>& outcomes() const { return outcomes_; }
  // Kind, what, and where: all that were met.
  using Defect = std::tuple<int, std::string, uintptr_t>;
  const std::set<Defect>& defects() const { return defects_; }

 private:
  static uint64_t Bit(int property) { return uint64_t{1} << property; }

  // Of the state that the arena holds.
  checker::Outcome Step(checker::Action action, uint64_t* next, checker::Effects& effects) const {
    Engine& runs = world_.engine();
    bool stepped = runs.Step(action.thread, action.choice);
    Engine::Defect defect = runs.defect();
    if (!parts_.Store(action.thread, next) && stepped) {
      stepped = false;
      defect = {KNOT_LOST, "more states than there are numbers", 0};
    }
    if (!stepped) {
      effects.violated |= Bit(defect.kind);
      defects_.emplace(defect.kind, defect.text, defect.at);
      return checker::Outcome::kFault;
    }
    if (!wanted_.empty() && world_.IsOver() && world_.Outcome() == wanted_) {
      effects.violated |= Bit(KNOT_DEFECTS);
    }
    return checker::Outcome::kStepped;
  }

  World& world_;
  std::string wanted_;
  mutable Parts parts_;
  mutable std::vector<uint64_t> next_;
  std::vector<uint64_t> initial_;
  checker::PackMasks masks_;
  std::vector<checker::Property> properties_;
  mutable std::set<std::string> outcomes_;
  mutable std::set<Defect> defects_;
};

}  // namespace knotcheck::source
