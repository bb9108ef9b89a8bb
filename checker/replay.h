// SPDX-License-Identifier: Apache-2.0
//
// Runs of a model that are no search: a given path again, and random walks.

#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "checker/chain.h"
#include "checker/model.h"
#include "checker/pack.h"
#include "checker/path.h"
#include "checker/result.h"
#include "checker/typed.h"

namespace knotcheck::checker {

// What a replay of a path saw.
struct Replayed {
  bool possible = false;  // every action was enabled where it was taken
  size_t steps = 0;       // actions taken; the first impossible one is actions[steps]
  uint64_t violated = 0;
  uint64_t witnessed = 0;
  bool rested = false;  // nothing more can happen in the last state
};

// Runs `path` on the model step by step. `visit`, if given, sees each action with the words of the
// state before and of the state after it, and what the step showed.
template <AnyModel M, class Visit>
Replayed Replay(const M& any, const Path& path, Visit&& visit) {
  const auto& model = UntypedOf(any);
  Replayed replayed;
  if (path.initial >= InitialCount(model)) return replayed;
  StateStack scratch(model.StateWords());
  const StateBuffer state(scratch, InitialState(model, path.initial));
  StateBuffer before(scratch);
  bool fault = false;
  for (const Action action : path.actions) {
    if (fault || action.thread >= model.ThreadCount()) return replayed;
    before.Copy(state.words());
    Effects effects;
    const Outcome outcome = model.Apply(state.words(), action, scratch, effects);
    if (outcome == Outcome::kBlocked || outcome == Outcome::kDisabled) return replayed;
    fault = outcome == Outcome::kFault;
    replayed.violated |= effects.violated;
    replayed.witnessed |= effects.witnessed;
    visit(action, static_cast<const uint64_t*>(before.words()),
          static_cast<const uint64_t*>(state.words()), effects);
    ++replayed.steps;
  }
  replayed.possible = true;
  if (!fault) {
    bool moved = false;
    for (int t = 0; t < model.ThreadCount(); ++t) {
      model.ForEachSuccessor(
          state.words(), t, scratch,
          [&](Action, const uint64_t*, Outcome, const Effects&) { moved = true; });
    }
    replayed.rested = !moved;
    if (!moved) replayed.violated |= model.AtRest(state.words());
  }
  return replayed;
}

template <AnyModel M>
Replayed Replay(const M& model, const Path& path) {
  return Replay(model, path, [](Action, const uint64_t*, const uint64_t*, const Effects&) {});
}

struct WalkOptions {
  uint64_t seed = 1;
  uint64_t walks = 1000;
  uint64_t max_steps = 10'000;  // of one walk
  const std::atomic<bool>* interrupted = nullptr;
  std::function<void(uint64_t walks)> progress;  // called before each walk with those that are done
};

struct WalkResult {
  std::vector<Verdict> verdicts;  // kHolds never: random walks prove nothing
  uint64_t walks = 0;
  uint64_t steps = 0;
  uint64_t at_rest = 0;  // walks that ended where nothing more happens
  // Different states that the walks came to, by a 64-bit hash, and those that they came to once.
  // Counted until there are kMostDistinct.
  uint64_t distinct = 0;
  uint64_t once = 0;
  uint64_t visits = 0;

  static constexpr uint64_t kMostDistinct = 1u << 21;

  // The probability that a further step of such walks leads to a state that none came to (Good
  // 1953, "The population frequencies of species").
  double Unseen() const {
    return visits == 0 ? 1 : static_cast<double>(once) / static_cast<double>(visits);
  }
};

// Random walks: at each state one of the enabled actions, all equally likely. The same seed gives
// the same walks on every machine.
template <AnyModel M>
WalkResult Walk(const M& any, const WalkOptions& options) {
  const auto& model = UntypedOf(any);
  const size_t words = model.StateWords();
  StateStack scratch(words);
  std::vector<uint64_t> state(words);
  std::vector<uint64_t> next(words);
  const auto& properties = model.Properties();
  WalkResult result;
  result.verdicts.resize(properties.size());
  for (Verdict& verdict : result.verdicts) verdict.status = Status::kIncomplete;
  std::unordered_map<uint64_t, bool> seen_once;
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
    if (options.progress) options.progress(result.walks);
    Path path;
    path.initial = static_cast<uint32_t>(next_random() % InitialCount(model));
    std::copy_n(InitialState(model, path.initial), words, state.begin());
    for (uint64_t step = 0; step < options.max_steps; ++step) {
      // Reservoir sampling: one pass, no list of successors.
      uint64_t seen = 0;
      Action chosen;
      Effects shown;
      Outcome outcome = Outcome::kDisabled;
      for (int t = 0; t < model.ThreadCount(); ++t) {
        model.ForEachSuccessor(
            state.data(), t, scratch,
            [&](Action action, const uint64_t* s, Outcome o, const Effects& effects) {
              ++seen;
              if (next_random() % seen == 0) {
                chosen = action;
                shown = effects;
                outcome = o;
                std::copy_n(s, words, next.begin());
              }
            });
      }
      if (seen == 0) {
        ++result.at_rest;
        note(model.AtRest(state.data()), 0, path);
        break;
      }
      path.actions.push_back(chosen);
      ++result.steps;
      note(shown.violated, shown.witnessed, path);
      if (outcome == Outcome::kFault) break;
      state.swap(next);
      if (seen_once.size() < WalkResult::kMostDistinct) {
        const auto [at, fresh] =
            seen_once.emplace(base::HashWords(state.data(), static_cast<int>(words)), true);
        ++result.visits;
        result.distinct += fresh;
        if (fresh) ++result.once;
        if (!fresh && at->second) {
          at->second = false;
          --result.once;
        }
      }
    }
  }
  return result;
}

}  // namespace knotcheck::checker
