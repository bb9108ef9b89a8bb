// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "model/property.h"
#include "model/system.h"
#include "verify/kernel_model.h"

namespace knotcheck::verify {

// Obligation i: task tasks()[i] is owed what `property` says. All tasks must get their turns, but
// for adversaries in user mode; senders of signals and writers need not do anything.
class OwingModel : public KernelModel {
 public:
  // `system` must outlive the model; `property` is one of its own, with `owed`.
  OwingModel(const model::System& system, const model::PropertyInfo& property);

  const std::vector<int>& tasks() const { return tasks_; }
  int ObligationCount() const { return static_cast<int>(tasks_.size()); }
  uint64_t Pending(const uint64_t* state) const;
  uint64_t FairThreads(const uint64_t* state) const;
  // As KernelModel's. Where ids come without end they are numbered anew after each step: nothing
  // else reduces what is searched for starvation. And to targets that are owed something signals
  // without end come in seccomp_do_user_notification() only: between two instructions they could
  // keep any program from its next one.
  checker::Outcome Apply(uint64_t* state, checker::Action action, checker::StateStack& scratch,
                         checker::Effects& effects) const {
    if (!MayStep(state, action.thread)) return checker::Outcome::kDisabled;
    const checker::Outcome outcome = KernelModel::Apply(state, action, scratch, effects);
    Renumber(state);
    return outcome;
  }
  template <class Fn>
  void ForEachSuccessor(const uint64_t* state, int thread, checker::StateStack& scratch,
                        Fn&& fn) const {
    if (!MayStep(state, thread)) return;
    const checker::StateBuffer buffer(scratch);
    KernelModel::ForEachSuccessor(state, thread, scratch,
                                  [&](checker::Action action, const uint64_t* next,
                                      checker::Outcome outcome, const checker::Effects& effects) {
                                    if (system().program().traps_without_end) {
                                      std::copy_n(next, StateWords(), buffer.words());
                                      Renumber(buffer.words());
                                      next = buffer.words();
                                    }
                                    fn(action, next, outcome, effects);
                                  });
  }

 private:
  bool MayStep(const uint64_t* state, int thread) const;
  void Renumber(uint64_t* state) const {
    if (!system().program().traps_without_end) return;
    model::State view = View(state);
    system().canonical().RenumberIds(&view);
  }

  bool (*owed_)(const model::Program&, const model::State&, int);
  std::vector<int> tasks_;
  uint64_t always_fair_ = 0;
  std::vector<int> adversaries_;
};

}  // namespace knotcheck::verify
