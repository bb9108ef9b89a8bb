// SPDX-License-Identifier: Apache-2.0
//
// knotcheck fixes: the smallest sets of fixes under which a proposal keeps its promises.

#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/text.h"
#include "lang/claims.h"
#include "report/fixes.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/inputs.h"
#include "tools/progress.h"
#include "trace/trace.h"
#include "verify/fixes.h"

namespace knotcheck::tools {
namespace {

int Fixes(const FixesArguments& arguments) {
  const auto operand = OperandNamed(arguments.proposal);
  if (!operand.ok()) return FailUsage(operand.status());
  if (const std::string fixes = model::FixesText(operand->toggles); !fixes.empty()) {
    return FailUsage(absl::InvalidArgumentError(absl::StrCat(
        "--proposal: found the fix ", fixes, ", expected none: they are what is looked for")));
  }
  if (const absl::Status status = PrepareJson(arguments.json, arguments.paths); !status.ok()) {
    return FailUsage(status);
  }
  const auto files = ScenarioFiles(arguments.paths);
  if (!files.ok()) return Fail(files.status());
  std::vector<trace::TraceSubject> subjects;
  for (const std::string& file : *files) {
    auto subject = LoadScenario(file);
    if (!subject.ok()) return Fail(subject.status());
    if (lang::ClaimAbout(subject->scenario.header, *operand) == nullptr) continue;
    subjects.push_back(*std::move(subject));
  }
  report::FixReport report;
  report.operand = *operand;
  report.program = Program();
  for (const trace::TraceSubject& subject : subjects) {
    report.scenarios.push_back(&subject.scenario);
  }
  if (report.scenarios.empty()) {
    return Fail(kBadInput, absl::StrCat("found no scenario whose '# result:' names ",
                                        ToString(*operand), ", expected one or more"));
  }
  CatchInterrupts();
  checker::Options explore;
  explore.max_bytes = MemoryBytes() / 10 * 8;
  explore.interrupted = &Interrupted();
  Progress progress(arguments.quiet);
  size_t searches = 0;
  auto found = verify::SmallestFixSets(report.scenarios, *operand, explore, [&](size_t scenario) {
    ++searches;
    if (!progress.Due()) return;
    progress.Show(absl::StrCat("search ", searches, ": ",
                               base::Ascii(report.scenarios[scenario]->header.name)));
  });
  progress.Clear();
  if (absl::IsCancelled(found.status()) || absl::IsDeadlineExceeded(found.status())) {
    return Fail(kIncomplete, absl::StrCat("knotcheck: ", found.status().message()));
  }
  if (!found.ok()) return Fail(found.status());
  report.found = *std::move(found);
  const size_t width = arguments.width != 0 ? arguments.width : TerminalWidth(STDOUT_FILENO);
  Print(report::FixesAsText(report, width));
  if (!arguments.json.empty()) {
    const absl::Status status = WriteJson(arguments.json, report::FixesAsJson(report));
    if (!status.ok()) return FailUsage(status);
  }
  const absl::Status status = FlushOutput();
  return status.ok() ? kOk : FailUsage(status);
}

}  // namespace

int RunFixes(const FixesArguments& arguments) { return Fixes(arguments); }

}  // namespace knotcheck::tools
