// SPDX-License-Identifier: Apache-2.0
//
// One state for many that behave alike: states that differ in which of several identical tasks is
// where, in the numbers of notifications and kernel objects, or in what nobody reads again.

#pragma once

#include <cstdint>
#include <vector>

#include "model/dead_variables.h"
#include "model/program.h"
#include "model/proposal.h"
#include "model/state.h"

namespace knotcheck::model {

// Built once for a program, then only read.
class Canonical {
 public:
  // `program` and `proposal` must outlive it. Which tasks are identical is found by comparing
  // scripts, signals, descriptor tables and thread groups: exchanging two identical tasks leaves
  // the program as it is.
  Canonical(const Program& program, const Proposal& proposal);

  // Replaces *state by the representative of its class. `permute`: identical tasks are
  // exchanged for each other. `rename`: ids are replaced by their ranks, objects numbered by their
  // first use, and dead variables cleared. The representative is exact but where more tasks are
  // alike than kMostPermutations allows to try: then some states of a class stay apart.
  void Apply(State* state, bool permute, bool rename) const;

  // How many states the identical tasks make of this one.
  uint64_t OrbitSize(const State& state) const;

  // Tasks by class; only classes of two or more.
  const std::vector<std::vector<int>>& classes() const { return classes_; }

  static constexpr uint64_t kMostPermutations = 720;

 private:
  // Where each task goes.
  using Permutation = int[kMaxTasks];

  bool Interchangeable(size_t a, size_t b) const;
  void ClearDead(State* state) const;
  void RenumberIds(State* state) const;
  void Permute(const State& from, const Permutation& to, State* result) const;
  // Returns, as bits, the tasks that something outside them names or belongs to.
  uint32_t Sign(const State& state, uint64_t* signatures) const;
  // Whether two tasks of a class differ in nothing of their own.
  bool Equal(const State& state, int a, int b) const;
  void Best(State* state, bool rename) const;

  const Program& program_;
  const Proposal& proposal_;
  ProposalReferences references_;
  std::vector<std::vector<int>> classes_;
  DeadVariables dead_;
  bool renumbers_ = true;
  // By task: its senders, in their order.
  std::vector<std::vector<int>> senders_;
};

}  // namespace knotcheck::model
