// SPDX-License-Identifier: Apache-2.0
//
// knotcheck list: what there is to name on a command line or in a scenario.

#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/text.h"
#include "lang/claims.h"
#include "lang/compile.h"
#include "model/config.h"
#include "model/property.h"
#include "model/proposal.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/inputs.h"

namespace knotcheck::tools {
namespace {

void Item(const std::string& name, const std::vector<std::string>& texts, size_t width) {
  const auto print = [width](const std::string& text, size_t indent) {
    for (const std::string& line : base::Wrap(text, width, indent, indent + 2)) {
      Print(line + "\n");
    }
  };
  print(base::Ascii(name), 0);
  for (const std::string& text : texts) {
    if (!text.empty()) print(base::Ascii(text), 4);
  }
}

int ListScenarios(const ListArguments& arguments, size_t width) {
  const auto files = ScenarioFiles(arguments.paths);
  if (!files.ok()) return Fail(files.status());
  int code = kOk;
  for (const std::string& file : *files) {
    const auto subject = LoadScenario(file);
    if (!subject.ok()) {
      code = Fail(subject.status());
      continue;
    }
    std::string results;
    for (const lang::Claim& claim : subject->scenario.header.results) {
      absl::StrAppend(&results, results.empty() ? "" : " ", claim.operand);
    }
    Item(subject->scenario.header.name,
         {subject->scenario.header.question, absl::StrCat(file, " (", results, ")")}, width);
  }
  return code;
}

// What free supervisors may do, by proposal.
int ListChoices(const ListArguments& arguments, size_t width) {
  const auto files = ScenarioFiles(arguments.paths);
  if (!files.ok()) return Fail(files.status());
  int code = kOk;
  for (const std::string& file : *files) {
    const auto subject = LoadScenario(file);
    if (!subject.ok()) {
      code = Fail(subject.status());
      continue;
    }
    // LoadScenario() has looked at the claims.
    std::vector<const model::Proposal*> listed;
    const auto claimed = lang::ClaimedOperands(subject->scenario);
    for (const model::Operand& operand : *claimed) {
      const model::Proposal* proposal = operand.proposal;
      if (std::find(listed.begin(), listed.end(), proposal) != listed.end()) continue;
      listed.push_back(proposal);
      const auto program = lang::Compile(subject->scenario, *proposal);
      if (!program.ok()) {
        code = Fail(program.status());
        continue;
      }
      for (const model::TaskInfo& task : program->tasks) {
        std::vector<std::string> texts;
        for (const model::Op& op : task.ops) {
          if (op.free && op.joins) texts.push_back(op.text);
        }
        if (texts.empty()) continue;
        Item(absl::StrCat(subject->scenario.header.name, ", ", proposal->name, ", ", task.name,
                          ": any of ", texts.size()),
             texts, width);
      }
    }
  }
  return code;
}

void ListProposals(size_t width) {
  for (const model::Proposal* proposal : model::AllProposals()) {
    const std::string left_out = proposal->not_covered;
    std::string revisions;
    for (const model::ToggleName& revision : proposal->revisions) {
      absl::StrAppend(&revisions, revisions.empty() ? "revisions: " : "; ", revision.name, ", ",
                      revision.what);
    }
    Item(proposal->name,
         {proposal->revision, proposal->source, revisions,
          left_out.empty() ? "" : absl::StrCat("not covered: ", left_out)},
         width);
  }
}

void ListProperties(size_t width) {
  for (const model::PropertyInfo& property : model::AllProperties()) {
    std::string name = property.name;
    if (!property.proposal.empty()) absl::StrAppend(&name, " (", property.proposal, " only)");
    if (property.on_request) absl::StrAppend(&name, " (only where a scenario asks for it)");
    std::vector<std::string> lines = {property.sentence, property.source};
    for (const model::Proposal* proposal : model::AllProposals()) {
      for (const auto& [promised, words] : proposal->promises) {
        if (promised == property.name) lines.push_back(words);
      }
    }
    Item(name, lines, width);
  }
}

void ListToggles(bool mutations, size_t width) {
  for (const model::ToggleInfo& info : model::AllToggles()) {
    if (info.fix() || info.mutation() != mutations) continue;
    const std::string where =
        mutations ? absl::StrCat("of ", info.proposal) : absl::StrCat("in ", info.Releases());
    Item(info.name, {info.what, where}, width);
  }
}

void ListFixes(size_t width) {
  for (const model::ToggleInfo& info : model::AllToggles()) {
    if (!info.fix()) continue;
    Item(info.name, {info.what, absl::StrCat("of ", info.proposal)}, width);
  }
}

int List(const ListArguments& arguments) {
  const size_t width = arguments.width != 0 ? arguments.width : TerminalWidth(STDOUT_FILENO);
  const bool of_files = arguments.what == "scenarios" || arguments.what == "choices";
  if (!of_files && !arguments.paths.empty()) {
    return FailUsage(absl::InvalidArgumentError(absl::StrCat("list ", arguments.what, ": found '",
                                                             base::Ascii(arguments.paths[0]),
                                                             "', expected nothing more")));
  }
  if (arguments.what == "scenarios") return ListScenarios(arguments, width);
  if (arguments.what == "choices") return ListChoices(arguments, width);
  if (arguments.what == "proposals") ListProposals(width);
  if (arguments.what == "properties") ListProperties(width);
  if (arguments.what == "kernels") ListToggles(false, width);
  if (arguments.what == "mutations") ListToggles(true, width);
  if (arguments.what == "fixes") ListFixes(width);
  return kOk;
}

}  // namespace

int RunList(const ListArguments& arguments) {
  const int code = List(arguments);
  const absl::Status status = FlushOutput();
  return status.ok() ? code : FailUsage(status);
}

}  // namespace knotcheck::tools
