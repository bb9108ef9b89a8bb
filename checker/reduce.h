// SPDX-License-Identifier: Apache-2.0
//
// A model that behaves as another one and has fewer states. Every reduction is a switch; what each
// of them needs stands beside it.

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/check.h"
#include "checker/chain.h"
#include "checker/footprint.h"
#include "checker/model.h"
#include "checker/pack.h"
#include "checker/path.h"

namespace knotcheck::checker {

// Reductions, as bits.
enum Reduction : uint32_t {
  // Steps of one thread that no other thread can tell apart are one transition, from one point at
  // which interleaving matters to the next. Needs Footprint and Hold of the model. Preserves all
  // verdicts of safety properties and the states at rest; a path found with it need not be the
  // shortest. Not for liveness: a run that stays inside a transition for ever is lost.
  kMerge = 1,
  // States that differ in the names of identical threads only are one. Needs the model's
  // Canonicalize. Preserves everything, distances included, for properties that do not name
  // threads, as the model has to see to.
  kSymmetry = 2,
  // States that differ in the names of identifiers and objects only, or in values that nobody
  // reads again, are one. Needs the model's Canonicalize. Preserves as kSymmetry does.
  kRenumber = 4,
  // Not a reduction: every transition's footprint is held against what the other threads hold, and
  // the steps of every state against those of its representative; a breach ends the program with an
  // internal error. Several times as slow.
  kSelfCheck = 8,
};
inline constexpr uint32_t kNoReduction = 0;
inline constexpr uint32_t kAllReductions = kMerge | kSymmetry | kRenumber;

// "all", "none", or names joined by commas: merge, symmetry, renumber, self-check.
absl::StatusOr<uint32_t> ParseReductions(absl::string_view text);
// "merge, symmetry", or "none".
std::string ReductionsText(uint32_t reductions);

// A model for kMerge also has:
//  * FootprintOf(s, thread): of whatever the thread's next step may be, in s or after any steps of
//    other threads.
//  * FootprintOf(s, action): of this action alone.
//  * HoldOf(s, thread): see footprint.h.
template <class M>
concept HasFootprints = Model<M> && requires(const M& model, const typename M::State& s, Action a) {
  { model.FootprintOf(s, 0) } -> std::same_as<Footprint>;
  { model.FootprintOf(s, a) } -> std::same_as<Footprint>;
  { model.HoldOf(s, 0) } -> std::same_as<Hold>;
};

// A model for kSymmetry and kRenumber also has Canonicalize(s, reductions), which replaces s by
// the representative of its class.
template <class M>
concept HasCanonicalForm = Model<M> && requires(const M& model, typename M::State& s) {
  model.Canonicalize(s, uint32_t{});
};

// A model that can say how many states a class of kSymmetry has.
template <class M>
concept HasOrbits = HasCanonicalForm<M> && requires(const M& model, const typename M::State& s) {
  { model.OrbitSize(s) } -> std::same_as<uint64_t>;
};

// What `model` may be reduced by.
template <Model M>
constexpr uint32_t PossibleReductions() {
  return (HasFootprints<M> ? uint32_t{kMerge | kSelfCheck} : 0) |
         (HasCanonicalForm<M> ? uint32_t{kSymmetry | kRenumber} : 0);
}

template <Model M>
class Reduced {
 public:
  using State = typename M::State;

  // Of one transition, in steps of the model. Cutting a transition short is always right, so the
  // number is a matter of speed only; it ends threads that run on their own for ever.
  static constexpr int kLongest = 64;
  // Longer ones go on only while the thread has one step at a time: the ends of a transition
  // multiply with every choice. It is the state that decides, not how many ends there have been,
  // so that a state and its representative are cut alike.
  static constexpr int kLongestWithChoices = 8;

  // `model` must outlive this. Reductions that the model does not offer are dropped.
  Reduced(const M& model, uint32_t reductions)
      : model_(model), reductions_(reductions & PossibleReductions<M>()) {
    for (State state : model.InitialStates()) {
      Canonicalize(state);
      initial_.push_back(state);
    }
  }

  const std::vector<State>& InitialStates() const { return initial_; }
  int ThreadCount() const { return model_.ThreadCount(); }
  decltype(auto) Properties() const { return model_.Properties(); }
  decltype(auto) Masks() const { return model_.Masks(); }
  uint64_t AtRest(const State& state) const { return model_.AtRest(state); }

  // The transitions of one thread; Action::choice counts them.
  template <class Fn>
  void ForEachSuccessor(const State& state, int thread, Fn&& fn) const {
    uint16_t choice = 0;
    const auto leaf = [&](const State& end, Outcome outcome, const Effects& effects) {
      const Action action{static_cast<uint16_t>(thread), choice++};
      if (reductions_ & (kSymmetry | kRenumber) && outcome != Outcome::kFault) {
        State canonical = end;
        Canonicalize(canonical);
        if (reductions_ & kSelfCheck) KNOT_CHECK(StepsAlike(end, canonical));
        fn(action, canonical, outcome, effects);
      } else {
        fn(action, end, outcome, effects);
      }
    };
    Run(state, thread, Effects(), leaf, nullptr);
  }

  Outcome Apply(State& state, Action action, Effects& effects) const {
    Outcome result = Outcome::kDisabled;
    const State before = state;
    ForEachSuccessor(before, action.thread,
                     [&](Action taken, const State& next, Outcome outcome, const Effects& shown) {
                       if (taken != action) return;
                       state = next;
                       effects = shown;
                       result = outcome;
                     });
    return result;
  }

  // A chain of representatives, as the search finds it, as a path of the model itself: from an
  // initial state through states of these classes, and at last, when a bit is wanted, a step that
  // shows it. A bit that no step shows is shown at rest, in the last state.
  Path PathAlong(const Packer& packer, const Chain& chain, uint64_t violated,
                 uint64_t witnessed) const {
    Path path;
    std::vector<uint64_t> packed(chain.words);
    const auto is = [&](State state, size_t i) {
      Canonicalize(state);
      packer.Pack(WordsOf(state), packed.data());
      return chain.Same(i, packed.data());
    };
    const auto& initial = model_.InitialStates();
    while (!is(initial[path.initial], 0)) ++path.initial;
    State real = initial[path.initial];
    std::vector<Action> steps;
    for (size_t i = 0; i + 1 < chain.size(); ++i) {
      std::optional<State> found;
      for (int t = 0; t < ThreadCount() && !found; ++t) {
        std::vector<Action> taken;
        const auto leaf = [&](const State& end, Outcome outcome, const Effects&) {
          if (found || outcome == Outcome::kFault || !is(end, i + 1)) return;
          found = end;
          steps = taken;
        };
        Run(real, t, Effects(), leaf, &taken);
      }
      KNOT_CHECK(found.has_value());
      path.actions.insert(path.actions.end(), steps.begin(), steps.end());
      real = *found;
    }
    if ((violated | witnessed) == 0) return path;
    bool found = false;
    for (int t = 0; t < ThreadCount() && !found; ++t) {
      std::vector<Action> taken;
      const auto leaf = [&](const State&, Outcome, const Effects& effects) {
        if (found || !((effects.violated & violated) || (effects.witnessed & witnessed))) return;
        found = true;
        steps = taken;
      };
      Run(real, t, Effects(), leaf, &taken);
    }
    if (!found) return path;
    // Up to the step that shows it, and no further.
    for (const Action action : steps) {
      Effects effects;
      path.actions.push_back(action);
      static_cast<void>(model_.Apply(real, action, effects));
      if ((effects.violated & violated) || (effects.witnessed & witnessed)) break;
    }
    return path;
  }

 private:
  void Canonicalize(State& state) const {
    if constexpr (HasCanonicalForm<M>) {
      if (reductions_ & (kSymmetry | kRenumber)) model_.Canonicalize(state, reductions_);
    }
  }

  // Calls leaf(end, outcome, effects) for each way in which a transition of `thread` can go.
  // `taken`, if given, holds the steps of the current one while leaf runs.
  template <class Leaf>
  void Run(const State& state, int thread, const Effects& effects, Leaf& leaf,
           std::vector<Action>* taken) const {
    static_cast<void>(Continue(state, thread, Phase::kFree, effects, 0, leaf, taken));
  }

  // A transition is right movers, at most one step that is none, and left movers.
  enum class Phase : uint8_t {
    kFree,       // nothing was taken that others could miss
    kAcquired,   // ... but a lock
    kCommitted,  // a step that is not a right mover
  };
  static Phase After(Phase phase, Mover mover) {
    if (mover == Mover::kNone || mover == Mover::kLeft) return Phase::kCommitted;
    return mover == Mover::kRight ? std::max(phase, Phase::kAcquired) : phase;
  }

  // False: the thread has no step in `state`.
  template <class Leaf>
  bool Continue(const State& state, int thread, Phase phase, const Effects& effects, int length,
                Leaf& leaf, std::vector<Action>* taken) const {
    bool any = false;
    model_.ForEachSuccessor(
        state, thread,
        [&](Action action, const State& next, Outcome outcome, const Effects& shown) {
          any = true;
          const Effects sum{effects.violated | shown.violated, effects.witnessed | shown.witnessed};
          if (taken != nullptr) taken->push_back(action);
          bool done = false;
          if constexpr (HasFootprints<M>) {
            if (reductions_ & kSelfCheck) Check(state, action);
            if ((reductions_ & kMerge) && outcome != Outcome::kFault && length < kLongest) {
              const Phase now = After(phase, MoverOf(state, action));
              if ((now != Phase::kCommitted || MovesLeft(next, thread)) &&
                  (length < kLongestWithChoices || !HasChoice(next, thread))) {
                done = Continue(next, thread, now, sum, length + 1, leaf, taken);
                if (now == Phase::kAcquired) done &= !MayWait(next, thread);
              }
            }
          }
          if (!done) leaf(next, outcome, sum);
          if (taken != nullptr) taken->pop_back();
        });
    return any;
  }

  bool HasChoice(const State& state, int thread) const {
    int steps = 0;
    model_.ForEachSuccessor(state, thread,
                            [&](Action, const State&, Outcome, const Effects&) { ++steps; });
    return steps > 1;
  }
  Mover MoverOf(const State& state, Action action) const {
    return Classify(model_.FootprintOf(state, action), model_.HoldOf(state, action.thread));
  }
  // Whether all that the thread can do next has as well been done at once.
  bool MovesLeft(const State& state, int thread) const {
    const Mover mover = Classify(model_.FootprintOf(state, thread), model_.HoldOf(state, thread));
    return mover == Mover::kLeft || mover == Mover::kBoth;
  }
  // Whether others can take what the thread needs next. Then it may wait with what it has, and they
  // with what they have: a deadlock, which no order of whole transitions leads to. (Lipton 1975
  // allows a reduced action to wait at its first step only, for the same reason.) Others can do
  // that by an acquire alone: their other steps do not move right.
  bool MayWait(const State& state, int thread) const {
    return model_.FootprintOf(state, thread).acquires != 0;
  }
  // Whether a step of the representative leads to the representative of the step: the two states
  // have the same steps, seen through representatives, whoever takes them.
  bool StepsAlike(const State& state, const State& representative) const {
    if (std::memcmp(&state, &representative, sizeof(State)) == 0) return true;
    const auto steps = [this](const State& from) {
      std::vector<std::string> all;
      for (int t = 0; t < ThreadCount(); ++t) {
        model_.ForEachSuccessor(
            from, t, [&](Action, const State& to, Outcome outcome, const Effects& effects) {
              State next = to;
              if (outcome != Outcome::kFault) Canonicalize(next);
              std::string step(reinterpret_cast<const char*>(&next),
                               outcome == Outcome::kFault ? 0 : sizeof(State));
              step.append(reinterpret_cast<const char*>(&effects.violated), sizeof(uint64_t));
              step.append(reinterpret_cast<const char*>(&effects.witnessed), sizeof(uint64_t));
              all.push_back(std::move(step));
            });
      }
      std::sort(all.begin(), all.end());
      all.erase(std::unique(all.begin(), all.end()), all.end());
      return all;
    };
    const auto wanted = steps(state);
    return wanted == steps(representative) &&
           (!wanted.empty() || model_.AtRest(state) == model_.AtRest(representative));
  }
  void Check(const State& state, Action action) const {
    const Footprint footprint = model_.FootprintOf(state, action);
    for (int t = 0; t < ThreadCount(); ++t) {
      KNOT_CHECK(t == action.thread || !Breaks(footprint, model_.HoldOf(state, t)));
    }
  }

  const M& model_;
  uint32_t reductions_;
  std::vector<State> initial_;
};

}  // namespace knotcheck::checker
