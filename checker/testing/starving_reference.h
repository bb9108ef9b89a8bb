// SPDX-License-Identifier: Apache-2.0
//
// The reference for liveness: a std::map from whole states and nested fixpoints, no packing and no
// components. Slow, and linked only into tests.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "checker/liveness.h"

namespace knotcheck::checker::testing {

// By E. A. Emerson, C.-L. Lei, Efficient model checking in fragments of the propositional
// mu-calculus, LICS 1986: the greatest set of pending states from each of which a path inside the
// set meets the demand of every thread and goes on. Where nothing must happen, the run may stay,
// so such a state leads to itself by a step of nobody.
class StarvingReference {
 public:
  template <LivenessModel M>
  explicit StarvingReference(const M& any) : threads_(any.ThreadCount()) {
    const auto& model = UntypedOf(any);
    const size_t words = model.StateWords();
    StateStack scratch(words);
    std::map<std::vector<uint64_t>, size_t> numbers;
    std::vector<const uint64_t*> queue;
    const auto number = [&](const uint64_t* s) {
      const auto [at, fresh] = numbers.emplace(std::vector<uint64_t>(s, s + words), queue.size());
      if (fresh) queue.push_back(at->first.data());
      return at->second;
    };
    for (size_t i = 0; i < InitialCount(model); ++i) number(InitialState(model, i));
    for (size_t i = 0; i < queue.size(); ++i) {
      const uint64_t* const s = queue[i];
      Node node;
      node.pending = model.Pending(s);
      for (int t = 0; t < threads_; ++t) {
        model.ForEachSuccessor(s, t, scratch,
                               [&](Action, const uint64_t* next, Outcome outcome, const Effects&) {
                                 node.must |= model.FairThreads(s) & uint64_t{1} << t;
                                 if (outcome != Outcome::kFault)
                                   node.steps.push_back({number(next), t});
                               });
      }
      if (node.must == 0) node.steps.push_back({i, -1});
      nodes_.push_back(std::move(node));
    }
  }

  size_t states() const { return nodes_.size(); }

  // Whether some state can starve the obligation for ever.
  bool Starved(int obligation) const {
    std::vector<bool> stay(nodes_.size());
    for (size_t i = 0; i < nodes_.size(); ++i) stay[i] = nodes_[i].pending >> obligation & 1;
    for (bool changed = true; changed;) {
      changed = false;
      // Thread -1: nothing is demanded but to go on.
      for (int t = -1; t < threads_; ++t) {
        const std::vector<bool> met = Meets(stay, t);
        for (size_t i = 0; i < nodes_.size(); ++i) {
          if (!stay[i] || met[i]) continue;
          stay[i] = false;
          changed = true;
        }
      }
    }
    for (const bool starving : stay) {
      if (starving) return true;
    }
    return false;
  }

 private:
  struct Step {
    size_t to;
    int thread;  // -1: of nobody
  };
  struct Node {
    std::vector<Step> steps;
    uint64_t pending = 0;
    uint64_t must = 0;
  };

  // From which states of `stay` a path inside it comes to a step of thread t, or to a step from a
  // state in which t need not step.
  std::vector<bool> Meets(const std::vector<bool>& stay, int t) const {
    std::vector<bool> met(nodes_.size());
    for (bool changed = true; changed;) {
      changed = false;
      // Later states are farther from the beginning, so backwards takes fewer rounds.
      for (size_t i = nodes_.size(); i-- > 0;) {
        if (!stay[i] || met[i]) continue;
        for (const Step& step : nodes_[i].steps) {
          if (!stay[step.to]) continue;
          const bool here = t < 0 || step.thread == t || !(nodes_[i].must >> t & 1);
          if (!here && !met[step.to]) continue;
          met[i] = true;
          changed = true;
          break;
        }
      }
    }
    return met;
  }

  int threads_;
  std::vector<Node> nodes_;
};

}  // namespace knotcheck::checker::testing
