// SPDX-License-Identifier: Apache-2.0
//
// Runs a system step by step and writes its history down.

#pragma once

#include <algorithm>
#include <vector>

#include "model/testing/history.h"
#include "model/testing/history_calls.h"
#include "model/testing/history_notify.h"
#include "model/testing/history_pins.h"
#include "model/testing/room_judge.h"

namespace knotcheck::model::testing {

class History {
 public:
  // `system` must outlive it.
  explicit History(const System& system) : system_(system), states_{StateValue(system.initial())} {}

  // Takes one step. When it is not possible, nothing has happened.
  System::Shown Take(int thread, int choice) {
    StateValue next = states_.back();
    TraceStep shown;
    Observations observations;
    const System::Shown step = system_.Step(&next, thread, choice, &shown, &observations);
    if (!step.possible) return step;
    const auto tasks = static_cast<int>(system_.program().tasks.size());
    const Moment moment{system_,
                        static_cast<int>(states_.size()) - 1,
                        thread < tasks ? thread : -1,
                        states_.back(),
                        next,
                        shown,
                        observations,
                        step.fault};
    marks_.push_back(facts_.size());
    if (moment.task >= 0) Note(moment);
    states_.push_back(next);
    faulted_ = step.fault;
    return step;
  }
  // As if the last step had not been taken.
  void Undo() {
    facts_.resize(marks_.back(), Fact{What::kLocked});
    marks_.pop_back();
    states_.pop_back();
    faulted_ = false;
  }

  const System& system() const { return system_; }
  const Program& program() const { return system_.program(); }
  const std::vector<Fact>& facts() const { return facts_; }
  const State& state() const { return states_.back(); }
  int steps() const { return static_cast<int>(marks_.size()); }
  bool faulted() const { return faulted_; }
  // Whether nothing more can happen.
  bool AtRest() const {
    if (faulted_) return false;
    for (int t = 0; t < system_.thread_count(); ++t) {
      if (system_.CanStep(states_.back(), t)) return false;
    }
    return true;
  }

 private:
  void Note(const Moment& m) {
    LockFacts(m, &facts_);
    if (m.info().kind == TaskKind::kSupervisor) {
      RecvFacts(m, &facts_);
      SendFacts(m, &facts_);
      AddfdFacts(m, &facts_);
      ReadLookFacts(m, &facts_);
    } else {
      CountFacts(m, &facts_);
      DescriptorFacts(m, &facts_);
      TableFacts(m, &facts_);
      ResultFacts(m, &facts_);
    }
    // A record serves a call before the call acts, returns, or leaves.
    KaddfdFacts(m, &facts_);
    if (m.pins()) PinFacts(m, &facts_);
    for (const RoomJudge* room : RoomJudges()) {
      if (std::strcmp(room->proposal, system_.proposal().name) == 0) room->facts(m, &facts_);
    }
    FetchFacts(m, &facts_);
    NotificationFacts(m, &facts_);
    TaskFacts(m, &facts_);
  }

  const System& system_;
  std::vector<StateValue> states_;
  std::vector<Fact> facts_;
  std::vector<size_t> marks_;  // how many facts there were before each step
  bool faulted_ = false;
};

}  // namespace knotcheck::model::testing
