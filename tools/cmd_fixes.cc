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
#include "report/files.h"
#include "report/fixes.h"
#include "report/trace.h"
#include "tools/common.h"
#include "verify/fixes.h"

namespace knotcheck::tools {
namespace {

struct Arguments {
  std::vector<std::string> paths;
  std::string proposal;
  std::string json;
  size_t width = 0;
};

int Fixes(const Arguments& arguments) {
  const auto proposal = ProposalNamed(arguments.proposal);
  if (!proposal.ok()) return FailUsage(proposal.status());
  if (!arguments.json.empty()) {
    const absl::Status status = report::CheckWritable(arguments.json);
    if (!status.ok()) return FailUsage(status);
  }
  const auto files = ScenarioFiles(arguments.paths);
  if (!files.ok()) return Fail(files.status());
  std::vector<report::TraceSubject> subjects;
  for (const std::string& file : *files) {
    auto subject = LoadScenario(file);
    if (!subject.ok()) return Fail(subject.status());
    for (const lang::Claim& claim : subject->scenario.header.results) {
      if (claim.proposal != (*proposal)->name) continue;
      subjects.push_back(*std::move(subject));
      break;
    }
  }
  report::FixReport report;
  report.proposal = *proposal;
  for (const report::TraceSubject& subject : subjects) {
    report.scenarios.push_back(&subject.scenario);
  }
  if (report.scenarios.empty()) {
    return Fail(kBadInput, absl::StrCat("found no scenario whose '# result:' names ",
                                        (*proposal)->name, ", expected one or more"));
  }
  CatchInterrupts();
  checker::Options explore;
  explore.max_bytes = MemoryBytes() / 10 * 8;
  explore.interrupted = &Interrupted();
  auto found = verify::SmallestFixSets(report.scenarios, **proposal, explore);
  if (absl::IsCancelled(found.status()) || absl::IsDeadlineExceeded(found.status())) {
    return Fail(kIncomplete, absl::StrCat("knotcheck: ", found.status().message()));
  }
  if (!found.ok()) return Fail(found.status());
  report.found = *std::move(found);
  const size_t width = arguments.width != 0 ? arguments.width : TerminalWidth(STDOUT_FILENO);
  Print(report::FixesAsText(report, width));
  if (!arguments.json.empty()) {
    const absl::Status status = report::WriteFile(arguments.json, report::FixesAsJson(report));
    if (!status.ok()) return FailUsage(status);
  }
  const absl::Status status = FlushOutput();
  return status.ok() ? kOk : FailUsage(status);
}

}  // namespace

Command AddFixes(CLI::App& app) {
  CLI::App* fixes = app.add_subcommand("fixes", "find the smallest sets of fixes");
  const auto arguments = std::make_shared<Arguments>();
  fixes
      ->add_option("paths", arguments->paths,
                   "scenarios, or directories to search for *.scn (default: scenarios); those "
                   "whose '# result:' names the proposal are asked")
      ->type_name("FILE|DIR");
  fixes->add_option("--proposal", arguments->proposal, "for this one")->required()->type_name("P");
  fixes->add_option("--json", arguments->json, "also write the results there")->type_name("FILE");
  AddWidthOption(fixes, &arguments->width);
  return {fixes, [arguments] { return Fixes(*arguments); }};
}

}  // namespace knotcheck::tools
