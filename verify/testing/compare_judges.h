// SPDX-License-Identifier: Apache-2.0
//
// Two judges of the same run: the properties as the system raises them, and the same once more over
// the run's history (model/testing/second_judge.h).

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "checker/path.h"
#include "model/testing/second_judge.h"
#include "verify/check.h"

namespace knotcheck::verify::testing {

// Where the judges do not agree about one property of one run.
struct Difference {
  std::string property;
  bool violated[2] = {};  // by the first judge and by the second
  bool reached[2] = {};
  std::string path;
  bool OfViolation() const { return violated[0] != violated[1]; }
  std::string ToString() const {
    const auto say = [](const bool both[2]) {
      return std::string(both[0] ? "yes" : "no") + "/" + (both[1] ? "yes" : "no");
    };
    return property + ": violated " + say(violated) + ", reached " + say(reached) + ", " + path;
  }
};

// A run that is judged by both as it grows.
class JudgedRun {
 public:
  explicit JudgedRun(const model::System& system) : system_(system), history_(system) {}

  bool Take(checker::Action action, int* arity = nullptr) {
    const auto shown = history_.Take(action.thread, action.choice);
    if (arity != nullptr) *arity = shown.arity;
    if (!shown.possible) return false;
    const Bits last = bits_.empty() ? Bits{} : bits_.back();
    bits_.push_back({last.violated | shown.violated, last.witnessed | shown.witnessed});
    path_.actions.push_back(action);
    return true;
  }
  void Undo() {
    history_.Undo();
    bits_.pop_back();
    path_.actions.pop_back();
  }
  const model::testing::History& history() const { return history_; }
  const checker::Path& path() const { return path_; }

  std::vector<Difference> Differences() const {
    const bool rested = history_.AtRest();
    Bits first = bits_.empty() ? Bits{} : bits_.back();
    if (rested) first.violated |= system_.BrokenAtRest(history_.state());
    std::vector<Difference> differences;
    for (size_t i = 0; i < system_.properties().size(); ++i) {
      const std::string& name = system_.properties()[i].name;
      const auto* judge = model::testing::FindJudge(name);
      if (judge == nullptr) continue;
      const auto second = model::testing::Judge(*judge, history_, rested);
      Difference d{name,
                   {(first.violated >> i & 1) != 0, second.violated},
                   {(first.witnessed >> i & 1) != 0, second.reached},
                   ""};
      // What is violated was reached, whatever shows it.
      for (int j = 0; j < 2; ++j) d.reached[j] |= d.violated[j];
      if (d.violated[0] == d.violated[1] && d.reached[0] == d.reached[1]) continue;
      d.path = checker::PathToString(path_);
      differences.push_back(d);
    }
    return differences;
  }

 private:
  struct Bits {
    uint64_t violated = 0;
    uint64_t witnessed = 0;
  };
  const model::System& system_;
  model::testing::History history_;
  std::vector<Bits> bits_;
  checker::Path path_;
};

// Both judges on one path, which must be possible; `possible`, if given, says whether it is.
inline std::vector<Difference> Compare(const Question& question, const checker::Path& path,
                                       bool* possible = nullptr) {
  JudgedRun run(question.system());
  for (const checker::Action action : path.actions) {
    const bool taken = !run.history().faulted() && run.Take(action);
    if (possible != nullptr) *possible = taken;
    if (!taken) return {};
  }
  if (possible != nullptr) *possible = true;
  return run.Differences();
}

// Both judges on one random walk, from `seed`, of at most `most_steps` steps.
inline std::vector<Difference> CompareWalk(const Question& question, uint64_t seed,
                                           int most_steps = 400) {
  std::mt19937_64 random(seed);
  const model::System& system = question.system();
  JudgedRun run(system);
  std::vector<int> threads(static_cast<size_t>(system.thread_count()));
  for (size_t t = 0; t < threads.size(); ++t) threads[t] = static_cast<int>(t);
  while (run.history().steps() < most_steps && !run.history().faulted()) {
    std::shuffle(threads.begin(), threads.end(), random);
    bool moved = false;
    for (const int thread : threads) {
      const auto t = static_cast<uint16_t>(thread);
      int arity = 1;
      // Some choice of this thread; from a random one on, all are tried.
      moved = run.Take({t, 0}, &arity);
      if (moved) {
        if (arity == 1) break;
        run.Undo();
        moved = false;
      }
      const auto first = static_cast<int>(random() % static_cast<uint64_t>(arity));
      for (int i = 0; i < arity && !moved; ++i) {
        moved = run.Take({t, static_cast<uint16_t>((first + i) % arity)});
      }
      if (moved) break;
    }
    if (!moved) break;
  }
  return run.Differences();
}

// Both judges on every run of a question, as long as there are no more than `most_runs`. A run ends
// where nothing more can happen, and where it comes to a state in which it was before.
class EveryRun {
 public:
  EveryRun(const Question& question, uint64_t most_runs,
           std::function<void(const Difference&)> report)
      : system_(question.system()), run_(system_), most_(most_runs), report_(std::move(report)) {}
  // How many runs there were; more than `most_runs`: not all were taken.
  uint64_t Go() {
    Extend();
    return runs_;
  }

 private:
  void Extend() {
    const model::State& state = run_.history().state();
    const bool again = std::any_of(way_.begin(), way_.end(),
                                   [&](const model::State& before) { return before == state; });
    bool moved = false;
    if (!again) {
      way_.push_back(state);
      moved = TakeEach();
      way_.pop_back();
    }
    if (moved) return;
    ++runs_;
    for (const Difference& difference : run_.Differences()) report_(difference);
  }
  bool TakeEach() {
    bool moved = false;
    for (int t = 0; t < system_.thread_count() && !run_.history().faulted(); ++t) {
      int arity = 1;
      for (int choice = 0; choice < arity && runs_ <= most_; ++choice) {
        if (!run_.Take({static_cast<uint16_t>(t), static_cast<uint16_t>(choice)}, &arity)) continue;
        moved = true;
        Extend();
        run_.Undo();
      }
    }
    return moved || runs_ > most_;
  }

  const model::System& system_;
  JudgedRun run_;
  std::vector<model::StateValue> way_;
  uint64_t most_;
  uint64_t runs_ = 0;
  std::function<void(const Difference&)> report_;
};

}  // namespace knotcheck::verify::testing
