// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <bit>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "trace/trace.h"

namespace knotcheck::trace {
namespace {

absl::Status CannotBeTaken(const checker::Path& path, size_t steps) {
  if (path.initial != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the path begins with initial state ", path.initial, ", expected 0: there is only one"));
  }
  checker::Path step;
  step.actions.push_back(path.actions[steps]);
  return absl::InvalidArgumentError(
      absl::StrCat("the path cannot be taken: after ", steps, " of its ", path.actions.size(),
                   " steps, '", checker::PathToString(step).substr(2), "' is not possible"));
}

absl::StatusOr<verify::Run> RunOf(const verify::Question& question, const checker::Path& path) {
  if (path.actions.size() > kMaxTraceSteps) {
    return absl::InvalidArgumentError(absl::StrCat("the path has ", path.actions.size(),
                                                   " steps, expected at most ", kMaxTraceSteps));
  }
  verify::Run run = verify::Trace(question.system(), path);
  if (!run.possible) return CannotBeTaken(path, run.steps.size());
  return run;
}

absl::StatusOr<std::unique_ptr<verify::Question>> Ask(const TraceSubject& subject, int writes) {
  lang::CompileOptions options;
  options.explicit_writes = writes;
  return verify::Question::Make(subject.scenario, *subject.proposal, subject.toggles, options);
}

// The bit of a property among those of `system`.
absl::StatusOr<uint64_t> BitOf(const model::System& system, const std::string& property) {
  const auto& properties = system.properties();
  for (size_t i = 0; i < properties.size(); ++i) {
    if (properties[i].name == property) return uint64_t{1} << i;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", property, "' is no property under ", system.proposal().name));
}

std::vector<std::string> Names(const model::System& system, uint64_t bits) {
  std::vector<std::string> names;
  for (size_t i = 0; i < system.properties().size(); ++i) {
    if (bits >> i & 1) names.push_back(system.properties()[i].name);
  }
  return names;
}

std::vector<TraceThread> Threads(const model::System& system) {
  const model::Program& program = system.program();
  std::vector<TraceThread> threads;
  for (int t = 0; t < system.thread_count(); ++t) {
    TraceThread thread{system.ThreadName(t), ""};
    const size_t i = static_cast<size_t>(t);
    if (i >= program.tasks.size()) {
      if (i >= program.tasks.size() + program.senders.size()) thread.role = "peer";
    } else if (program.tasks[i].kind == model::TaskKind::kTarget) {
      thread.role = "target";
    } else {
      thread.role = program.tasks[i].kind == model::TaskKind::kPeer ? "peer" : "supervisor";
    }
    threads.push_back(std::move(thread));
  }
  return threads;
}

// Where each task stands when nothing more happens. A task that cannot go on has still entered the
// step that it waits at, so that tracing names it.
std::vector<std::string> Waits(const model::System& system, const checker::Path& path) {
  model::StateValue state = system.initial();
  for (const checker::Action action : path.actions) {
    system.Step(&state, action.thread, action.choice);
  }
  std::vector<std::string> waits;
  for (size_t t = 0; t < system.program().tasks.size(); ++t) {
    const std::string& name = system.program().tasks[t].name;
    if (state.tasks[t].status == model::kNotStarted) {
      waits.push_back(absl::StrCat(name, " was never started"));
    }
    if (state.tasks[t].status != model::kAlive && state.tasks[t].status != model::kExiting) {
      continue;
    }
    model::TraceStep step;
    const bool possible = system.CanStep(state, static_cast<int>(t), &step);
    if (step.statement == "(user mode)") {
      waits.push_back(
          absl::StrCat(name, possible ? " is in user mode" : " is at the end of its script"));
    } else {
      waits.push_back(absl::StrCat(name, possible ? " comes through " : " waits in ", step.function,
                                   "(): ", step.statement));
    }
  }
  return waits;
}

void Fill(const verify::Question& question, const checker::Path& path, const verify::Run& run,
          uint64_t bit, Trace* trace) {
  const model::System& system = question.system();
  trace->threads = Threads(system);
  uint64_t in_steps = 0;
  for (const verify::RunStep& step : run.steps) {
    TraceLine line;
    line.thread = step.thread;
    line.function = step.shown.function;
    line.file = step.shown.file;
    line.statement = step.shown.statement;
    line.notes = step.shown.notes;
    line.violated = Names(system, step.violated);
    in_steps |= step.violated;
    trace->lines.push_back(std::move(line));
  }
  if (!(in_steps & bit)) trace->at_rest = Waits(system, path);
}

// The sentence and the source of a property go with its trace.
void Describe(const model::System& system, const std::string& property, Trace* trace) {
  trace->property = property;
  for (const model::PropertyInfo& info : system.properties()) {
    if (info.name != property) continue;
    trace->sentence = info.sentence;
    trace->source = model::SourceOf(info, system.proposal());
  }
}

absl::Status DoesNotViolate(const verify::Question& question, uint64_t violated,
                            const std::string& property) {
  std::string what;
  for (const std::string& name : Names(question.system(), violated)) {
    absl::StrAppend(&what, what.empty() ? "; it violates " : ", ", name);
  }
  return absl::NotFoundError(
      absl::StrCat("the path can be taken, but it does not violate ", property, what));
}

}  // namespace

Trace StepsOf(const verify::Question& question, const checker::Path& path) {
  Trace trace;
  trace.path = path;
  constexpr uint64_t kAllProperties = ~uint64_t{0};
  Fill(question, path, verify::Trace(question.system(), path), kAllProperties, &trace);
  for (TraceLine& line : trace.lines) line.violated.clear();
  trace.at_rest.clear();
  return trace;
}

absl::StatusOr<Trace> MakeTrace(const TraceSubject& subject, const checker::Path& path,
                                const std::string& property) {
  const auto question = Ask(subject, -1);
  if (!question.ok()) return question.status();
  const model::System& system = (*question)->system();
  const auto bit = BitOf(system, property);
  if (!bit.ok()) return bit.status();
  const auto run = RunOf(**question, path);
  if (!run.ok()) return run.status();
  if (!(run->violated & *bit)) return DoesNotViolate(**question, run->violated, property);

  Trace trace;
  trace.subject = subject;
  trace.path = path;
  Describe(system, property, &trace);
  if (!(*question)->program().general_peer) {
    Fill(**question, path, *run, *bit, &trace);
    return trace;
  }
  const auto concrete = verify::Concretise(subject.scenario, *subject.proposal, subject.toggles,
                                           **question, path, property);
  if (!concrete.ok()) {
    // Whatever went wrong: the path was fine.
    return absl::InternalError(concrete.status().message());
  }
  trace.concrete = Trace::Concrete{concrete->writes, concrete->path};
  Fill(*concrete->question, concrete->path,
       verify::Trace(concrete->question->system(), concrete->path), *bit, &trace);
  return trace;
}

absl::StatusOr<Trace> MakeLassoTrace(const TraceSubject& subject, const checker::Lasso& lasso,
                                     const std::string& property) {
  const auto question = Ask(subject, -1);
  if (!question.ok()) return question.status();
  const model::System& system = (*question)->system();
  const auto bit = BitOf(system, property);
  if (!bit.ok()) return bit.status();
  const model::PropertyInfo& info =
      system.properties()[static_cast<size_t>(std::countr_zero(*bit))];
  if (info.owed == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("found a cycle, expected a path: ", property, " is not about whole runs"));
  }
  // One path, so that the steps of the cycle begin where those of the stem end.
  checker::Path whole = lasso.stem;
  whole.actions.insert(whole.actions.end(), lasso.cycle.begin(), lasso.cycle.end());
  const auto run = RunOf(**question, whole);
  if (!run.ok()) return run.status();
  std::string why;
  Trace::Forever forever;
  forever.starved = verify::StarvedBy(system, info, lasso, &why);
  if (forever.starved.empty()) {
    return absl::NotFoundError(
        absl::StrCat("the path can be taken, but it does not violate ", property, ": ", why));
  }
  forever.lasso = lasso;
  forever.first_line = lasso.stem.actions.size();

  Trace trace;
  trace.subject = subject;
  trace.path = lasso.stem;
  Describe(system, property, &trace);
  Fill(**question, whole, *run, *bit, &trace);
  if (!lasso.cycle.empty()) {
    // The others do not wait; where the starved ones do, they do all the time or again and again.
    const auto others = [&](const std::string& wait) {
      return std::none_of(
          forever.starved.begin(), forever.starved.end(),
          [&wait](const std::string& name) { return absl::StartsWith(wait, name + " "); });
    };
    trace.at_rest.erase(std::remove_if(trace.at_rest.begin(), trace.at_rest.end(), others),
                        trace.at_rest.end());
  }
  trace.forever = std::move(forever);
  return trace;
}

absl::StatusOr<std::vector<std::string>> ViolatedBy(const TraceSubject& subject,
                                                    const checker::Path& path) {
  const auto question = Ask(subject, -1);
  if (!question.ok()) return question.status();
  const auto run = RunOf(**question, path);
  if (!run.ok()) return run.status();
  uint64_t before_last = 0;
  for (size_t i = 0; i + 1 < run->steps.size(); ++i) before_last |= run->steps[i].violated;
  std::vector<std::string> names = Names((*question)->system(), run->violated & ~before_last);
  const auto rest = Names((*question)->system(), run->violated & before_last);
  names.insert(names.end(), rest.begin(), rest.end());
  return names;
}

absl::Status ReplayConcrete(const TraceSubject& subject, const Trace::Concrete& concrete,
                            const std::string& property) {
  const auto question = Ask(subject, concrete.writes);
  if (!question.ok()) return question.status();
  const auto bit = BitOf((*question)->system(), property);
  if (!bit.ok()) return bit.status();
  const auto run = RunOf(**question, concrete.path);
  if (!run.ok()) return run.status();
  if (!(run->violated & *bit)) return DoesNotViolate(**question, run->violated, property);
  return absl::OkStatus();
}

std::vector<std::string> ReplayCommand(const Trace& trace) {
  const std::string path = trace.forever ? checker::LassoToString(trace.forever->lasso)
                                         : checker::PathToString(trace.path);
  return {"knotcheck",        "replay",       "--scenario",
          trace.subject.file, "--proposal",   ToString(trace.subject),
          "--property",       trace.property, path};
}

}  // namespace knotcheck::trace
