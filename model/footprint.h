// SPDX-License-Identifier: Apache-2.0
//
// What the next step of a thread touches, and what a thread has for itself, as bit sets over the
// parts of the state that are not guarded by notify_lock. Made from the Touch bits of each STEP
// and from what the program can do at all; verify/reductions_test.cc holds them
// against the steps.

#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "model/config.h"
#include "model/dead_variables.h"
#include "model/kernel/kernel.h"
#include "model/program.h"
#include "model/proposal.h"
#include "model/state.h"

namespace knotcheck::model {

// As checker::Footprint and checker::Hold, which mean the same for any model.
struct StepFootprint {
  uint64_t reads = 0;
  uint64_t writes = 0;
  uint64_t acquires = 0;
  uint64_t releases = 0;
};
struct ThreadHold {
  uint64_t exclusive = 0;
  uint64_t stable = 0;
};

// Built once for a program, then only read.
class Footprints {
 public:
  // `program` and `proposal` must outlive it.
  Footprints(const Program& program, const Proposal& proposal, const Config& config);

  // `thread` as in System: tasks, then signal senders, then writers. Nothing for a thread that has
  // no step to take.
  StepFootprint Of(const State& state, int thread) const;
  // As Kernel::NextStep().
  const StepInfo* StepAt(const State& state, int task) const {
    const Task& me = state.tasks[static_cast<size_t>(task)];
    if (me.status == kNotStarted || me.status == kDead) return nullptr;
    const Frame& frame = me.frames[TopFrame(me)];
    const StepInfo* const step =
        steps_[frame.function * 32u + frame.pc].load(std::memory_order_relaxed);
    return step != nullptr ? step : FindStep(state, task);
  }

  // The fields that a step of `thread` changed although its footprint names no resource that they
  // are, and they are not its own; as Difference(). Nothing is right.
  std::string Undeclared(const std::vector<Field>& fields, const State& before, int thread,
                         const State& after) const;

  // `of`: the resources that are asked about; what is said of others may be nothing.
  ThreadHold HoldOf(const State& state, int thread, uint64_t of = ~uint64_t{0}) const;

 private:
  const StepInfo* FindStep(const State& state, int task) const;
  StepFootprint OfTask(const State& state, int task) const;
  // The task whose life the next step of `task` looks at; -1: it may be any.
  int TaskAtHand(const State& state, int task) const;
  // Whether a supervisor's variable or ioctl names `task`.
  bool IsNamed(const State& state, int task) const;
  // Whether a trapped task waits for a reply and nothing but a reply ends that.
  bool OnlyWaitsForReply(const State& state, int task) const;
  // Whether a reply is accepted that nobody can take back any more.
  bool IsAnsweredForGood(const State& state, int task) const;
  uint64_t WrittenByOp(const std::vector<Op>& ops, size_t at) const;
  // What a supervisor that chooses an ioctl may touch with the ioctl's first step.
  StepFootprint OfChoice(const State& state, int task) const;
  // The signals of all threads of a group.
  uint64_t SignalsOfGroup(uint8_t group) const;
  uint64_t LivesOfGroup(uint8_t group) const;
  // Whether a signal can still come to `task`; `fatal`: one that kills it.
  bool MayBeSignalled(const State& state, int task, bool fatal) const;

  const Program& program_;
  const Proposal& proposal_;
  const Config& config_;
  DeadVariables dead_;
  bool in_doubt_ = false;         // with a mutation: every step touches everything
  bool completes_often_ = false;  // n.ready may come to kMostCompletions
  bool shows_lock_ = false;       // an ioctl may give up waiting for notify_lock
  bool shares_files_ = false;     // some descriptor table has several users
  bool stores_ = false;           // some script or call stores to words that reads look at
  bool stores_remotely_ = false;  // a supervisor does, and looks whether its target lives
  bool executes_ = false;         // some target calls execve
  bool one_supervisor_ = false;
  // By function and program counter, filled in as they are met.
  mutable std::array<std::atomic<const StepInfo*>, 64 * 32> steps_{};
  std::vector<uint64_t> script_writes_;  // by task: by any op of its script
  std::vector<bool> chooses_;            // by task: a supervisor whose script has choices
  std::vector<bool> can_be_killed_;      // by task: by a script, an exec or an exit of its group
};

}  // namespace knotcheck::model
