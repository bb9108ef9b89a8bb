// SPDX-License-Identifier: Apache-2.0
//
// A program under a proposal and a kernel, as threads that take steps: the whole model behind one
// class. It knows nothing of how it is searched.

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "model/canonical.h"
#include "model/config.h"
#include "model/footprint.h"
#include "model/kernel/kernel.h"
#include "model/program.h"
#include "model/property.h"
#include "model/proposal.h"
#include "model/state.h"

namespace knotcheck::model {

// A model is built once and then only read; Program and Proposal must outlive it.
class System {
 public:
  // `edit` changes the rows of the state before anything is made of them; for tests.
  System(const Program& program, const Proposal& proposal, const Toggles& toggles,
         const std::function<void(std::vector<Field>*)>& edit = nullptr);

  const Program& program() const { return program_; }
  const Proposal& proposal() const { return proposal_; }
  const Toggles& toggles() const { return toggles_; }
  // What of them concerns this proposal.
  const Config& config() const { return config_; }

  const State& initial() const { return initial_; }

  // Threads: the tasks, then the signal senders, then the writers.
  int thread_count() const { return thread_count_; }
  std::string ThreadName(int thread) const;

  // The properties that apply, by name; bit i of Step's results is properties()[i].
  const std::vector<PropertyInfo>& properties() const { return properties_; }

  struct Shown {
    bool possible = false;
    bool fault = false;
    int arity = 1;           // how many outcomes the step has
    uint64_t violated = 0;   // property bits
    uint64_t witnessed = 0;  // property bits
    EventSet events;
  };
  // Takes one step of a thread. When it is not possible, *state is garbage.
  Shown Step(State* state, int thread, int choice, TraceStep* trace = nullptr,
             Observations* observations = nullptr) const;
  // Whether it is plain that a thread has no step to take. It may have none all the same. Inlined
  // for the same reason as State's constructor: it looks at two or three parts of the state.
  [[gnu::always_inline]] bool IsBlocked(const State& state, int thread) const {
    const int tasks = static_cast<int>(program_.tasks.size());
    const int senders = static_cast<int>(program_.senders.size());
    if (thread >= tasks + senders) return state.writes_left[thread - tasks - senders] == 0;
    if (thread >= tasks) return state.signals_left[thread - tasks] == 0;
    const StepInfo* const step = footprints_.StepAt(state, thread);
    if (step == nullptr) return true;
    const uint8_t owner = state.filter().notify_lock;
    if (step->touches & kLocks) return owner != 0 && owner != thread + 1;
    const Task& task = state.tasks[thread];
    const bool signal = (task.flags & kSigkillPending) != 0 ||
                        ((task.flags & kSigPending) != 0 && (task.flags & kInHandler) == 0);
    if (step->touches & kWaitsReady) return task.knotif.ready == 0 && !signal;
    if (step->touches & kSleeps) return (task.flags & kOnWqh) != 0 && !signal;
    return false;
  }
  // Whether a thread has any step to take.
  bool CanStep(const State& state, int thread, TraceStep* trace = nullptr) const;
  // Steps are noted there from now on; by one thread at a time.
  void Record(Coverage* coverage) { coverage_ = coverage; }
  // See model/footprint.h.
  const Footprints& footprints() const { return footprints_; }
  // See Footprints::Undeclared().
  std::string Undeclared(const State& before, int thread, const State& after) const {
    return footprints_.Undeclared(fields_, before, thread, after);
  }
  // See model/canonical.h.
  const Canonical& canonical() const { return canonical_; }
  // Property bits that are broken when nothing more can happen in this state.
  uint64_t BrokenAtRest(const State& state) const;

  const Layout& layout() const { return layout_; }
  const std::vector<Field>& fields() const { return fields_; }
  // The bits of each byte of the state that can be set.
  const std::vector<uint8_t>& masks() const { return masks_; }
  // Bytes of the state at which something begins that mostly changes by itself.
  const std::vector<uint32_t>& parts() const { return parts_; }

 private:
  bool StepSender(State* state, int sender, TraceStep* trace) const;
  bool StepWriter(State* state, int writer, int choice, int* arity, TraceStep* trace) const;

  const Program& program_;
  const Proposal& proposal_;
  Toggles toggles_;
  Config config_;
  Layout layout_;
  std::vector<Field> fields_;
  Footprints footprints_;
  Canonical canonical_;
  StateValue initial_;
  int thread_count_;
  std::vector<PropertyInfo> properties_;
  // By event: the properties that it breaks or witnesses.
  std::vector<uint64_t> breaks_;
  std::vector<uint64_t> shows_;
  EventSet watched_;  // events that some property looks at
  Coverage* coverage_ = nullptr;
  std::vector<uint8_t> masks_;
  std::vector<uint32_t> parts_;
  // Those that have one.
  std::vector<std::pair<uint64_t, bool (*)(const Program&, const State&)>> state_predicates_;
};

}  // namespace knotcheck::model
