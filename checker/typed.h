// SPDX-License-Identifier: Apache-2.0
//
// Models whose states are a struct, and the adapter that makes a Model of one. All that takes a
// model takes either kind.

#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "checker/model.h"

namespace knotcheck::checker {

// A model as checker/model.h says, but for its states:
//  * State is trivially copyable and compared by its bytes; its size is a multiple of 8. It should
//    be small enough for a thread's stack.
//  * InitialStates(): of type State, and they live as long as the model.
//  * The methods have `const State&` and `State&` where those of a Model have pointers to words,
//  and
//    no `scratch`. That holds for the methods that a model may have besides, too.
template <class M>
concept TypedModel = requires(const M& model, typename M::State& state,
                              const typename M::State& cstate, Action action, Effects& effects) {
  requires std::is_trivially_copyable_v<typename M::State>;
  requires std::has_unique_object_representations_v<typename M::State>;
  requires sizeof(typename M::State) % 8 == 0;
  requires alignof(typename M::State) <= alignof(uint64_t);
  { model.InitialStates() } -> std::convertible_to<std::span<const typename M::State>>;
  { model.ThreadCount() } -> std::convertible_to<int>;
  { model.Apply(state, action, effects) } -> std::same_as<Outcome>;
  { model.AtRest(cstate) } -> std::same_as<uint64_t>;
  { model.Properties() } -> std::convertible_to<std::span<const Property>>;
  { model.Masks() } -> std::convertible_to<const PackMasks&>;
  model.ForEachSuccessor(cstate, 0,
                         [](Action, const typename M::State&, Outcome, const Effects&) {});
};

// A TypedModel as a Model. Copies nothing: the words of a state are the struct's memory.
template <class M>
class Typed {
 public:
  static_assert(TypedModel<M>);
  using State = typename M::State;

  // `model` must outlive this.
  explicit Typed(const M& model) : model_(model) {}

  static const State& At(const uint64_t* words) { return *reinterpret_cast<const State*>(words); }
  static State& At(uint64_t* words) { return *reinterpret_cast<State*>(words); }
  static const uint64_t* WordsOf(const State& state) {
    return reinterpret_cast<const uint64_t*>(&state);
  }

  static constexpr size_t StateWords() { return sizeof(State) / 8; }
  std::span<const uint64_t> InitialStates() const {
    const std::span<const State> states(model_.InitialStates());
    return {reinterpret_cast<const uint64_t*>(states.data()), states.size() * StateWords()};
  }
  int ThreadCount() const { return model_.ThreadCount(); }
  decltype(auto) Properties() const { return model_.Properties(); }
  decltype(auto) Masks() const { return model_.Masks(); }
  uint64_t AtRest(const uint64_t* state) const { return model_.AtRest(At(state)); }

  template <class Fn>
  void ForEachSuccessor(const uint64_t* state, int thread, StateStack&, Fn&& fn) const {
    model_.ForEachSuccessor(
        At(state), thread,
        [&](Action action, const State& next, Outcome outcome, const Effects& effects) {
          fn(action, WordsOf(next), outcome, effects);
        });
  }
  Outcome Apply(uint64_t* state, Action action, StateStack&, Effects& effects) const {
    return model_.Apply(At(state), action, effects);
  }

  // What the model has of checker/reduce.h and checker/liveness.h.
  template <class Of>
  requires requires(const M& model, const State& state, Of of) { model.FootprintOf(state, of); }
  auto FootprintOf(const uint64_t* state, Of of) const { return model_.FootprintOf(At(state), of); }
  template <class... Of>
  requires requires(const M& model, const State& state, Of... of) { model.HoldOf(state, of...); }
  auto HoldOf(const uint64_t* state, Of... of) const { return model_.HoldOf(At(state), of...); }
  void Canonicalize(uint64_t* state, uint32_t reductions) const requires
      requires(const M& model, State& s) {
    model.Canonicalize(s, uint32_t{});
  }
  { model_.Canonicalize(At(state), reductions); }
  auto OrbitSize(const uint64_t* state) const requires requires(const M& model, const State& s) {
    model.OrbitSize(s);
  }
  { return model_.OrbitSize(At(state)); }
  int ObligationCount() const requires requires(const M& model) { model.ObligationCount(); }
  { return model_.ObligationCount(); }
  auto Pending(const uint64_t* state) const requires requires(const M& model, const State& s) {
    model.Pending(s);
  }
  { return model_.Pending(At(state)); }
  auto FairThreads(const uint64_t* state) const requires requires(const M& model, const State& s) {
    model.FairThreads(s);
  }
  { return model_.FairThreads(At(state)); }

 private:
  const M& model_;
};

template <class M>
concept AnyModel = Model<M> || TypedModel<M>;

// The Model that M is, or that stands for it.
template <AnyModel M>
using Untyped = std::conditional_t<Model<M>, M, Typed<M>>;

// The model itself, or its adapter. `model` must outlive both.
template <AnyModel M>
decltype(auto) UntypedOf(const M& model) {
  if constexpr (Model<M>) {
    return (model);
  } else {
    return Typed<M>(model);
  }
}

}  // namespace knotcheck::checker
