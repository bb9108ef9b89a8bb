// SPDX-License-Identifier: Apache-2.0

#include "model/system.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "model/coverage.h"

namespace knotcheck::model {
namespace {

// How many descriptor tables the program's tasks have.
size_t TablesOf(const Program& program) {
  size_t tables = 1;
  for (const TaskInfo& task : program.tasks) tables = std::max<size_t>(tables, task.files + 1u);
  return tables;
}

}  // namespace

System::System(const Program& program, const Proposal& proposal, Toggles toggles)
    : program_(program),
      proposal_(proposal),
      toggles_(toggles),
      footprints_(program, proposal, toggles),
      canonical_(program, proposal) {
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
    if (info.filtered) ++s.filter.users;
  }
  s.filter.notif = 1;
  s.filter.next_id = 1;
  s.filter.listener = 1;
  s.filter.references = 1;
  for (size_t f = 0; f < TablesOf(program); ++f) {
    const uint8_t begin[kMaxFds] = {kStdio, kStdio, kStdio, kSocket, kRegular, kLegacy, 0, 0};
    std::memcpy(s.files[f], begin, sizeof(begin));
  }
  for (size_t i = 0; i < program.senders.size(); ++i) s.signals_left[i] = program.senders[i].count;
  for (size_t i = 0; i < program.writers.size(); ++i) s.writes_left[i] = program.writers[i].writes;
  s.allocation_failures_left = program.allocation_failures;
  Describe();
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
  switch (info.disposition) {
    case SenderInfo::Disposition::kIgnored:
      // sig_ignored(): the signal is dropped and nobody is woken.
      break;
    case SenderInfo::Disposition::kHandler:
    case SenderInfo::Disposition::kHandlerRestarts:
      // A program image made by execve has no handlers: the default action is to die.
      if (task.flags & kExeced) {
        task.flags |= kSigkillPending;
        what = "kills: the new image has no handler";
      } else {
        task.flags |= kSigPending;
        what = "is pending";
      }
      break;
    case SenderInfo::Disposition::kFatal:
      for (size_t t = 0; t < program_.tasks.size(); ++t) {
        Task& other = state->tasks[t];
        if (program_.tasks[t].group == program_.tasks[info.task].group &&
            (other.status == kAlive || other.status == kExiting)) {
          other.flags |= kSigkillPending;
        }
      }
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
    if (word.domain.size() < 2 || program_.objects[word.object].space != space) continue;
    const int first = *arity;
    *arity += static_cast<int>(word.domain.size());
    if (choice < first || choice >= *arity) continue;
    const Value value = word.domain[static_cast<size_t>(choice - first)];
    // What the most general peer may write, it may also write after this store.
    if (!word.shared) state->memory[w] = value ^ word.domain[0];
    if (trace != nullptr) {
      const Object& object = program_.objects[word.object];
      trace->task = -1;
      trace->function = "(user mode)";
      trace->statement = "store";
      std::string target = object.name;
      if (object.words > 1) absl::StrAppend(&target, "[", w - object.first_word, "]");
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
  Kernel kernel(program_, proposal_, toggles_);
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

bool System::IsBlocked(const State& state, int thread) const {
  const int tasks = static_cast<int>(program_.tasks.size());
  const int senders = static_cast<int>(program_.senders.size());
  if (thread >= tasks + senders) return state.writes_left[thread - tasks - senders] == 0;
  if (thread >= tasks) return state.signals_left[thread - tasks] == 0;
  const StepInfo* const step = footprints_.StepAt(state, thread);
  if (step == nullptr) return true;
  const uint8_t owner = state.filter.notify_lock;
  if (step->touches & kLocks) return owner != 0 && owner != thread + 1;
  const Task& task = state.tasks[thread];
  const bool signal = (task.flags & kSigkillPending) != 0 ||
                      ((task.flags & kSigPending) != 0 && (task.flags & kInHandler) == 0);
  if (step->touches & kWaitsReady) return task.knotif.done == 0 && !signal;
  if (step->touches & kSleeps) return (task.flags & kOnWqh) != 0 && !signal;
  return false;
}

bool System::CanStep(const State& state, int thread, TraceStep* trace) const {
  int arity = 1;
  for (int choice = 0; choice < arity; ++choice) {
    State next = state;
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

void System::Describe() {
  const auto add = [this](const std::string& name, size_t offset, uint8_t mask) {
    if (mask != 0) fields_.push_back(Field{name, static_cast<uint32_t>(offset), mask});
  };
  const auto ones = [](size_t largest) {
    return static_cast<uint8_t>((1u << std::bit_width(largest)) - 1);
  };
  const uint8_t id = ones(program_.max_id + 1u);
  const uint8_t value = 0xff;
  for (size_t t = 0; t < program_.tasks.size(); ++t) {
    const TaskInfo& info = program_.tasks[t];
    const bool supervisor = info.kind == TaskKind::kSupervisor;
    const size_t at = offsetof(State, tasks) + t * sizeof(Task);
    const std::string name = absl::StrCat(info.name, ".");
    for (size_t f = 0; f < kMaxFrames; ++f) {
      const size_t frame = at + offsetof(Task, frames) + f * sizeof(Frame);
      const std::string frame_name = absl::StrCat(name, "frame", f);
      add(absl::StrCat(frame_name, ".function"), frame, 0x3f);
      add(absl::StrCat(frame_name, ".pc"), frame + 1, 0x1f);
    }
    for (size_t i = 0; i < kLocalBytes; ++i) {
      add(absl::StrCat(name, "local", i), at + offsetof(Task, locals) + i, 0xff);
    }
    add(absl::StrCat(name, "status"), at + offsetof(Task, status), 3);
    add(absl::StrCat(name, "flags"), at + offsetof(Task, flags), 0x3f);
    add(absl::StrCat(name, "op"), at + offsetof(Task, op), ones(info.ops.size()));
    add(absl::StrCat(name, "handler_op"), at + offsetof(Task, handler_op),
        info.handler.size() > 1 ? ones(info.handler.size()) : 0);
    add(absl::StrCat(name, "ret"), at + offsetof(Task, ret), 0xff);
    add(absl::StrCat(name, "files"), at + offsetof(Task, files), ones(TablesOf(program_) - 1));
    add(absl::StrCat(name, "chain"), at + offsetof(Task, chain), program_.installs ? 0xff : 0);
    for (size_t i = 0; i < 2; ++i) {
      add(absl::StrCat(name, "task_works", i), at + offsetof(Task, task_works) + i, 15);
      add(absl::StrCat(name, "running_works", i), at + offsetof(Task, running_works) + i, 15);
    }
    add(absl::StrCat(name, "ghost"), at + offsetof(Task, ghost), 0xff);
    add(absl::StrCat(name, "ghost_id"), at + offsetof(Task, ghost_id), id);
    add(absl::StrCat(name, "ghost_roles"), at + offsetof(Task, ghost_roles),
        ones((1u << kMaxRoles) - 1));
    add(absl::StrCat(name, "ghost_asked"), at + offsetof(Task, ghost_asked),
        supervisor ? 0 : ones((2u << kMaxRoles) - 1));
    for (size_t i = 0; i < kMaxCallFds; ++i) {
      add(absl::StrCat(name, "ghost_file", i), at + offsetof(Task, ghost_file) + i,
          supervisor ? 0 : 2 * kMaxFile + 1);
    }
    for (size_t i = 0; i < kMaxSeen; ++i) {
      add(absl::StrCat(name, "seen", i), at + offsetof(Task, seen) + i, value);
    }
    if (supervisor) {
      for (size_t i = 0; i < kMaxVariables; ++i) {
        add(absl::StrCat(name, "variable_id", i), at + offsetof(Task, variable_id) + i, id);
        add(absl::StrCat(name, "variable_task", i), at + offsetof(Task, variable_task) + i,
            ones(program_.tasks.size()));
        add(absl::StrCat(name, "variable_call", i), at + offsetof(Task, variable_call) + i, 0xff);
      }
      const size_t kaddfd = at + offsetof(Task, kaddfd);
      add(absl::StrCat(name, "kaddfd.listed"), kaddfd + offsetof(Kaddfd, listed), 1);
      add(absl::StrCat(name, "kaddfd.done"), kaddfd + offsetof(Kaddfd, done), 1);
      add(absl::StrCat(name, "kaddfd.ret"), kaddfd + offsetof(Kaddfd, ret), 0xff);
      continue;
    }
    for (size_t i = 0; i < 3; ++i) {
      add(absl::StrCat(name, "copied", i), at + offsetof(Task, copied) + i, value);
    }
    for (size_t i = 0; i < kMaxRoles && program_.nested; ++i) {
      add(absl::StrCat(name, "nested", i), at + offsetof(Task, nested) + i, value);
    }
    const size_t knotif = at + offsetof(Task, knotif);
    add(absl::StrCat(name, "knotif.state"), knotif + offsetof(Knotif, state), 3);
    add(absl::StrCat(name, "knotif.listed"), knotif + offsetof(Knotif, listed), 1);
    add(absl::StrCat(name, "knotif.id"), knotif + offsetof(Knotif, id), id);
    add(absl::StrCat(name, "knotif.flags"), knotif + offsetof(Knotif, flags), 7);
    add(absl::StrCat(name, "knotif.error"), knotif + offsetof(Knotif, error), 0xff);
    add(absl::StrCat(name, "knotif.val"), knotif + offsetof(Knotif, val), 0xff);
    add(absl::StrCat(name, "knotif.ready"), knotif + offsetof(Knotif, done), 0x0f);
    add(absl::StrCat(name, "knotif.addfd0"), knotif + offsetof(Knotif, addfd),
        ones(program_.tasks.size()));
    add(absl::StrCat(name, "knotif.addfd1"), knotif + offsetof(Knotif, addfd) + 1,
        ones(program_.tasks.size()));
  }
  const uint8_t roles = ones((1u << kMaxRoles) - 1);
  for (size_t v = 0; v < static_cast<size_t>(program_.views); ++v) {
    const size_t at = offsetof(State, views) + v * sizeof(View);
    const std::string name = absl::StrCat("view", v, ".");
    add(name + "flags", at + offsetof(View, flags), kViewReceived | kViewTruncated);
    add(name + "read", at + offsetof(View, read), roles);
    add(name + "shown", at + offsetof(View, shown), proposal_.verbs.empty() ? 0 : roles);
    add(name + "latest", at + offsetof(View, latest), proposal_.verbs.empty() ? 0 : roles);
    for (size_t i = 0; i < kMaxSeen; ++i) {
      add(absl::StrCat(name, "read", i), at + offsetof(View, read_words) + i, value);
      add(absl::StrCat(name, "shown", i), at + offsetof(View, shown_words) + i,
          proposal_.verbs.empty() ? 0 : value);
    }
  }
  const size_t filter = offsetof(State, filter);
  const uint8_t tasks = ones(program_.tasks.size());
  add("notify_lock", filter + offsetof(Filter, notify_lock), tasks);
  add("notif", filter + offsetof(Filter, notif), 1);
  add("next_id", filter + offsetof(Filter, next_id), id);
  add("requests", filter + offsetof(Filter, requests), 0x1f);
  add("users", filter + offsetof(Filter, users), tasks);
  add("notif.flags", filter + offsetof(Filter, flags), 1);
  add("listener", filter + offsetof(Filter, listener), 1);
  add("references", filter + offsetof(Filter, references), ones(program_.tasks.size() + 1));
  for (size_t f = 0; f < TablesOf(program_); ++f) {
    for (size_t fd = 0; fd < kMaxFds; ++fd) {
      add(absl::StrCat("files", f, ".fd", fd), offsetof(State, files) + f * kMaxFds + fd, kMaxFile);
    }
  }
  for (size_t w = 0; w < program_.words.size(); ++w) {
    const Word& word = program_.words[w];
    add(absl::StrCat("memory", w), offsetof(State, memory) + w,
        word.shared || word.stored_by == 0 ? 0 : value);
  }
  for (size_t i = 0; i < program_.senders.size(); ++i) {
    add(absl::StrCat("signals_left", i), offsetof(State, signals_left) + i,
        ones(program_.senders[i].count));
  }
  for (size_t i = 0; i < program_.writers.size(); ++i) {
    add(absl::StrCat("writes_left", i), offsetof(State, writes_left) + i,
        ones(program_.writers[i].writes));
  }
  add("allocation_failures_left", offsetof(State, allocation_failures_left),
      program_.allocation_failures != 0 ? ones(program_.allocation_failures) : 0);
  if (proposal_.describe != nullptr) proposal_.describe(program_, &fields_);
  for (size_t t = 0; t < program_.tasks.size(); ++t) {
    // Where a task is, and what hangs on it.
    const size_t at = offsetof(State, tasks) + t * sizeof(Task);
    parts_.push_back(static_cast<uint32_t>(at));
    parts_.push_back(static_cast<uint32_t>(at + offsetof(Task, copied)));
  }
  for (const size_t at :
       {offsetof(State, views), offsetof(State, filter), offsetof(State, proposal)}) {
    parts_.push_back(static_cast<uint32_t>(at));
  }
  masks_.assign(sizeof(State), 0);
  for (const Field& field : fields_) masks_[field.offset] |= field.mask;
}

}  // namespace knotcheck::model
