// SPDX-License-Identifier: Apache-2.0
//
// What reductions stand on, checked state by state on the whole graph of a model: that steps which
// are said to be movers commute with what other threads do, and that a canonical form leads where
// the state leads. Slow; for tests.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "checker/footprint.h"
#include "checker/model.h"
#include "checker/reduce.h"

namespace knotcheck::checker::testing {

template <AnyModel M>
class ReductionCheck {
 public:
  using State = std::vector<uint64_t>;  // its words

  explicit ReductionCheck(const M& model)
      : of_(model), model_(UntypedOf(model)), scratch_(model_.StateWords()) {}

  // All reachable states, at most `limit`; false when there are more.
  bool Explore(size_t limit) {
    for (size_t i = 0; i < InitialCount(model_); ++i) Add(Copy(InitialState(model_, i)));
    for (size_t i = 0; i < states_.size(); ++i) {
      if (states_.size() > limit) return false;
      for (int t = 0; t < model_.ThreadCount(); ++t) {
        // The words of a state stay where they are when `states_` grows.
        model_.ForEachSuccessor(states_[i].data(), t, scratch_,
                                [&](Action, const uint64_t* next, Outcome outcome, const Effects&) {
                                  if (outcome != Outcome::kFault) Add(Copy(next));
                                });
      }
    }
    return true;
  }
  const std::vector<State>& states() const { return states_; }

  // The first step that is no such mover as Classify() says; nothing when all are.
  std::optional<std::string> Movers() requires HasFootprints<M> {
    for (const State& s : states_) {
      for (int u = 0; u < model_.ThreadCount(); ++u) {
        for (int t = 0; t < model_.ThreadCount(); ++t) {
          if (t == u) continue;
          if (auto error = Enables(s, t, u)) return error;
        }
        for (const Step& b : StepsOf(s, u)) {
          for (int t = 0; t < model_.ThreadCount(); ++t) {
            if (t == u) continue;
            auto error = Right(s, t, b);
            if (!error) error = Left(s, t, b);
            if (error) return error;
          }
        }
      }
    }
    return std::nullopt;
  }

  // The first state that its canonical form does not stand for: whose steps lead to other classes,
  // or show other things. Merged steps too: a path is found along the states themselves, not along
  // their representatives.
  std::optional<std::string> Canonical(uint32_t reductions) requires HasCanonicalForm<M> {
    for (size_t i = 0; i < states_.size(); ++i) {
      State canonical = states_[i];
      model_.Canonicalize(canonical.data(), reductions);
      State again = canonical;
      model_.Canonicalize(again.data(), reductions);
      if (again != canonical) {
        return absl::StrCat("state ", i, ": a canonical form is not its own canonical form");
      }
      if (Leads(model_, states_[i], reductions) != Leads(model_, canonical, reductions)) {
        return absl::StrCat("state ", i, ": the canonical form leads elsewhere: ",
                            absl::BytesToHexString(Bytes(states_[i])), " and ",
                            absl::BytesToHexString(Bytes(canonical)));
      }
      if constexpr (HasFootprints<M>) {
        for (const uint32_t by : {uint32_t{kMerge}, kMerge | kPersistent}) {
          const Reduced<M> merged(of_, reductions | by);
          if (Leads(merged, states_[i], reductions) != Leads(merged, canonical, reductions)) {
            return absl::StrCat("state ", i, ": the canonical form merges other steps");
          }
        }
      }
      if (model_.AtRest(states_[i].data()) != model_.AtRest(canonical.data())) {
        return absl::StrCat("state ", i, ": the canonical form breaks other properties at rest");
      }
    }
    return std::nullopt;
  }

 private:
  struct Step {
    Action action;
    State next;
    Outcome outcome = Outcome::kStepped;
    Effects effects;
  };

  State Copy(const uint64_t* words) const { return State(words, words + scratch_.words()); }
  static std::string Bytes(const State& state) {
    return std::string(reinterpret_cast<const char*>(state.data()), state.size() * 8);
  }
  void Add(State state) {
    if (known_.emplace(Bytes(state), states_.size()).second) states_.push_back(std::move(state));
  }
  std::vector<Step> StepsOf(const State& state, int thread) const {
    std::vector<Step> steps;
    model_.ForEachSuccessor(
        state.data(), thread, scratch_,
        [&](Action action, const uint64_t* next, Outcome outcome, const Effects& e) {
          steps.push_back(Step{action, Copy(next), outcome, e});
        });
    return steps;
  }
  std::optional<Step> StepOf(const State& state, Action action) const {
    for (const Step& step : StepsOf(state, action.thread)) {
      if (step.action == action) return step;
    }
    return std::nullopt;
  }
  Mover MoverOf(const State& state, Action action) const {
    return Classify(FootprintOfAction(model_, state.data(), action),
                    model_.HoldOf(state.data(), static_cast<int>(action.thread)));
  }
  bool MovesLeft(const State& state, int thread) const {
    const Mover mover =
        Classify(model_.FootprintOf(state.data(), thread), model_.HoldOf(state.data(), thread));
    return mover == Mover::kLeft || mover == Mover::kBoth;
  }
  // Names of objects may differ by the order in which they were made.
  bool Same(State a, State b) const {
    if constexpr (HasCanonicalForm<M>) {
      model_.Canonicalize(a.data(), kRenumber);
      model_.Canonicalize(b.data(), kRenumber);
    }
    return a == b;
  }
  static bool Same(const Effects& a, const Effects& b) {
    return a.violated == b.violated && a.witnessed == b.witnessed;
  }
  std::string Name(const char* what, const State& s, Action a, Action b) const {
    return absl::StrCat(what, ": state ", known_.at(Bytes(s)), ", thread ", a.thread, " choice ",
                        a.choice, " against thread ", b.thread, " choice ", b.choice);
  }

  // t's step a, said to move right, and then b, which another thread took in s too or could not:
  // b first must be possible and lead to the same.
  std::optional<std::string> Right(const State& s, int t, const Step& b) const {
    for (const Step& a : StepsOf(s, t)) {
      const Mover mover = MoverOf(s, a.action);
      if (mover != Mover::kRight && mover != Mover::kBoth) continue;
      if (a.outcome == Outcome::kFault) return Name("a mover faults", s, a.action, b.action);
      const auto after = StepOf(a.next, b.action);
      // b's being possible only before a is nothing that moving a to the right needs.
      if (!after) continue;
      const auto then = b.outcome == Outcome::kFault ? std::nullopt : StepOf(b.next, a.action);
      if (after->outcome != b.outcome) return Name("right, fault", s, a.action, b.action);
      if (b.outcome == Outcome::kFault) {
        if (Same(after->effects, b.effects)) continue;
        return Name("moves right but shows other things", s, a.action, b.action);
      }
      if (!then || !Same(then->next, after->next)) {
        return Name("does not move right", s, a.action, b.action);
      }
      const Mover still = MoverOf(b.next, a.action);
      if (still != Mover::kRight && still != Mover::kBoth) {
        return Name("no longer moves right", s, a.action, b.action);
      }
      if (!Same(then->effects, a.effects) || !Same(after->effects, b.effects)) {
        return Name("moves right but shows other things", s, a.action, b.action);
      }
    }
    return std::nullopt;
  }

  // What a step of t that is said to move right makes possible for u must have been possible
  // before. u may have had no step at all.
  std::optional<std::string> Enables(const State& s, int t, int u) const {
    for (const Step& a : StepsOf(s, t)) {
      const Mover mover = MoverOf(s, a.action);
      if (mover != Mover::kRight && mover != Mover::kBoth) continue;
      if (a.outcome == Outcome::kFault) continue;
      for (const Step& later : StepsOf(a.next, u)) {
        if (!StepOf(s, later.action)) return Name("enables", s, a.action, later.action);
      }
    }
    return std::nullopt;
  }

  // t's next steps, all said to move left in s, and then b: b first must leave them possible, as
  // many, said to move left still, and lead to the same. Nothing follows a fault, so b would be
  // lost behind one of t's; and a fault of b must be as possible after t's steps.
  std::optional<std::string> Left(const State& s, int t, const Step& b) const {
    if (!MovesLeft(s, t)) return std::nullopt;
    const auto steps = StepsOf(s, t);
    const Action any{static_cast<uint16_t>(t), 0};
    for (const Step& a : steps) {
      if (a.outcome == Outcome::kFault) return Name("moves left, fault", s, a.action, b.action);
    }
    if (b.outcome == Outcome::kFault) {
      for (const Step& a : steps) {
        const auto then = StepOf(a.next, b.action);
        if (!then || then->outcome != Outcome::kFault || !Same(then->effects, b.effects)) {
          return Name("moves left before a fault", s, a.action, b.action);
        }
      }
      return std::nullopt;
    }
    if (steps.size() != StepsOf(b.next, t).size()) {
      return Name("what moves left is not stable", s, any, b.action);
    }
    if (!steps.empty() && !MovesLeft(b.next, t)) {
      return Name("no longer moves left", s, any, b.action);
    }
    for (const Step& a : steps) {
      const auto after = StepOf(b.next, a.action);
      const auto then = StepOf(a.next, b.action);
      if (!after || !then || after->outcome != a.outcome || then->outcome != b.outcome ||
          !Same(then->next, after->next)) {
        return Name("does not move left", s, a.action, b.action);
      }
      if (!Same(after->effects, a.effects) || !Same(then->effects, b.effects)) {
        return Name("moves left but shows other things", s, a.action, b.action);
      }
    }
    return std::nullopt;
  }

  using Lead = std::tuple<std::string, bool, uint64_t, uint64_t>;
  template <class Any>
  std::vector<Lead> Leads(const Any& model, const State& state, uint32_t reductions) const {
    std::vector<Lead> leads;
    for (int t = 0; t < model.ThreadCount(); ++t) {
      model.ForEachSuccessor(
          state.data(), t, scratch_,
          [&](Action, const uint64_t* end, Outcome outcome, const Effects& effects) {
            const bool fault = outcome == Outcome::kFault;
            State next = Copy(end);
            if (!fault) model_.Canonicalize(next.data(), reductions);
            leads.emplace_back(fault ? std::string() : Bytes(next), fault, effects.violated,
                               effects.witnessed);
          });
    }
    std::sort(leads.begin(), leads.end());
    return leads;
  }

  const M& of_;
  std::conditional_t<Model<M>, const M&, Typed<M>> model_;
  mutable StateStack scratch_;
  std::vector<State> states_;
  std::unordered_map<std::string, size_t> known_;
};

}  // namespace knotcheck::checker::testing
