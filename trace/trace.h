// SPDX-License-Identifier: Apache-2.0
//
// A counterexample as it is shown, written and read: the one form that the columns view and the
// trace file have in common. docs/trace-format.md explains the file.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "checker/lasso.h"
#include "checker/path.h"
#include "lang/ast.h"
#include "model/operand.h"
#include "model/property.h"
#include "model/proposal.h"
#include "model/system.h"
#include "verify/check.h"

namespace knotcheck::trace {

// A longer run helps nobody, and its file would be larger than ReadTrace takes.
inline constexpr size_t kMaxTraceSteps = 100'000;

struct TraceThread {
  std::string name;
  std::string role;  // "target", "peer" or "supervisor"; empty for a signal sender
  friend bool operator==(const TraceThread&, const TraceThread&) = default;
};

struct TraceLine {
  int thread = 0;  // index into Trace::threads
  std::string function;
  std::string file;
  std::string statement;
  std::vector<std::string> notes;
  std::vector<std::string> violated;  // properties, by name
  friend bool operator==(const TraceLine&, const TraceLine&) = default;
};

// What a run is of: everything but the path.
struct TraceSubject : model::Operand {
  std::string file;  // as it was given; for messages
  std::string text;  // the whole scenario
  lang::Scenario scenario;
};

struct Trace {
  TraceSubject subject;
  std::string property;
  std::string sentence;
  std::string source;
  checker::Path path;
  // With the most general peer: the same run with real stores. `threads` and `lines` are its.
  struct Concrete {
    int writes = 0;
    checker::Path path;
  };
  std::optional<Concrete> concrete;
  std::vector<TraceThread> threads;
  std::vector<TraceLine> lines;
  // When the promise is broken by nothing more happening: where each thread waits.
  std::vector<std::string> at_rest;
  // When it is broken by a run that never ends: which lines come again for ever, the last ones.
  // `path` is then what comes before them.
  struct Forever {
    std::vector<std::string> starved;  // tasks, by name
    checker::Lasso lasso;
    size_t first_line = 0;  // lines.size(): none, and `at_rest` says where each thread waits
  };
  std::optional<Forever> forever;
};

// The run of `path`, which violates `property`. With the most general peer it is concretised.
//   InvalidArgument: the scenario is wrong, or the path cannot be taken
//   FailedPrecondition: the scenario means nothing under the proposal
//   NotFound: the path can be taken, but it does not violate the property
//   Internal: no concrete run does what the path does; nothing must be shown
absl::StatusOr<Trace> MakeTrace(const TraceSubject& subject, const checker::Path& path,
                                const std::string& property);

// The run of `lasso`, which starves some task of what `property` (PropertyInfo::owed) promises it.
// The most general peer stays as it is: its stores are in what is read. The errors of the above
// but Internal.
absl::StatusOr<Trace> MakeLassoTrace(const TraceSubject& subject, const checker::Lasso& lasso,
                                     const std::string& property);

// The threads and the lines of a run that need not violate anything. The path must be one of the
// question's.
Trace StepsOf(const verify::Question& question, const checker::Path& path);

// The properties that `path` violates: those of its last step or of its rest first, each part by
// name. The errors of MakeTrace.
absl::StatusOr<std::vector<std::string>> ViolatedBy(const TraceSubject& subject,
                                                    const checker::Path& path);

// Replays the concrete path of a trace that was read from a file. InvalidArgument: it cannot be
// taken. NotFound: it does not violate the property.
absl::Status ReplayConcrete(const TraceSubject& subject, const Trace::Concrete& concrete,
                            const std::string& property);

// The words of the command that replays the trace from its scenario alone.
std::vector<std::string> ReplayCommand(const Trace& trace);

}  // namespace knotcheck::trace
