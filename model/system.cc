// SPDX-License-Identifier: Apache-2.0

#include "model/system.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "model/coverage.h"

namespace knotcheck::model {

namespace {

std::vector<Field> Edited(std::vector<Field> fields,
                          const std::function<void(std::vector<Field>*)>& edit) {
  if (edit) edit(&fields);
  return fields;
}

}  // namespace

System::System(const Program& program, const Proposal& proposal, const Toggles& toggles,
               const std::function<void(std::vector<Field>*)>& edit)
    : program_(program),
      proposal_(proposal),
      toggles_(toggles),
      config_(ConfigFor(proposal, toggles)),
      layout_(program, proposal),
      fields_(Edited(FieldsOf(program, proposal, layout_), edit)),
      footprints_(program, proposal, config_),
      canonical_(program, proposal, layout_, fields_),
      initial_(layout_) {
  thread_count_ =
      static_cast<int>(program.tasks.size() + program.senders.size() + program.writers.size());
  for (const PropertyInfo& property : AllProperties()) {
    // A proposal without any hook of its own is the baseline.
    if (property.needs_proposal && proposal.functions.empty()) continue;
    if (property.proposal.empty() || property.proposal == proposal.name) {
      properties_.push_back(property);
    }
  }
  KNOT_CHECK(properties_.size() <= 64);
  const auto index = [this](EventSet PropertyInfo::*events) {
    std::vector<uint64_t> by_event(static_cast<size_t>(Event::kCount));
    for (size_t i = 0; i < properties_.size(); ++i) {
      (properties_[i].*events).ForEach([&](Event event) {
        by_event[static_cast<size_t>(event)] |= uint64_t{1} << i;
      });
      watched_ |= properties_[i].*events;
    }
    return by_event;
  };
  breaks_ = index(&PropertyInfo::broken_by);
  shows_ = index(&PropertyInfo::witness);
  for (size_t i = 0; i < properties_.size(); ++i) {
    if (properties_[i].broken_in == nullptr) continue;
    state_predicates_.emplace_back(uint64_t{1} << i, properties_[i].broken_in);
  }

  State& s = initial_;
  for (size_t t = 0; t < program.tasks.size(); ++t) {
    const TaskInfo& info = program.tasks[t];
    Task& task = s.tasks[t];
    task.files = info.files;
    if (!info.starts) continue;
    task.status = kAlive;
    // Standing at the first STEP of its user space.
    task.frames[0].function = static_cast<uint8_t>(
        info.kind == TaskKind::kSupervisor ? Fn::k_supervisor_mode : Fn::k_user_mode);
    task.frames[0].pc = 1;
    if (info.filtered) ++s.filter().users;
  }
  s.filter().notif = 1;
  s.filter().next_id = 1;
  s.filter().listener = 1;
  s.filter().references = 1;
  for (size_t f = 0; f < layout_.tables; ++f) {
    s.files[f] = {{kStdio, kStdio, kStdio, kSocket, kRegular, kLegacy, kNoFile, kNoFile}};
  }
  for (size_t i = 0; i < program.senders.size(); ++i) s.signals_left[i] = program.senders[i].count;
  for (size_t i = 0; i < program.writers.size(); ++i) s.writes_left[i] = program.writers[i].writes;
  s.globals().allocation_failures_left = program.allocation_failures;
  masks_.assign(layout_.bytes, 0);
  for (const Field& field : fields_) masks_[field.offset] |= field.mask;
  for (size_t t = 0; t < layout_.tasks; ++t) {
    // Where a task is, and what hangs on it.
    const size_t at = layout_.tasks_at + t * sizeof(Task);
    parts_.push_back(static_cast<uint32_t>(at));
    parts_.push_back(static_cast<uint32_t>(at + offsetof(Task, copied)));
  }
  for (const uint32_t at :
       {layout_.views_at, layout_.filters_at, layout_.registers_at, layout_.proposal_tasks_at}) {
    parts_.push_back(at);
  }
}

std::string System::ThreadName(int thread) const {
  size_t i = static_cast<size_t>(thread);
  if (i < program_.tasks.size()) return program_.tasks[i].name;
  i -= program_.tasks.size();
  if (i < program_.senders.size()) {
    return absl::StrCat("signal to ", program_.tasks[program_.senders[i].task].name);
  }
  return program_.writers[i - program_.senders.size()].name;
}

bool System::StepSender(State* state, int sender, TraceStep* trace) const {
  const SenderInfo& info = program_.senders[static_cast<size_t>(sender)];
  if (state->signals_left[sender] == 0) return false;
  Task& task = state->tasks[info.task];
  if (task.status != kAlive && task.status != kExiting) return false;
  if (info.count == kSignalsWithoutEnd) {
    // Also in user mode, where a supervisor's handler does nothing: whether it may come must not
    // depend on a step of its task that others take for one that they cannot tell.
    if (task.flags & kSigPending) return false;
  } else {
    --state->signals_left[sender];
  }
  const char* what = "is ignored";
  // complete_signal(): whose default action is to die kills all threads of the group.
  const auto kill_group = [&] {
    for (size_t t = 0; t < program_.tasks.size(); ++t) {
      Task& other = state->tasks[t];
      if (program_.tasks[t].group == program_.tasks[info.task].group &&
          (other.status == kAlive || other.status == kExiting)) {
        other.flags |= kSigkillPending;
      }
    }
  };
  switch (info.disposition) {
    case SenderInfo::Disposition::kIgnored:
      // sig_ignored(): the signal is dropped and nobody is woken.
      break;
    case SenderInfo::Disposition::kHandler:
    case SenderInfo::Disposition::kHandlerRestarts:
      // A program image made by execve has no handlers: the default action is to die. One that was
      // made in a handler has the signal blocked.
      if ((task.flags & kExeced) && !(task.flags & kInHandler)) {
        // wants_signal(): not a thread that exits.
        what = "waits: the thread exits";
        if (task.status == kExiting) break;
        kill_group();
        what = "kills: the new image has no handler";
      } else {
        task.flags |= kSigPending;
        what = "is pending";
      }
      break;
    case SenderInfo::Disposition::kFatal:
      kill_group();
      what = "kills";
      break;
  }
  if (trace != nullptr) {
    trace->task = -1;
    trace->function = "kill";
    trace->file = "kernel/signal.c";
    trace->statement = "send_signal_locked(sig, info, p, type)";
    trace->notes.push_back(absl::StrCat("a signal to ", program_.tasks[info.task].name, " ", what));
  }
  return true;
}

bool System::StepWriter(State* state, int writer, int choice, int* arity, TraceStep* trace) const {
  if (state->writes_left[writer] == 0) return false;
  *arity = 0;
  const uint8_t space = program_.writers[static_cast<size_t>(writer)].space;
  for (size_t w = 0; w < program_.words.size(); ++w) {
    const Word& word = program_.words[w];
    if (word.domain.size() < 2 || !program_.Reaches(space, word)) continue;
    const int first = *arity;
    *arity += static_cast<int>(word.domain.size());
    if (choice < first || choice >= *arity) continue;
    const Value value = word.domain[static_cast<size_t>(choice - first)];
    // What the most general peer may write, it may also write after this store.
    const Object& object = program_.objects[word.object];
    if (program_.values[value].unmapped) {
      // munmap(2) takes all of it.
      for (size_t each = object.first_word; each < object.first_word + size_t{object.words};
           ++each) {
        const Word& other = program_.words[each];
        if (!other.shared) state->memory[each] = value ^ other.domain[0];
      }
    } else if (!word.shared) {
      state->memory[w] = value ^ word.domain[0];
    }
    if (trace != nullptr) {
      trace->task = -1;
      trace->function = "(user mode)";
      trace->statement = "store";
      std::string target = object.name;
      if (object.words > 1 && !program_.values[value].unmapped) {
        absl::StrAppend(&target, "[", w - object.first_word, "]");
      }
      trace->notes.push_back(absl::StrCat(target, " = ", program_.values[value].text));
    }
  }
  if (choice >= *arity) return false;
  --state->writes_left[writer];
  return true;
}

System::Shown System::Step(State* state, int thread, int choice, TraceStep* trace,
                           Observations* observations) const {
  Shown shown;
  const int tasks = static_cast<int>(program_.tasks.size());
  const int senders = static_cast<int>(program_.senders.size());
  if (thread >= tasks + senders) {
    shown.possible = StepWriter(state, thread - tasks - senders, choice, &shown.arity, trace);
    return shown;
  }
  if (thread >= tasks) {
    shown.possible = choice == 0 && StepSender(state, thread - tasks, trace);
    return shown;
  }
  if (program_.traps_without_end && state->filter().next_id > program_.max_id) {
    canonical_.RenumberIds(state);
    KNOT_CHECK(state->filter().next_id <= program_.max_id);
  }
  Kernel kernel(program_, proposal_, config_);
  kernel.SetTrace(trace);
  kernel.SetCoverage(coverage_);
  kernel.SetObservations(observations);
  shown.possible = kernel.Step(state, thread, choice);
  shown.arity = kernel.arity();
  if (!shown.possible) return shown;
  shown.fault = kernel.faulted();
  shown.events = kernel.events();
  if (coverage_ != nullptr) [[unlikely]] {
    coverage_->steps.insert(kernel.taken());
    coverage_->events[&proposal_] |= shown.events;
  }
  (shown.events & watched_).ForEach([&](Event event) {
    shown.violated |= breaks_[static_cast<size_t>(event)];
    shown.witnessed |= shows_[static_cast<size_t>(event)];
    if (trace != nullptr) trace->events.push_back(event);
  });
  for (const auto& [bit, broken_in] : state_predicates_) {
    if (broken_in(program_, *state)) shown.violated |= bit;
  }
  return shown;
}

bool System::CanStep(const State& state, int thread, TraceStep* trace) const {
  int arity = 1;
  StateValue next = state;
  for (int choice = 0; choice < arity; ++choice) {
    next = state;
    const Shown shown = Step(&next, thread, choice, trace);
    if (shown.possible) return true;
    arity = shown.arity;
  }
  return false;
}

uint64_t System::BrokenAtRest(const State& state) const {
  uint64_t broken = 0;
  for (size_t i = 0; i < properties_.size(); ++i) {
    if (properties_[i].broken_at_rest != nullptr &&
        properties_[i].broken_at_rest(program_, state)) {
      broken |= uint64_t{1} << i;
    }
  }
  return broken;
}

}  // namespace knotcheck::model
