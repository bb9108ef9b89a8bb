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
#include "checker/liveness.h"
#include "checker/path.h"
#include "report/columns.h"
#include "report/files.h"
#include "report/json.h"
#include "report/text.h"
#include "report/trace.h"
#include "tools/common.h"

namespace knotcheck::tools {
namespace {

struct Arguments {
  std::string trace;  // of replay: a file, or with --scenario a path
  std::string scenario;
  std::string proposal = "baseline";
  std::string property;
  std::vector<std::string> kernels;
  std::vector<std::string> mutations;
  std::vector<std::string> fixes;
  std::string format = "columns";
  bool all = false;
  bool quiet = false;
  size_t width = 0;
};

size_t Width(const Arguments& arguments) {
  return arguments.width != 0 ? arguments.width : TerminalWidth(STDOUT_FILENO);
}

void Say(const std::string& text, const Arguments& arguments) {
  for (const std::string& line : report::Wrap(report::Ascii(text), Width(arguments), 0, 2)) {
    Print(line + "\n");
  }
}

std::string AsColumns(const report::Trace& trace, const Arguments& arguments,
                      const std::string& file) {
  report::ColumnsOptions options;
  options.width = Width(arguments);
  options.all = arguments.all;
  options.color = ColorOn(STDOUT_FILENO);
  options.trace_file = file;
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
int ShowFile(const Arguments& arguments, bool conclude) {
  const std::string& file = arguments.trace;
  const auto text = report::ReadFile(file, report::kMaxTraceBytes);
  if (!text.ok()) return Fail(text.status());
  const auto recorded = report::ParseTrace(*text, file);
  if (!recorded.ok()) return Fail(recorded.status());
  const auto trace = report::Revive(*recorded, file);
  if (!trace.ok()) return FailReplay(trace.status());
  if (arguments.format == "json") {
    Print(report::TraceJson(*trace));
  } else if (!arguments.quiet) {
    Print(AsColumns(*trace, arguments, file));
  }
  if (conclude) {
    if (!arguments.quiet) Print("\n");
    Say(absl::StrCat(file, ": replays, and violates ", trace->property), arguments);
  }
  const std::string difference = report::Difference(*recorded, *trace);
  if (!difference.empty()) {
    static_cast<void>(FlushOutput());
    return Fail(kDiffers,
                absl::StrCat(report::Ascii(file),
                             ": what it records is not what its path does: ", difference,
                             "; it was edited, or written by a knotcheck with another model; "
                             "what is shown here is the replay"));
  }
  return Done(kOk);
}

// The run of a path in brackets: "0:aab(cb)".
int ReplayLasso(const Arguments& arguments, const report::TraceSubject& subject) {
  const auto lasso = checker::LassoFromString(arguments.trace);
  if (!lasso.ok()) return Fail(lasso.status());
  const std::string property = arguments.property.empty() ? "resumes" : arguments.property;
  const auto trace = report::MakeLassoTrace(subject, *lasso, property);
  if (!trace.ok()) {
    return FailReplay(absl::Status(
        trace.status().code(),
        absl::StrCat(report::Ascii(arguments.scenario), ": ", trace.status().message())));
  }
  if (!arguments.quiet) Print(AsColumns(*trace, arguments, "") + "\n");
  Say(absl::StrCat(arguments.scenario, ": the run can be taken, and violates ", property, ": ",
                   absl::StrJoin(trace->forever->starved, ", "), " starved"),
      arguments);
  return Done(kOk);
}

int ReplayPath(const Arguments& arguments) {
  const auto proposal = ProposalNamed(arguments.proposal);
  if (!proposal.ok()) return FailUsage(proposal.status());
  const auto toggles = TogglesNamed(arguments.kernels, arguments.mutations, arguments.fixes);
  if (!toggles.ok()) return FailUsage(toggles.status());
  const bool is_lasso = absl::StrContains(arguments.trace, '(');
  const auto path = checker::PathFromString(is_lasso ? "0:" : arguments.trace);
  if (!path.ok()) return Fail(path.status());
  auto subject = LoadScenario(arguments.scenario);
  if (!subject.ok()) return Fail(subject.status());
  subject->proposal = *proposal;
  subject->toggles = *toggles;
  if (is_lasso) return ReplayLasso(arguments, *subject);

  std::string property = arguments.property;
  const auto violated = report::ViolatedBy(*subject, *path);
  const std::string where = report::Ascii(arguments.scenario) + ": ";
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
  const auto trace = report::MakeTrace(*subject, *path, property);
  if (!trace.ok()) {
    return FailReplay(
        absl::Status(trace.status().code(), absl::StrCat(where, trace.status().message())));
  }
  if (!arguments.quiet) Print(AsColumns(*trace, arguments, "") + "\n");
  Say(absl::StrCat(arguments.scenario, ": the path can be taken, and violates ",
                   absl::StrJoin(*violated, ", ")),
      arguments);
  return Done(kOk);
}

int Replay(const Arguments& arguments) {
  if (!arguments.scenario.empty()) return ReplayPath(arguments);
  if (!arguments.property.empty() || !arguments.kernels.empty() || !arguments.mutations.empty() ||
      !arguments.fixes.empty()) {
    return FailUsage(absl::InvalidArgumentError(
        "replay: a trace file says all that --property, --kernel and --fix say; expected them with "
        "--scenario only"));
  }
  return ShowFile(arguments, true);
}

}  // namespace

Command AddShow(CLI::App& app) {
  CLI::App* show = app.add_subcommand("show", "print a trace file");
  const auto arguments = std::make_shared<Arguments>();
  show->add_option("trace", arguments->trace, "written by knotcheck check --trace-dir")
      ->required()
      ->type_name("TRACE");
  show->add_option("--format", arguments->format, "columns (default) or json")
      ->check(CLI::IsMember({"columns", "json"}).description(""))
      ->type_name("columns|json");
  show->add_flag("--all", arguments->all, "show every step");
  AddWidthOption(show, &arguments->width);
  return {show, [arguments] { return ShowFile(*arguments, false); }};
}

Command AddReplay(CLI::App& app) {
  CLI::App* replay = app.add_subcommand("replay", "take the steps of a trace again");
  const auto arguments = std::make_shared<Arguments>();
  replay->add_option("trace", arguments->trace, "a trace file; with --scenario a path, as 0:aab3c")
      ->required()
      ->type_name("TRACE|PATH");
  CLI::Option* scenario =
      replay->add_option("--scenario", arguments->scenario, "the scenario that a path is of")
          ->type_name("FILE");
  replay->add_option("--proposal", arguments->proposal, "of a path (default: baseline)")
      ->type_name("P")
      ->needs(scenario);
  replay->add_option("--property", arguments->property, "what a path must violate")
      ->type_name("NAME")
      ->needs(scenario);
  AddKernelOptions(replay, &arguments->kernels, &arguments->mutations, &arguments->fixes);
  replay->add_flag("--all", arguments->all, "show every step");
  replay->add_flag("--quiet", arguments->quiet, "say only what came of it");
  AddWidthOption(replay, &arguments->width);
  return {replay, [arguments] { return Replay(*arguments); }};
}

}  // namespace knotcheck::tools
