// SPDX-License-Identifier: Apache-2.0
//
// Liveness under weak fairness: is somebody who is owed something left without it for ever,
// although every thread gets its turns? The state graph is built whole; an obligation is starved
// when the states in which it is pending have a strongly connected component that a fair run can
// stay in, or a state in which the run may stop.
//
//   C. Baier, J.-P. Katoen: Principles of Model Checking, MIT Press 2008, chapter 3.5 (fairness)
//   R. Tarjan: Depth-first search and linear graph algorithms, SIAM J. Comput. 1(2), 1972
//   boost::strong_components of Boost.Graph is that algorithm

#pragma once

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/check.h"
#include "checker/lasso.h"
#include "checker/model.h"
#include "checker/pack.h"
#include "checker/path.h"
#include "checker/typed.h"

namespace knotcheck::checker {

// A model that says what is owed:
//  * ObligationCount(): at most 64.
//  * Pending(s): bit o: obligation o is pending in s.
//  * FairThreads(s): bit t: if thread t can step in s, it must get its turn. A thread whose bit is
//    clear may stop there for ever: a sender of signals, a peer in user mode. At most 64 threads.
// A run is fair when no thread that from some point on could always step, and always had its bit
// set, never steps. A run may end only in a state in which no thread must step. Obligation o is
// starved by a reachable fair run on which from some point on o is pending in every state.
template <class M>
concept LivenessModel = AnyModel<M> && requires(const Untyped<M>& model, const uint64_t* state) {
  { model.ObligationCount() } -> std::convertible_to<int>;
  { model.Pending(state) } -> std::same_as<uint64_t>;
  { model.FairThreads(state) } -> std::same_as<uint64_t>;
};

// An explicit graph: packed states numbered in the order of their discovery, and the steps between
// them as compressed rows.
class StateGraph {
 public:
  static constexpr uint32_t kNone = 0xffffffffu;
  static constexpr uint64_t kMaxStates = 0xfffffffeu;

  // One step: thread `thread` leads from `from` to `to`.
  struct Step {
    uint32_t from = 0;
    uint32_t to = 0;
    int thread = 0;
  };

  // `words`: 8-byte words of a packed state.
  explicit StateGraph(int words);

  // The number of a packed state. When it is new, a step of `thread` from `parent` led there first;
  // kNone: it is an initial state.
  uint32_t Intern(const uint64_t* packed, uint32_t parent, int thread);
  const uint64_t* Packed(uint32_t state) const {
    return &packed_[static_cast<size_t>(state) * static_cast<size_t>(words_)];
  }

  // States are expanded in the order of their numbers: their steps, then what is true in them.
  // `owed`: obligations that are pending; `must`: threads that can step and must get their turn.
  void AddStep(uint32_t to, int thread);
  void EndState(uint64_t owed, uint64_t must);

  uint32_t size() const { return static_cast<uint32_t>(parents_.size()); }
  uint32_t expanded() const { return static_cast<uint32_t>(must_.size()); }
  uint64_t step_count() const { return to_.size(); }
  // What follows speaks of expanded states.
  uint64_t Owed(uint32_t state) const { return owed_[state]; }
  uint64_t Must(uint32_t state) const { return must_[state]; }
  uint64_t FirstStep(uint32_t state) const { return rows_[state]; }
  uint64_t EndStep(uint32_t state) const { return rows_[state + 1]; }
  Step StepAt(uint32_t from, uint64_t index) const {
    return Step{from, to_[index], threads_[index]};
  }

  // A shortest way from an initial state, and the number of that state.
  std::vector<Step> StepsTo(uint32_t state, uint32_t* initial) const;

  // All memory that the graph holds, and what it and FindStarved() may need at their peak.
  uint64_t bytes() const;
  uint64_t bytes_at_peak() const;

 private:
  void Grow();

  int words_;
  std::vector<uint64_t> packed_;
  std::vector<uint32_t> slots_;  // open addressing; 0: empty, else a number plus one
  std::vector<uint32_t> parents_;
  std::vector<uint8_t> parent_threads_;
  std::vector<uint64_t> owed_;
  std::vector<uint64_t> must_;
  std::vector<uint64_t> rows_;
  std::vector<uint32_t> to_;
  std::vector<uint8_t> threads_;
  uint64_t owed_states_ = 0;
  uint64_t owed_steps_ = 0;
};

// What the graph says of one obligation. States that are not expanded are left out: nothing is
// known of their steps.
struct Starved {
  bool found = false;
  uint32_t entry = 0;                   // where the cycle begins, the least number of any
  std::vector<StateGraph::Step> cycle;  // empty: the run stops in `entry`
  uint64_t pending = 0;
  uint64_t components = 0;
};
Starved FindStarved(const StateGraph& graph, int obligation);

namespace internal {

// The action that stands behind a step of the graph.
template <Model M>
Action ActionOf(const M& model, const Packer& packer, const StateGraph& graph,
                const StateGraph::Step& step) {
  StateStack scratch(model.StateWords());
  const StateBuffer state(scratch);
  packer.Unpack(graph.Packed(step.from), state.words());
  std::vector<uint64_t> packed(static_cast<size_t>(packer.packed_words()));
  std::optional<Action> found;
  model.ForEachSuccessor(
      state.words(), step.thread, scratch,
      [&](Action action, const uint64_t* next, Outcome outcome, const Effects&) {
        if (found || outcome == Outcome::kFault) return;
        packer.Pack(next, packed.data());
        if (std::memcmp(packed.data(), graph.Packed(step.to), packed.size() * 8) == 0) {
          found = action;
        }
      });
  KNOT_CHECK(found.has_value());
  return *found;
}

template <Model M>
uint32_t InitialIndex(const M& model, const Packer& packer, const uint64_t* wanted) {
  std::vector<uint64_t> packed(static_cast<size_t>(packer.packed_words()));
  for (uint32_t index = 0; index < InitialCount(model); ++index) {
    packer.Pack(InitialState(model, index), packed.data());
    if (std::memcmp(packed.data(), wanted, packed.size() * 8) == 0) return index;
  }
  KNOT_CHECK(false && "a root of the graph is an initial state");
  return 0;
}

}  // namespace internal

// Builds the graph of all states, breadth-first, and judges every obligation. Deterministic. Steps
// that end in a fault are enabled but lead nowhere: no infinite run takes them.
template <LivenessModel M>
LivenessResult CheckLiveness(const M& any, const LivenessOptions& options) {
  const auto& model = UntypedOf(any);
  const int threads = model.ThreadCount();
  KNOT_CHECK(threads <= 64 && model.ObligationCount() <= 64);
  const Packer packer(model.Masks());
  KNOT_CHECK(packer.state_words() == static_cast<int>(model.StateWords()));
  StateGraph graph(packer.packed_words());
  std::vector<uint64_t> packed(static_cast<size_t>(packer.packed_words()));
  const auto intern = [&](const uint64_t* state, uint32_t parent, int thread) {
    packer.Pack(state, packed.data());
    return graph.Intern(packed.data(), parent, thread);
  };

  LivenessResult result;
  for (size_t i = 0; i < InitialCount(model); ++i) {
    intern(InitialState(model, i), StateGraph::kNone, 0);
  }
  // One state can add as many as its threads have choices before the limit is looked at.
  const uint64_t max_states = std::min(options.max_states, StateGraph::kMaxStates - (1u << 22));
  uint64_t next_look = 1u << 16;
  StateStack scratch(model.StateWords());
  const StateBuffer state(scratch);
  for (uint32_t index = 0; index < graph.size(); ++index) {
    if (graph.size() >= max_states) {
      result.end = LivenessEnd::kStateLimit;
      break;
    }
    packer.Unpack(graph.Packed(index), state.words());
    uint64_t enabled = 0;
    for (int t = 0; t < threads; ++t) {
      model.ForEachSuccessor(state.words(), t, scratch,
                             [&](Action, const uint64_t* next, Outcome outcome, const Effects&) {
                               enabled |= uint64_t{1} << t;
                               ++result.transitions;
                               if (outcome != Outcome::kFault)
                                 graph.AddStep(intern(next, index, t), t);
                             });
    }
    graph.EndState(model.Pending(state.words()), enabled & model.FairThreads(state.words()));
    if (result.transitions < next_look) continue;
    next_look = result.transitions + (1u << 16);
    if (graph.bytes_at_peak() > options.max_bytes) {
      result.end = LivenessEnd::kMemoryLimit;
      break;
    }
    if (options.interrupted != nullptr && options.interrupted->load(std::memory_order_relaxed)) {
      result.end = LivenessEnd::kInterrupted;
      break;
    }
    if (options.progress) options.progress(graph.size(), result.transitions, graph.bytes());
  }
  result.states = graph.size();
  result.bytes = graph.bytes();

  const auto actions_of = [&](const std::vector<StateGraph::Step>& steps) {
    std::vector<Action> actions;
    for (const StateGraph::Step& step : steps) {
      actions.push_back(internal::ActionOf(model, packer, graph, step));
    }
    return actions;
  };
  for (int o = 0; o < model.ObligationCount(); ++o) {
    Obligation obligation;
    const bool interrupted =
        options.interrupted != nullptr && options.interrupted->load(std::memory_order_relaxed);
    if (interrupted) result.end = LivenessEnd::kInterrupted;
    if (!interrupted) {
      const Starved starved = FindStarved(graph, o);
      obligation.pending = starved.pending;
      obligation.components = starved.components;
      result.components += starved.components;
      if (starved.found) {
        obligation.status = LivenessStatus::kStarved;
        uint32_t root = 0;
        obligation.lasso.stem.actions = actions_of(graph.StepsTo(starved.entry, &root));
        obligation.lasso.stem.initial = internal::InitialIndex(model, packer, graph.Packed(root));
        obligation.lasso.cycle = actions_of(starved.cycle);
      } else if (result.end == LivenessEnd::kExhausted) {
        obligation.status = LivenessStatus::kHolds;
      }
    }
    result.obligations.push_back(std::move(obligation));
  }
  return result;
}

// What is wrong with a lasso as a witness of starvation; empty: nothing. Every step is taken again
// with Apply(), so this does not depend on how the lasso was found.
template <LivenessModel M>
std::string LassoFault(const M& any, const Lasso& lasso, int obligation) {
  const auto& model = UntypedOf(any);
  if (lasso.stem.initial >= InitialCount(model)) return "the stem begins in no initial state";
  StateStack scratch(model.StateWords());
  const StateBuffer state(scratch, InitialState(model, lasso.stem.initial));
  const auto take = [&](Action action) {
    Effects effects;
    return action.thread < model.ThreadCount() &&
           model.Apply(state.words(), action, scratch, effects) == Outcome::kStepped;
  };
  for (const Action action : lasso.stem.actions) {
    if (!take(action)) return "a step of the stem cannot be taken";
  }
  // The threads that could always step and always had to, and those that did.
  uint64_t always = ~uint64_t{0};
  uint64_t stepped = 0;
  const auto look = [&] {
    uint64_t enabled = 0;
    for (int t = 0; t < model.ThreadCount(); ++t) {
      model.ForEachSuccessor(
          state.words(), t, scratch,
          [&](Action, const uint64_t*, Outcome, const Effects&) { enabled |= uint64_t{1} << t; });
    }
    always &= enabled & model.FairThreads(state.words());
    return (model.Pending(state.words()) >> obligation & 1) != 0;
  };
  const StateBuffer begin(scratch, state.words());
  if (!look()) return "the obligation is not pending where the cycle begins";
  for (const Action action : lasso.cycle) {
    if (!take(action)) return "a step of the cycle cannot be taken";
    stepped |= uint64_t{1} << action.thread;
    if (!look()) return "the obligation is not pending throughout the cycle";
  }
  if (!std::equal(begin.words(), begin.words() + scratch.words(), state.words())) {
    return "the cycle does not close";
  }
  if ((always & ~stepped) != 0) return "a thread that could always step never does";
  return "";
}

}  // namespace knotcheck::checker
