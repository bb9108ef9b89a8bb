// SPDX-License-Identifier: Apache-2.0
//
// One state for many that behave alike: states that differ in which of several identical tasks is
// where, in the numbers of notifications and kernel objects, or in what nobody reads again.

#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "model/dead_variables.h"
#include "model/program.h"
#include "model/proposal.h"
#include "model/state.h"

namespace knotcheck::model {

// Built once for a program, then only read.
class Canonical {
 public:
  // `program`, `proposal` and `layout` must outlive it. Which tasks are identical is found by
  // comparing scripts, signals, descriptor tables and thread groups: exchanging two identical tasks
  // leaves the program as it is.
  Canonical(const Program& program, const Proposal& proposal, const Layout& layout,
            const std::vector<Field>& fields);

  // Replaces *state by the representative of its class. `permute`: identical tasks are
  // exchanged for each other. `rename`: ids are replaced by their ranks, objects numbered by their
  // first use, and dead variables cleared. The representative is exact but where more tasks are
  // alike than kMostPermutations allows to try: then some states of a class stay apart.
  void Apply(State* state, bool permute, bool rename) const;

  // Gives the notifications that something in *state names the numbers from 1 on, in their order.
  void RenumberIds(State* state) const;

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
  void Permute(const State& from, const Permutation& to, State* result) const;
  // Returns, as bits, the tasks that something outside them names or belongs to.
  uint32_t Sign(const State& state, uint64_t* signatures) const;
  // Compares two tasks of a class by what they have of their own, without the names of tasks and
  // objects: below, at or above 0.
  int CompareOwn(const State& state, int a, int b) const;
  // Whether two tasks of a class differ in nothing of their own.
  bool Equal(const State& state, int a, int b) const;
  void Best(State* state, bool rename) const;

  // A byte of the state that names a task.
  struct NameAt {
    uint32_t offset;
    Names names;
  };
  // What names notifications, and what names tasks.
  struct NamesAt {
    std::vector<uint32_t> ids;
    std::vector<NameAt> tasks;
  };
  // Likewise of the locals of one function, as bytes of them.
  struct NamingLocals {
    uint8_t local_bytes = 0;
    std::vector<uint8_t> ids;
    std::vector<std::pair<uint8_t, Names>> tasks;
  };
  template <class S, class Fn>
  void ForEachId(S& state, size_t t, Fn&& fn) const;
  template <class T, class Fn>
  void ForEachLocalTaskName(T& task, Fn&& fn) const;
  template <class S, class Fn>
  void ForEachTaskName(S& state, size_t t, Fn&& fn) const;

  const Program& program_;
  const Proposal& proposal_;
  const Layout& layout_;
  // Of each task, its part of the proposal's included; of nobody.
  std::vector<NamesAt> task_names_;
  NamesAt names_;
  std::vector<uint32_t> next_ids_;
  // Bytes that lead to objects of the proposal, and the task whose they are.
  std::vector<std::pair<size_t, uint32_t>> objects_;
  // Of each task: what is left of its bytes without names of other tasks and of objects.
  std::vector<std::array<uint64_t, (sizeof(Task) + 7) / 8>> plain_;
  // Likewise, of each of Layout::TaskParts().
  std::array<std::vector<std::vector<uint64_t>>, 2> plain_part_;
  std::array<NamingLocals, 256> naming_;  // by number of a function
  std::vector<std::vector<int>> classes_;
  uint32_t movable_ = 0;  // bit t: task t is of a class
  DeadVariables dead_;
  bool renumbers_ = true;
  // By task: its senders, in their order.
  std::vector<std::vector<int>> senders_;
};

}  // namespace knotcheck::model
