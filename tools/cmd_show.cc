// SPDX-License-Identifier: Apache-2.0
//
// knotcheck show and knotcheck replay: a trace again, from its file or from its path. Nothing that
// a file says is shown before it has been replayed.

#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/text.h"
#include "checker/lasso.h"
#include "checker/path.h"
#include "report/columns.h"
#include "report/source.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/inputs.h"
#include "trace/json.h"
#include "trace/trace.h"

namespace knotcheck::tools {
namespace {

size_t Width(const ShowArguments& arguments) {
  return arguments.width != 0 ? arguments.width : TerminalWidth(STDOUT_FILENO);
}

void Tell(const std::string& text, const ShowArguments& arguments) {
  for (const std::string& line : base::Wrap(base::Ascii(text), Width(arguments), 0, 2)) {
    Print(line + "\n");
  }
}

std::string AsColumns(const trace::Trace& trace, const ShowArguments& arguments,
                      const std::string& file) {
  report::ColumnsOptions options;
  options.width = Width(arguments);
  options.all = arguments.all;
  options.color = ColorOn(STDOUT_FILENO);
  options.trace_file = file;
  options.program = Program();
  return report::Columns(trace, options);
}

// A run that does not show what it is said to show is a verdict that differs, not a bad file.
int FailReplay(const absl::Status& status) {
  return absl::IsNotFound(status) ? Fail(kDiffers, status.message()) : Fail(status);
}

// The code for what was printed well.
int Done(int code) {
  if (const absl::Status status = FlushOutput(); !status.ok()) return FailUsage(status);
  return code;
}

// Reads and replays a trace file and shows it. `conclude`: say what came of it.
int ShowFile(const ShowArguments& arguments, bool conclude) {
  const std::string& file = arguments.trace;
  const auto text = ReadInput(file, trace::kMaxTraceBytes);
  if (!text.ok()) return Fail(text.status());
  const auto recorded = trace::ParseTrace(*text, file);
  if (!recorded.ok()) return Fail(recorded.status());
  const auto trace = trace::Revive(*recorded, file);
  if (!trace.ok()) return FailReplay(trace.status());
  if (!arguments.source.empty()) {
    const auto steps = report::StepsInSource(*trace, arguments.source, Width(arguments));
    if (!steps.ok()) return FailUsage(steps.status());
    Print(*steps);
  } else if (arguments.format == "json") {
    Print(trace::TraceJson(*trace));
  } else if (!arguments.quiet) {
    Print(AsColumns(*trace, arguments, file));
  }
  if (conclude) {
    if (!arguments.quiet) Print("\n");
    Tell(absl::StrCat(file, ": replays, and violates ", trace->property), arguments);
  }
  const std::string difference = trace::Difference(*recorded, *trace);
  if (!difference.empty()) {
    static_cast<void>(FlushOutput());
    return Fail(
        kDiffers,
        absl::StrCat(base::Ascii(file), ": what it records is not what its path does: ", difference,
                     "; it was edited, or written by a knotcheck with another model; "
                     "what is shown here is the replay"));
  }
  return Done(kOk);
}

// The run of a path in brackets: "0:aab(cb)".
int ReplayLasso(const ShowArguments& arguments, const trace::TraceSubject& subject) {
  const auto lasso = checker::LassoFromString(arguments.trace);
  if (!lasso.ok()) return Fail(lasso.status());
  const std::string property = arguments.property.empty() ? "resumes" : arguments.property;
  const auto trace = trace::MakeLassoTrace(subject, *lasso, property);
  if (!trace.ok()) {
    return FailReplay(
        absl::Status(trace.status().code(),
                     absl::StrCat(base::Ascii(subject.file), ": ", trace.status().message())));
  }
  if (!arguments.quiet) Print(AsColumns(*trace, arguments, "") + "\n");
  Tell(absl::StrCat(subject.file, ": the run can be taken, and violates ", property, ": ",
                    absl::StrJoin(trace->forever->starved, ", "), " starved"),
       arguments);
  return Done(kOk);
}

int ReplayPath(const ShowArguments& arguments) {
  auto operand = OperandNamed(arguments.proposal);
  if (!operand.ok()) return FailUsage(operand.status());
  const auto changes = ChangesNamed(arguments.changes);
  if (!changes.ok()) return FailUsage(changes.status());
  operand = With(*operand, *changes);
  if (!operand.ok()) return FailUsage(operand.status());
  const bool is_lasso = absl::StrContains(arguments.trace, '(');
  const auto path = checker::PathFromString(is_lasso ? "0:" : arguments.trace);
  if (!path.ok()) return Fail(path.status());
  auto subject = LoadScenario(arguments.scenario, *operand->proposal);
  if (!subject.ok()) return Fail(subject.status());
  static_cast<model::Operand&>(*subject) = *operand;
  if (is_lasso) return ReplayLasso(arguments, *subject);

  std::string property = arguments.property;
  const auto violated = trace::ViolatedBy(*subject, *path);
  const std::string where = base::Ascii(subject->file) + ": ";
  if (!violated.ok()) {
    // What lang says of a scenario begins with its place already.
    const bool placed =
        absl::string_view(violated.status().message()).substr(0, where.size() - 1) ==
        absl::string_view(where).substr(0, where.size() - 1);
    return Fail(absl::Status(violated.status().code(),
                             absl::StrCat(placed ? "" : where, violated.status().message())));
  }
  if (violated->empty()) {
    return Fail(kDiffers, where + "the path can be taken, and violates nothing");
  }
  if (property.empty()) property = violated->front();
  const auto trace = trace::MakeTrace(*subject, *path, property);
  if (!trace.ok()) {
    return FailReplay(
        absl::Status(trace.status().code(), absl::StrCat(where, trace.status().message())));
  }
  if (!arguments.quiet) Print(AsColumns(*trace, arguments, "") + "\n");
  Tell(absl::StrCat(subject->file, ": the path can be taken, and violates ",
                    absl::StrJoin(*violated, ", ")),
       arguments);
  return Done(kOk);
}

int Replay(const ShowArguments& arguments) {
  if (!arguments.scenario.empty()) return ReplayPath(arguments);
  if (!arguments.property.empty() || !arguments.changes.empty()) {
    return FailUsage(absl::InvalidArgumentError(
        "replay: a trace file says all that --property, --kernel and --fix say; expected them with "
        "--scenario only"));
  }
  return ShowFile(arguments, true);
}

}  // namespace

int RunShow(const ShowArguments& arguments) { return ShowFile(arguments, false); }

int RunReplay(const ShowArguments& arguments) { return Replay(arguments); }

}  // namespace knotcheck::tools
