// SPDX-License-Identifier: Apache-2.0
//
// Explicit-state search over any Model: breadth-first (shortest counterexamples), depth-first,
// and random walks. Single-threaded and deterministic: states are numbered in the order of their
// discovery, and a model enumerates its actions in a fixed order.

#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/check.h"
#include "checker/model.h"
#include "checker/pack.h"
#include "checker/path.h"
#include "checker/visited_set.h"

namespace knotcheck::checker {

enum class Order : uint8_t {
  kBreadthFirst,  // a counterexample is as short as any
  kDepthFirst,    // reaches deep states early; counterexamples are long
};

// What a search knows while it runs. Units: states, transitions, steps, states, bytes.
struct Progress {
  uint64_t states = 0;
  uint64_t transitions = 0;
  uint64_t depth = 0;
  uint64_t queued = 0;
  uint64_t bytes = 0;
};

struct Options {
  Order order = Order::kBreadthFirst;
  uint64_t max_states = VisitedSet::kMaxStates;
  uint64_t max_bytes = ~uint64_t{0};
  // Ends the search at the first violation of any kNever property.
  bool stop_at_violation = false;
  // Set from outside (a signal handler, say) to end the search early.
  const std::atomic<bool>* interrupted = nullptr;
  // Called about every 2^16 transitions. Must not change anything the search sees.
  std::function<void(const Progress&)> progress;
};

// Why a search ended. Anything but kExhausted is incomplete: what it did not find may still exist.
enum class End : uint8_t { kExhausted, kStateLimit, kMemoryLimit, kInterrupted, kStopped };

enum class Status : uint8_t {
  kHolds,       // every run was seen and none violates it
  kViolated,    // `path` violates it
  kWitnessed,   // a kSometimes property, and `path` shows it
  kNotReached,  // a kSometimes property that no run shows
  kIncomplete,  // nothing found, but the search was cut short
};

struct Verdict {
  Status status = Status::kHolds;
  Path path;               // for kViolated and kWitnessed
  uint64_t witnesses = 0;  // transitions that raised the property's `witnessed` bit
};

struct Result {
  std::vector<Verdict> verdicts;  // one a property, in the model's order
  uint64_t states = 0;
  uint64_t transitions = 0;
  uint64_t depth = 0;    // the longest of the shortest distances (breadth-first only)
  uint64_t at_rest = 0;  // states without an enabled action
  uint64_t bytes = 0;    // of the visited set
  int state_bits = 0;    // information per state after packing
  End end = End::kExhausted;
};

namespace internal {

template <class State>
const uint64_t* Words(const State& state) {
  return reinterpret_cast<const uint64_t*>(&state);
}
template <class State>
uint64_t* Words(State& state) {
  return reinterpret_cast<uint64_t*>(&state);
}

}  // namespace internal

// The actions that lead from the model's initial states to the state with number `index`, found by
// expanding each ancestor again: the visited set keeps parents, not actions.
template <Model M>
Path PathTo(const M& model, const Packer& packer, const VisitedSet& visited, uint32_t index) {
  std::vector<uint32_t> chain;
  for (uint32_t i = index; i != VisitedSet::kNoParent; i = visited.Parent(i)) chain.push_back(i);
  std::reverse(chain.begin(), chain.end());
  Path path;
  std::vector<uint64_t> packed(static_cast<size_t>(packer.packed_words()));
  const size_t packed_bytes = packed.size() * 8;
  uint32_t initial = 0;
  for (const auto& state : model.InitialStates()) {
    packer.Pack(internal::Words(state), packed.data());
    if (std::memcmp(packed.data(), visited.State(chain[0]), packed_bytes) == 0) break;
    ++initial;
  }
  path.initial = initial;
  for (size_t i = 0; i + 1 < chain.size(); ++i) {
    typename M::State state;
    packer.Unpack(visited.State(chain[i]), internal::Words(state));
    const uint64_t* wanted = visited.State(chain[i + 1]);
    std::optional<Action> found;
    for (int t = 0; t < model.ThreadCount() && !found; ++t) {
      model.ForEachSuccessor(
          state, t,
          [&](Action action, const typename M::State& next, Outcome outcome, const Effects&) {
            if (found || outcome == Outcome::kFault) return;
            packer.Pack(internal::Words(next), packed.data());
            if (std::memcmp(packed.data(), wanted, packed_bytes) == 0) found = action;
          });
    }
    KNOT_CHECK(found.has_value());
    path.actions.push_back(*found);
  }
  return path;
}

// Explores all states that the model can reach, or as many as the options allow.
template <Model M>
Result Explore(const M& model, const Options& options) {
  using State = typename M::State;
  const auto properties = model.Properties();
  KNOT_CHECK(properties.size() <= 64);
  const Packer packer(model.Masks());
  KNOT_CHECK(packer.state_words() == static_cast<int>(sizeof(State) / 8));
  const int words = packer.packed_words();
  VisitedSet visited(words);

  Result result;
  result.verdicts.resize(properties.size());
  result.state_bits = packer.packed_bits();

  // The first edge that raised each bit: the state it starts from and its action. An action-less
  // find is a state at rest.
  struct Find {
    uint32_t state = VisitedSet::kNoParent;
    std::optional<Action> action;
  };
  std::vector<Find> violation(properties.size());
  std::vector<Find> witness(properties.size());
  uint64_t violated = 0;
  uint64_t witnessed = 0;
  uint64_t never = 0;
  for (size_t i = 0; i < properties.size(); ++i) {
    if (properties[i].kind == PropertyKind::kNever) never |= uint64_t{1} << i;
  }
  const auto record = [](uint64_t bits, uint64_t* known, std::vector<Find>* finds, uint32_t state,
                         std::optional<Action> action) {
    for (uint64_t fresh = bits & ~*known; fresh != 0; fresh &= fresh - 1) {
      (*finds)[static_cast<size_t>(std::countr_zero(fresh))] = Find{state, action};
    }
    *known |= bits;
  };

  // Successors wait in a batch, so that the cache misses of their look-ups overlap. They are
  // inserted in the order in which they were found.
  constexpr size_t kBatch = 64;
  // The limit is looked at after each state, so a batch and the successors of one state come on
  // top: 26 threads of 65,536 choices at most. The numbers of states must not run out before.
  const uint64_t max_states = std::min(options.max_states, VisitedSet::kMaxStates - (1u << 21));
  std::vector<uint64_t> batch(kBatch * static_cast<size_t>(words));
  uint64_t hashes[kBatch];
  uint32_t parents[kBatch];
  size_t batched = 0;
  std::vector<uint32_t> stack;
  const bool depth_first = options.order == Order::kDepthFirst;
  const auto flush = [&] {
    for (size_t i = 0; i < batched; ++i) visited.PrefetchState(hashes[i]);
    for (size_t i = 0; i < batched; ++i) {
      const bool fresh =
          visited.Insert(&batch[i * static_cast<size_t>(words)], hashes[i], parents[i]);
      if (fresh && depth_first) stack.push_back(static_cast<uint32_t>(visited.size() - 1));
    }
    batched = 0;
  };
  const auto add = [&](const State& state, uint32_t parent) {
    uint64_t* packed = &batch[batched * static_cast<size_t>(words)];
    packer.Pack(internal::Words(state), packed);
    hashes[batched] = HashWords(packed, words);
    parents[batched] = parent;
    visited.Prefetch(hashes[batched]);
    if (++batched == kBatch) flush();
  };

  for (const State& state : model.InitialStates()) add(state, VisitedSet::kNoParent);
  flush();

  const int threads = model.ThreadCount();
  const int property_count = static_cast<int>(properties.size());
  uint64_t next_report = 1u << 16;
  uint64_t depth = 0;
  uint64_t level_end = visited.size();
  uint64_t done = 0;
  bool stop = false;
  State state;
  while (!stop) {
    uint32_t index;
    if (depth_first) {
      if (stack.empty()) break;
      index = stack.back();
      stack.pop_back();
    } else {
      if (done == level_end) {
        flush();
        if (done == visited.size()) break;
        level_end = visited.size();
        ++depth;
      }
      index = static_cast<uint32_t>(done);
    }
    ++done;
    packer.Unpack(visited.State(index), internal::Words(state));
    const uint64_t before = result.transitions;
    for (int t = 0; t < threads; ++t) {
      model.ForEachSuccessor(
          state, t, [&](Action action, const State& next, Outcome outcome, const Effects& effects) {
            ++result.transitions;
            if (effects.violated & ~violated) {
              record(effects.violated, &violated, &violation, index, action);
              if (options.stop_at_violation && (effects.violated & never)) stop = true;
            }
            if (effects.witnessed) {
              if (effects.witnessed & ~witnessed) {
                record(effects.witnessed, &witnessed, &witness, index, action);
              }
              for (int p = 0; p < property_count; ++p) {
                result.verdicts[static_cast<size_t>(p)].witnesses += effects.witnessed >> p & 1;
              }
            }
            if (outcome != Outcome::kFault) add(next, index);
          });
    }
    if (result.transitions == before) {
      ++result.at_rest;
      record(model.AtRest(state), &violated, &violation, index, std::nullopt);
    }
    if (depth_first) flush();
    if (visited.size() >= max_states) {
      result.end = End::kStateLimit;
      break;
    }
    if (result.transitions >= next_report) {
      next_report = result.transitions + (1u << 16);
      if (visited.bytes_when_growing() > options.max_bytes) {
        result.end = End::kMemoryLimit;
        break;
      }
      if (options.interrupted != nullptr && options.interrupted->load(std::memory_order_relaxed)) {
        result.end = End::kInterrupted;
        break;
      }
      if (options.progress) {
        options.progress(Progress{visited.size(), result.transitions, depth, visited.size() - done,
                                  visited.bytes()});
      }
    }
  }
  flush();
  if (stop && result.end == End::kExhausted) result.end = End::kStopped;
  result.states = visited.size();
  result.depth = depth;
  result.bytes = visited.bytes();

  const auto path_of = [&](const Find& find, uint64_t v, uint64_t w) {
    if constexpr (requires { model.PathAlong(packer, std::span<const std::vector<uint64_t>>(), v, w); }) {
      std::vector<std::vector<uint64_t>> chain;
      for (uint32_t i = find.state; i != VisitedSet::kNoParent; i = visited.Parent(i)) {
        chain.emplace_back(visited.State(i), visited.State(i) + words);
      }
      std::reverse(chain.begin(), chain.end());
      return model.PathAlong(packer, std::span<const std::vector<uint64_t>>(chain), v, w);
    }
    Path path = PathTo(model, packer, visited, find.state);
    if (find.action) path.actions.push_back(*find.action);
    return path;
  };
  for (size_t i = 0; i < properties.size(); ++i) {
    const uint64_t bit = uint64_t{1} << i;
    Verdict& verdict = result.verdicts[i];
    const bool complete = result.end == End::kExhausted;
    if (properties[i].kind == PropertyKind::kSometimes) {
      verdict.status = (witnessed & bit) ? Status::kWitnessed
                       : complete        ? Status::kNotReached
                                         : Status::kIncomplete;
      if (witnessed & bit) verdict.path = path_of(witness[i], 0, bit);
    } else {
      verdict.status = (violated & bit) ? Status::kViolated
                       : complete       ? Status::kHolds
                                        : Status::kIncomplete;
      if (violated & bit) verdict.path = path_of(violation[i], bit, 0);
    }
  }
  return result;
}

// What a replay of a path saw.
struct Replayed {
  bool possible = false;  // every action was enabled where it was taken
  size_t steps = 0;       // actions taken; the first impossible one is actions[steps]
  uint64_t violated = 0;
  uint64_t witnessed = 0;
  bool rested = false;  // nothing more can happen in the last state
};

// Runs `path` on the model step by step. `visit`, if given, sees each action with the state before
// and the state after it, and what the step showed.
template <Model M, class Visit>
Replayed Replay(const M& model, const Path& path, Visit&& visit) {
  Replayed replayed;
  const auto& initial = model.InitialStates();
  if (path.initial >= initial.size()) return replayed;
  typename M::State state = initial[path.initial];
  bool fault = false;
  for (const Action action : path.actions) {
    if (fault || action.thread >= model.ThreadCount()) return replayed;
    const typename M::State before = state;
    Effects effects;
    const Outcome outcome = model.Apply(state, action, effects);
    if (outcome == Outcome::kBlocked || outcome == Outcome::kDisabled) return replayed;
    fault = outcome == Outcome::kFault;
    replayed.violated |= effects.violated;
    replayed.witnessed |= effects.witnessed;
    visit(action, before, state, effects);
    ++replayed.steps;
  }
  replayed.possible = true;
  if (!fault) {
    bool moved = false;
    for (int t = 0; t < model.ThreadCount(); ++t) {
      model.ForEachSuccessor(
          state, t,
          [&](Action, const typename M::State&, Outcome, const Effects&) { moved = true; });
    }
    replayed.rested = !moved;
    if (!moved) replayed.violated |= model.AtRest(state);
  }
  return replayed;
}

template <Model M>
Replayed Replay(const M& model, const Path& path) {
  return Replay(model, path, [](Action, const auto&, const auto&, const Effects&) {});
}

struct WalkOptions {
  uint64_t seed = 1;
  uint64_t walks = 1000;
  uint64_t max_steps = 10'000;  // of one walk
  const std::atomic<bool>* interrupted = nullptr;
};

struct WalkResult {
  std::vector<Verdict> verdicts;  // kHolds never: random walks prove nothing
  uint64_t walks = 0;
  uint64_t steps = 0;
  uint64_t at_rest = 0;  // walks that ended where nothing more happens
};

// Random walks: at each state one of the enabled actions, all equally likely. The same seed gives
// the same walks on every machine.
template <Model M>
WalkResult Walk(const M& model, const WalkOptions& options) {
  using State = typename M::State;
  const auto properties = model.Properties();
  WalkResult result;
  result.verdicts.resize(properties.size());
  for (Verdict& verdict : result.verdicts) verdict.status = Status::kIncomplete;
  uint64_t random = options.seed;
  const auto next_random = [&random] {
    // splitmix64.
    random += 0x9e3779b97f4a7c15u;
    uint64_t z = random;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  };
  const auto note = [&](uint64_t violated, uint64_t witnessed, const Path& path) {
    for (size_t i = 0; i < properties.size(); ++i) {
      Verdict& verdict = result.verdicts[i];
      const bool sometimes = properties[i].kind == PropertyKind::kSometimes;
      const bool hit = (sometimes ? witnessed : violated) >> i & 1;
      verdict.witnesses += witnessed >> i & 1;
      if (hit && verdict.status == Status::kIncomplete) {
        verdict.status = sometimes ? Status::kWitnessed : Status::kViolated;
        verdict.path = path;
      }
    }
  };
  for (; result.walks < options.walks; ++result.walks) {
    if (options.interrupted != nullptr && options.interrupted->load(std::memory_order_relaxed)) {
      break;
    }
    const auto& initial = model.InitialStates();
    Path path;
    path.initial = static_cast<uint32_t>(next_random() % initial.size());
    State state = initial[path.initial];
    for (uint64_t step = 0; step < options.max_steps; ++step) {
      // Reservoir sampling: one pass, no list of successors.
      uint64_t seen = 0;
      Action chosen;
      Effects shown;
      Outcome outcome = Outcome::kDisabled;
      State next;
      for (int t = 0; t < model.ThreadCount(); ++t) {
        model.ForEachSuccessor(
            state, t, [&](Action action, const State& s, Outcome o, const Effects& effects) {
              ++seen;
              if (next_random() % seen == 0) {
                chosen = action;
                shown = effects;
                outcome = o;
                next = s;
              }
            });
      }
      if (seen == 0) {
        ++result.at_rest;
        note(model.AtRest(state), 0, path);
        break;
      }
      path.actions.push_back(chosen);
      ++result.steps;
      note(shown.violated, shown.witnessed, path);
      if (outcome == Outcome::kFault) break;
      state = next;
    }
  }
  return result;
}

}  // namespace knotcheck::checker
