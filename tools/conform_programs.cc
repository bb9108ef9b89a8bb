// SPDX-License-Identifier: Apache-2.0

#include "tools/conform_programs.h"

#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "conform/programs.h"
#include "conform/selftests.h"
#include "tools/common.h"
#include "tools/inputs.h"

namespace knotcheck::tools {
namespace {

constexpr char kTable[] = "conform/selftests.tsv";
constexpr size_t kMaxTable = size_t{1} << 20;

absl::StatusOr<conform::ModelVerdict> JudgeByName(const std::string& name,
                                                  const model::Proposal& proposal,
                                                  const model::Toggles& toggles) {
  const auto subject = LoadScenario(DataFile(absl::StrCat("scenarios/", name, ".scn")));
  if (!subject.ok()) return subject.status();
  return conform::JudgeScenario(subject->scenario, proposal, toggles);
}

}  // namespace

int RunPrograms(const std::vector<std::string>& files, std::chrono::seconds limit,
                const conform::TargetOptions& target) {
  bool failed = false;
  for (const std::string& file : files) {
    const auto run = conform::RunProgram(file, limit, target);
    if (!run.ok()) return FailUsage(run.status());
    Print(conform::ProgramText(*run));
    failed |= !conform::Passed(*run);
    if (Interrupted().load()) break;
  }
  if (const absl::Status status = FlushOutput(); !status.ok()) return FailUsage(status);
  if (Interrupted().load()) return kIncomplete;
  return failed ? kDiffers : kOk;
}

int RunSelftests(const std::string& folder, std::chrono::seconds limit,
                 const conform::TargetOptions& target, const model::Toggles& toggles,
                 const std::map<std::string, std::string>& probe, bool markdown) {
  const std::string table = DataFile(kTable);
  const auto text = base::ReadFile(table, kMaxTable);
  if (!text.ok()) return Fail(text.status());
  const auto tests = conform::ParseSelftests(*text, table);
  if (!tests.ok()) return Fail(tests.status());
  std::map<std::string, conform::Tap> taps;
  std::string kernel;
  bool broke = false;
  // seccomp_bpf.c is the kernel's, seccomp_NAME.c comes with a proposal.
  std::vector<std::string> names = {"seccomp_bpf"};
  for (const model::Proposal* proposal : model::AllProposals()) {
    const bool tested = std::any_of(tests->begin(), tests->end(), [proposal](const auto& test) {
      return test.proposal == proposal && !proposal->functions.empty();
    });
    if (tested) names.push_back(absl::StrCat("seccomp_", proposal->name));
  }
  for (const std::string& name : names) {
    const auto run = conform::RunProgram(absl::StrCat(folder, "/", name), limit, target);
    if (!run.ok()) return FailUsage(run.status());
    auto tap = conform::ReadTap(run->answer.out);
    const bool silent = tap.empty();
    taps.merge(tap);
    kernel = run->kernel;
    const bool whole = run->answer.ended == "ok" && run->answer.killed == 0;
    if (whole && !silent && run->reports.empty()) continue;
    broke = true;
    // The table is on stdout; what went wrong does not belong into it.
    Fail(kIncomplete, conform::ProgramText(*run));
  }
  std::vector<conform::SelftestResult> results;
  bool differs = false;
  for (const conform::Selftest& test : *tests) {
    conform::SelftestResult result;
    result.selftest = &test;
    const auto tap = taps.find(absl::StrCat("global.", test.test));
    if (tap != taps.end()) result.kernel = tap->second;
    const auto has = probe.find(test.proposal->name);
    const bool without = has != probe.end() && absl::StartsWith(has->second, "no");
    for (const std::string& name : test.scenarios) {
      // On a kernel without the proposal there is nothing to compare.
      if (without) break;
      const auto verdict = JudgeByName(name, *test.proposal, toggles);
      if (!verdict.ok()) return Fail(verdict.status());
      result.model.push_back(*verdict);
    }
    differs |= result.Compared() && !result.Agrees();
    results.push_back(std::move(result));
  }
  Print(markdown ? conform::SelftestsMarkdown(results, kernel) : conform::SelftestsText(results));
  if (const absl::Status status = FlushOutput(); !status.ok()) return FailUsage(status);
  if (differs) return kDiffers;
  return broke || Interrupted().load() ? kIncomplete : kOk;
}

}  // namespace knotcheck::tools
