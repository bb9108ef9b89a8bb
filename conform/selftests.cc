// SPDX-License-Identifier: Apache-2.0

#include "conform/selftests.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/text.h"
#include "conform/campaign.h"
#include "conform/force/forced.h"

namespace knotcheck::conform {
namespace {

constexpr size_t kForcedRuns = 64;
constexpr int kExplicitWrites = 2;
constexpr char kHeader[] = "test\tscenarios\tproposal\twhy nothing is compared";

absl::Status Bad(const std::string& file, size_t line, absl::string_view found,
                 absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat(base::Ascii(file), ":", line, ": found '",
                                                 base::Ascii(std::string(found)), "', expected ",
                                                 expected));
}

// Whether every operation that says what it returns has returned.
bool AllReturned(const model::Program& program, const Observed& outcome) {
  for (size_t t = 0; t < program.tasks.size(); ++t) {
    if (outcome.dead[t]) continue;
    const std::vector<model::Op>& ops = program.tasks[t].ops;
    for (size_t i = 0; i < ops.size(); ++i) {
      if (!ops[i].has_expected) continue;
      const auto& tokens = outcome.tasks[t];
      const bool returned = std::any_of(tokens.begin(), tokens.end(), [i](const auto& token) {
        return token.call == i && token.returned;
      });
      if (!returned) return false;
    }
  }
  return true;
}

bool Expects(const model::Program& program) {
  for (const model::TaskInfo& task : program.tasks) {
    for (const auto* script : {&task.ops, &task.handler}) {
      for (const model::Op& op : *script) {
        if (op.has_expected) return true;
      }
    }
  }
  return false;
}

std::string KernelText(Tap tap) {
  switch (tap) {
    case Tap::kAbsent:
      return "absent";
    case Tap::kPass:
      return "passes";
    case Tap::kFail:
      return "fails";
    case Tap::kSkip:
      return "skipped";
  }
  return "";
}

// "passes", or "depends (3 of 5)" of the scenario that passes least.
std::string ModelText(const SelftestResult& result) {
  if (result.model.empty()) return "-";
  if (!result.MayPass()) return "fails";
  if (!result.MayFail()) return "passes";
  const ModelVerdict* least = &result.model[0];
  for (const ModelVerdict& one : result.model) {
    if (one.passing * least->runs < least->passing * one.runs) least = &one;
  }
  return absl::StrCat("depends (", least->passing, " of ", least->runs, ")");
}

std::string AgreesText(const SelftestResult& result) {
  if (!result.Compared()) return "-";
  return result.Agrees() ? "yes" : "NO";
}

std::string SelftestTotals(const std::vector<SelftestResult>& results) {
  size_t compared = 0;
  size_t agree = 0;
  for (const SelftestResult& result : results) {
    compared += result.Compared() ? 1 : 0;
    agree += result.Compared() && result.Agrees() ? 1 : 0;
  }
  return absl::StrCat(agree, " of ", compared, " compared agree, ", results.size(), " tests");
}

}  // namespace

absl::StatusOr<std::vector<Selftest>> ParseSelftests(const std::string& text,
                                                     const std::string& file) {
  std::vector<Selftest> tests;
  std::set<std::string> names;
  size_t number = 0;
  bool header = false;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    if (!header) {
      if (line != kHeader) return Bad(file, number, line, "the names of the columns");
      header = true;
      continue;
    }
    const std::vector<std::string> cells = absl::StrSplit(line, '\t');
    if (cells.size() != 4) return Bad(file, number, line, "4 cells with a tab between them");
    Selftest test;
    test.test = cells[0];
    if (test.test.empty() || !names.insert(test.test).second) {
      return Bad(file, number, test.test, "the name of a test, once");
    }
    test.scenarios = absl::StrSplit(cells[1], ',', absl::SkipEmpty());
    test.proposal = model::FindProposal(cells[2]);
    if (test.proposal == nullptr) return Bad(file, number, cells[2], "a proposal");
    test.why = cells[3];
    if (test.scenarios.empty() == test.why.empty()) {
      return Bad(file, number, line, "scenarios, or why there are none");
    }
    tests.push_back(std::move(test));
  }
  if (!header) return Bad(file, number, "", "the names of the columns");
  return tests;
}

std::map<std::string, Tap> ReadTap(const std::vector<std::string>& lines) {
  std::map<std::string, Tap> results;
  for (absl::string_view line : lines) {
    const bool failed = absl::ConsumePrefix(&line, "not ");
    if (!absl::ConsumePrefix(&line, "ok ")) continue;
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (words.size() < 2) continue;
    const bool skipped =
        std::any_of(words.begin(), words.end(), [](absl::string_view w) { return w == "SKIP"; });
    results[std::string(words[1])] = failed ? Tap::kFail : skipped ? Tap::kSkip : Tap::kPass;
  }
  return results;
}

absl::StatusOr<ModelVerdict> JudgeScenario(const lang::Scenario& scenario,
                                           const model::Proposal& proposal,
                                           const model::Toggles& toggles) {
  lang::CompileOptions explicit_peer;
  explicit_peer.explicit_writes = kExplicitWrites;
  const auto question = verify::Question::Make(scenario, proposal, toggles, explicit_peer);
  if (!question.ok()) return question.status();
  if (!Expects((*question)->program())) {
    return absl::InvalidArgumentError(absl::StrCat("found no '==' in ", scenario.header.name,
                                                   ", expected what its test asserts"));
  }
  ForcedOptions options;
  options.max_runs = kForcedRuns;
  const ForcedRuns found = FindForcedRuns(**question, options);
  ModelVerdict verdict;
  verdict.complete = found.complete;
  for (const ForcedRun& run : found.runs) {
    ++verdict.runs;
    const std::vector<std::string> violated = PropertyNames(**question, run.violated);
    const bool expected =
        std::find(violated.begin(), violated.end(), "expectation") == violated.end();
    if (expected && AllReturned((*question)->program(), run.outcome)) ++verdict.passing;
  }
  return verdict;
}

bool SelftestResult::Compared() const {
  return !model.empty() && (kernel == Tap::kPass || kernel == Tap::kFail);
}

bool SelftestResult::MayPass() const {
  return std::all_of(model.begin(), model.end(),
                     [](const ModelVerdict& one) { return one.passing > 0; });
}

bool SelftestResult::MayFail() const {
  return std::any_of(model.begin(), model.end(),
                     [](const ModelVerdict& one) { return one.passing < one.runs; });
}

std::string SelftestsText(const std::vector<SelftestResult>& results) {
  std::string text = absl::StrFormat("%-49s %-8s %-19s %s\n", "test", "kernel", "model", "agrees");
  for (const SelftestResult& result : results) {
    absl::StrAppendFormat(&text, "%-49s %-8s %-19s %s\n", result.selftest->test,
                          KernelText(result.kernel), ModelText(result), AgreesText(result));
  }
  return absl::StrCat(text, SelftestTotals(results), "\n");
}

std::string SelftestsMarkdown(const std::vector<SelftestResult>& results,
                              const std::string& kernel) {
  // Whose tests pass there.
  std::string with;
  for (const SelftestResult& result : results) {
    const model::Proposal* const proposal = result.selftest->proposal;
    if (result.kernel != Tap::kPass || proposal == nullptr || proposal->functions.empty()) continue;
    const std::string revision = proposal->revision;
    with = absl::StrCat(" with ", absl::AsciiStrToUpper(proposal->name), " ",
                        revision.substr(0, revision.find(',')));
  }
  std::string text = absl::StrCat(
      "# The kernel's selftests, on a kernel and in the model\n\n"
      "Linux ",
      kernel, with,
      "; written by\n"
      "`knotcheck conform --target qemu:BZIMAGE --selftests DIR --markdown`.\n\n"
      "The model passes a test if all outcomes of its scenarios show what they expect, to the\n"
      "end, and fails it if no outcome of one does. Otherwise it depends on the order, of which "
      "the\n"
      "test takes one: then the number of outcomes that do is told, and either result agrees.\n\n"
      "| test | scenarios | kernel | model | agrees |\n|---|---|---|---|---|\n");
  for (const SelftestResult& result : results) {
    std::vector<std::string> names;
    for (const std::string& name : result.selftest->scenarios) {
      names.push_back(absl::StrCat("`", name, "`"));
    }
    absl::StrAppend(&text, "| ", result.selftest->test, " | ",
                    names.empty() ? result.selftest->why : absl::StrJoin(names, ", "), " | ",
                    KernelText(result.kernel), " | ", ModelText(result), " | ", AgreesText(result),
                    " |\n");
  }
  return absl::StrCat(text, "\n", SelftestTotals(results), ".\n");
}

}  // namespace knotcheck::conform
