// SPDX-License-Identifier: Apache-2.0
//
// A model that behaves as another one and has fewer states. Every reduction is a switch; what each
// of them needs stands beside it.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/check.h"
#include "checker/chain.h"
#include "checker/footprint.h"
#include "checker/model.h"
#include "checker/pack.h"
#include "checker/path.h"
#include "checker/reductions.h"
#include "checker/typed.h"

namespace knotcheck::checker {

// A model for kMerge and kPersistent also has:
//  * FootprintOf(s, thread): of whatever the thread's next step may be, in s or after any steps of
//    other threads.
//  * HoldOf(s, thread): see footprint.h. HoldOf(s, thread, of), if it has that, need say nothing of
//    resources that are not in `of`.
template <class M>
concept HasFootprints = AnyModel<M> && requires(const Untyped<M>& model, const uint64_t* s) {
  { model.FootprintOf(s, 0) } -> std::same_as<Footprint>;
  { model.HoldOf(s, 0) } -> std::same_as<Hold>;
};

// ... and may have FootprintOf(s, action): of this action alone.
template <class M>
concept HasActionFootprints = HasFootprints<M> &&
    requires(const Untyped<M>& model, const uint64_t* s, Action a) {
  { model.FootprintOf(s, a) } -> std::same_as<Footprint>;
};

template <class M>
concept HasPartialHolds = HasFootprints<M> && requires(const Untyped<M>& model, const uint64_t* s) {
  { model.HoldOf(s, 0, uint64_t{}) } -> std::same_as<Hold>;
};

// A model may have IsBlocked(s, thread), true only if the thread has no step to take, and
// Unblocked(s), the threads of which that is not so: a bit each, of the first 64.
template <class M>
concept HasBlocked = AnyModel<M> && requires(const Untyped<M>& model, const uint64_t* s) {
  { model.IsBlocked(s, 0) } -> std::same_as<bool>;
  { model.Unblocked(s) } -> std::same_as<uint64_t>;
};

// A model that can tell what a step changed that its footprint does not say, as text; nothing is
// right. kSelfCheck asks.
template <class M>
concept HasUndeclared = HasFootprints<M> &&
    requires(const Untyped<M>& model, const uint64_t* s, Action a) {
  { model.Undeclared(s, a, s) } -> std::same_as<std::string>;
};

// The mover that a step with this footprint is.
template <Model M>
requires HasFootprints<M> Mover MoverOf(const M& model, const uint64_t* state, int thread,
                                        const Footprint& footprint) {
  const uint64_t touched = footprint.reads | footprint.writes;
  if (touched == 0) return Classify(footprint, Hold());
  if constexpr (HasPartialHolds<M>) {
    return Classify(footprint, model.HoldOf(state, thread, touched));
  } else {
    return Classify(footprint, model.HoldOf(state, thread));
  }
}

template <Model M>
requires HasFootprints<M> Footprint FootprintOfAction(const M& model, const uint64_t* state,
                                                      Action action) {
  if constexpr (HasActionFootprints<M>) {
    return model.FootprintOf(state, action);
  } else {
    return model.FootprintOf(state, static_cast<int>(action.thread));
  }
}

// A model for kSymmetry and kRenumber also has Canonicalize(s, reductions), which replaces s by
// the representative of its class.
template <class M>
concept HasCanonicalForm = AnyModel<M> && requires(const Untyped<M>& model, uint64_t* s) {
  model.Canonicalize(s, uint32_t{});
};

// A model that can say how many states a class of kSymmetry has.
template <class M>
concept HasOrbits = HasCanonicalForm<M> && requires(const Untyped<M>& model, const uint64_t* s) {
  { model.OrbitSize(s) } -> std::same_as<uint64_t>;
};

// What `model` may be reduced by.
template <AnyModel M>
constexpr uint32_t PossibleReductions() {
  return (HasFootprints<M> ? uint32_t{kMerge | kPersistent | kSelfCheck} : 0) |
         (HasCanonicalForm<M> ? uint32_t{kSymmetry | kRenumber} : 0);
}

// A Model, whatever kind M is of.
template <AnyModel M>
class Reduced {
 public:
  // Of one transition, in steps of the model. Cutting a transition short is always right, so the
  // number is a matter of speed only; it ends threads that run on their own for ever.
  static constexpr int kLongest = 64;
  // Longer ones go on only while the thread has one step at a time: the ends of a transition
  // multiply with every choice. It is the state that decides, not how many ends there have been,
  // so that a state and its representative are cut alike.
  static constexpr int kLongestWithChoices = 8;
  // Of the left movers that follow a transition, in steps of all threads.
  static constexpr int kLongestSettling = 256;

  // `model` must outlive this. Reductions that the model does not offer are dropped.
  Reduced(const M& model, uint32_t reductions)
      : model_(UntypedOf(model)), reductions_(reductions & PossibleReductions<M>()) {
    const std::span<const uint64_t> initial(model_.InitialStates());
    initial_.assign(initial.begin(), initial.end());
    for (size_t at = 0; at < initial_.size(); at += StateWords()) Canonicalize(&initial_[at]);
  }

  size_t StateWords() const { return model_.StateWords(); }
  const std::vector<uint64_t>& InitialStates() const { return initial_; }
  int ThreadCount() const { return model_.ThreadCount(); }
  decltype(auto) Properties() const { return model_.Properties(); }
  decltype(auto) Masks() const { return model_.Masks(); }
  uint64_t AtRest(const uint64_t* state) const { return model_.AtRest(state); }

  // The transitions of one thread; Action::choice counts them.
  template <class Fn>
  void ForEachSuccessor(const uint64_t* state, int thread, StateStack& scratch, Fn&& fn) const {
    uint16_t choice = 0;
    const auto leaf = [&](const uint64_t* end, Outcome outcome, const Effects& effects) {
      const Action action{static_cast<uint16_t>(thread), choice++};
      if (reductions_ & (kSymmetry | kRenumber) && outcome != Outcome::kFault) {
        const StateBuffer canonical(scratch, end);
        Canonicalize(canonical.words());
        if (reductions_ & kSelfCheck) KNOT_CHECK(StepsAlike(end, canonical.words(), scratch));
        fn(action, canonical.words(), outcome, effects);
      } else {
        fn(action, end, outcome, effects);
      }
    };
    Run(state, thread, scratch, leaf, nullptr);
  }

  Outcome Apply(uint64_t* state, Action action, StateStack& scratch, Effects& effects) const {
    Outcome result = Outcome::kDisabled;
    const StateBuffer before(scratch, state);
    ForEachSuccessor(
        before.words(), action.thread, scratch,
        [&](Action taken, const uint64_t* next, Outcome outcome, const Effects& shown) {
          if (taken != action) return;
          std::copy_n(next, StateWords(), state);
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
    StateStack scratch(StateWords());
    const auto is = [&](const uint64_t* state, size_t i) {
      const StateBuffer canonical(scratch, state);
      Canonicalize(canonical.words());
      packer.Pack(canonical.words(), packed.data());
      return chain.Same(i, packed.data());
    };
    while (!is(InitialState(model_, path.initial), 0)) ++path.initial;
    StateBuffer real(scratch, InitialState(model_, path.initial));
    StateBuffer next(scratch);
    std::vector<Action> steps;
    for (size_t i = 0; i + 1 < chain.size(); ++i) {
      bool found = false;
      for (int t = 0; t < ThreadCount() && !found; ++t) {
        std::vector<Action> taken;
        const auto leaf = [&](const uint64_t* end, Outcome outcome, const Effects&) {
          if (found || outcome == Outcome::kFault || !is(end, i + 1)) return;
          found = true;
          next.Copy(end);
          steps = taken;
        };
        Run(real.words(), t, scratch, leaf, &taken);
      }
      KNOT_CHECK(found);
      path.actions.insert(path.actions.end(), steps.begin(), steps.end());
      real.Copy(next.words());
    }
    if ((violated | witnessed) == 0) return path;
    bool found = false;
    for (int t = 0; t < ThreadCount() && !found; ++t) {
      std::vector<Action> taken;
      const auto leaf = [&](const uint64_t*, Outcome, const Effects& effects) {
        if (found || !((effects.violated & violated) || (effects.witnessed & witnessed))) return;
        found = true;
        steps = taken;
      };
      Run(real.words(), t, scratch, leaf, &taken);
    }
    if (!found) return path;
    // Up to the step that shows it, and no further.
    for (const Action action : steps) {
      Effects effects;
      path.actions.push_back(action);
      static_cast<void>(model_.Apply(real.words(), action, scratch, effects));
      if ((effects.violated & violated) || (effects.witnessed & witnessed)) break;
    }
    return path;
  }

 private:
  void Canonicalize(uint64_t* state) const {
    if constexpr (HasCanonicalForm<M>) {
      if (reductions_ & (kSymmetry | kRenumber)) model_.Canonicalize(state, reductions_);
    }
  }

  // Of whatever the next step of a thread may be.
  struct Next {
    Mover mover = Mover::kNone;
    bool acquires = false;
    // Whether it has as well been done at once.
    bool MovesLeft() const { return mover == Mover::kLeft || mover == Mover::kBoth; }
  };
  Next NextOf(const uint64_t* state, int thread) const {
    Next next;
    if constexpr (HasFootprints<M>) {
      const Footprint footprint = model_.FootprintOf(state, thread);
      next.mover = checker::MoverOf(model_, state, thread, footprint);
      next.acquires = footprint.acquires != 0;
    }
    return next;
  }
  bool IsBlocked(const uint64_t* state, int thread) const {
    if constexpr (HasBlocked<M>) return model_.IsBlocked(state, thread);
    return false;
  }
  uint64_t Unblocked(const uint64_t* state) const {
    if constexpr (HasBlocked<M>) return model_.Unblocked(state);
    return ~uint64_t{0};
  }
  // NextOf(state, thread).MovesLeft(), of a thread that has a step: what acquires does not,
  // whatever it holds.
  bool MovesLeft(const uint64_t* state, int thread) const {
    if constexpr (HasFootprints<M>) {
      const Footprint footprint = model_.FootprintOf(state, thread);
      if (footprint.acquires != 0) return false;
      const Mover mover = checker::MoverOf(model_, state, thread, footprint);
      return mover == Mover::kLeft || mover == Mover::kBoth;
    }
    return false;
  }
  Mover MoverOf(const uint64_t* state, Action action, const Next& next) const {
    if constexpr (HasActionFootprints<M>) {
      return checker::MoverOf(model_, state, action.thread, model_.FootprintOf(state, action));
    } else {
      return next.mover;
    }
  }

  // Calls leaf(end, outcome, effects) for each way in which a transition of `thread` can go.
  // `taken`, if given, holds the steps of the current one while leaf runs.
  template <class Leaf>
  void Run(const uint64_t* state, int thread, StateStack& scratch, Leaf& leaf,
           std::vector<Action>* taken) const {
    const auto end = [&](const uint64_t* last, Outcome outcome, const Effects& effects) {
      if ((reductions_ & kPersistent) && outcome != Outcome::kFault) {
        Settle(last, effects, Settling(), scratch, leaf, taken);
      } else {
        leaf(last, outcome, effects);
      }
    };
    if (IsBlocked(state, thread)) return;
    const Next next = reductions_ & kMerge ? NextOf(state, thread) : Next();
    static_cast<void>(
        Continue(state, thread, next, Phase::kFree, Effects(), 0, scratch, end, taken));
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

  // `next`: NextOf(state, thread), when steps are merged. False: the thread has no step in `state`.
  template <class Leaf>
  bool Continue(const uint64_t* state, int thread, const Next& next, Phase phase,
                const Effects& effects, int length, StateStack& scratch, Leaf& leaf,
                std::vector<Action>* taken) const {
    bool any = false;
    model_.ForEachSuccessor(
        state, thread, scratch,
        [&](Action action, const uint64_t* after, Outcome outcome, const Effects& shown) {
          any = true;
          const Effects sum{effects.violated | shown.violated, effects.witnessed | shown.witnessed};
          if (taken != nullptr) taken->push_back(action);
          bool done = false;
          if constexpr (HasFootprints<M>) {
            if (reductions_ & kSelfCheck) Check(state, action, after, outcome);
            if ((reductions_ & kMerge) && outcome != Outcome::kFault && length < kLongest &&
                !IsBlocked(after, thread)) {
              const Phase now = After(phase, MoverOf(state, action, next));
              const Next then = NextOf(after, thread);
              if ((now != Phase::kCommitted || then.MovesLeft()) &&
                  (length < kLongestWithChoices || !HasChoice(after, thread, scratch))) {
                done = Continue(after, thread, then, now, sum, length + 1, scratch, leaf, taken);
                // Others can take what the thread needs next. Then it may wait with what it has,
                // and they with what they have: a deadlock, which no order of whole transitions
                // leads to. (Lipton 1975 allows a reduced action to wait at its first step only,
                // for the same reason.) Others can do that by an acquire alone: their other steps
                // do not move right.
                if (now == Phase::kAcquired) done &= !then.acquires;
              }
            }
          }
          if (!done) leaf(after, outcome, sum);
          if (taken != nullptr) taken->pop_back();
        });
    return any;
  }

  // Who takes left movers, how many, and whose were cut short; and all of this transition.
  struct Settling {
    int thread = 0;
    int length = 0;
    int total = 0;
    uint64_t cut = 0;
  };
  // Threads take their left movers, one thread after the other and each as many as it has: they
  // commute, so that nobody can tell in which order. The bounds are those of a transition, thread
  // by thread, and one for all together.
  template <class Leaf>
  void Settle(const uint64_t* state, const Effects& effects, Settling at, StateStack& scratch,
              Leaf& leaf, std::vector<Action>* taken) const {
    const int threads = std::min(ThreadCount(), 64);
    const uint64_t unblocked = Unblocked(state);
    for (int i = -1; i < threads && at.total < kLongestSettling; ++i) {
      const int u = i < 0 ? at.thread : i;
      if (!((unblocked & ~at.cut) >> u & 1) || !MovesLeft(state, u)) continue;
      Settling then{u, u == at.thread ? at.length + 1 : 1, at.total + 1, at.cut};
      if (then.length > kLongest ||
          (then.length > kLongestWithChoices && HasChoice(state, u, scratch))) {
        at.cut |= uint64_t{1} << u;
        continue;
      }
      bool any = false;
      model_.ForEachSuccessor(
          state, u, scratch,
          [&](Action action, const uint64_t* after, Outcome outcome, const Effects& shown) {
            any = true;
            if constexpr (HasFootprints<M>) {
              if (reductions_ & kSelfCheck) Check(state, action, after, outcome);
            }
            const Effects sum{effects.violated | shown.violated,
                              effects.witnessed | shown.witnessed};
            if (taken != nullptr) taken->push_back(action);
            if (outcome == Outcome::kFault) {
              leaf(after, outcome, sum);
            } else {
              Settle(after, sum, then, scratch, leaf, taken);
            }
            if (taken != nullptr) taken->pop_back();
          });
      if (any) return;
    }
    leaf(state, Outcome::kStepped, effects);
  }

  bool HasChoice(const uint64_t* state, int thread, StateStack& scratch) const {
    int steps = 0;
    model_.ForEachSuccessor(state, thread, scratch,
                            [&](Action, const uint64_t*, Outcome, const Effects&) { ++steps; });
    return steps > 1;
  }
  // Whether a step of the representative leads to the representative of the step: the two states
  // have the same steps, seen through representatives, whoever takes them.
  bool StepsAlike(const uint64_t* state, const uint64_t* representative,
                  StateStack& scratch) const {
    const size_t bytes = StateWords() * 8;
    if (std::memcmp(state, representative, bytes) == 0) return true;
    const auto steps = [&](const uint64_t* from) {
      std::vector<std::string> all;
      for (int t = 0; t < ThreadCount(); ++t) {
        model_.ForEachSuccessor(
            from, t, scratch,
            [&](Action, const uint64_t* to, Outcome outcome, const Effects& effects) {
              const StateBuffer next(scratch, to);
              if (outcome != Outcome::kFault) Canonicalize(next.words());
              std::string step(reinterpret_cast<const char*>(next.words()),
                               outcome == Outcome::kFault ? 0 : bytes);
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
  void Check(const uint64_t* state, Action action, const uint64_t* after, Outcome outcome) const {
    const Footprint footprint = FootprintOfAction(model_, state, action);
    for (int t = 0; t < ThreadCount(); ++t) {
      KNOT_CHECK(t == action.thread || !Breaks(footprint, model_.HoldOf(state, t)));
    }
    if constexpr (HasUndeclared<M>) {
      if (outcome == Outcome::kFault) return;
      const std::string undeclared = model_.Undeclared(state, action, after);
      if (undeclared.empty()) return;
      const std::string what = absl::StrCat("no footprint of thread ", action.thread,
                                            " says that its step changes ", undeclared);
      CheckFailed(__FILE__, __LINE__, what.c_str());
    }
  }

  std::conditional_t<Model<M>, const M&, Typed<M>> model_;
  uint32_t reductions_;
  std::vector<uint64_t> initial_;
};

}  // namespace knotcheck::checker
