// SPDX-License-Identifier: Apache-2.0
//
// knotcheck sweep: which pointer arguments of which system calls a proposal protects.

#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "base/version.h"
#include "fmt/core.h"
#include "lang/parse.h"
#include "nlohmann/json.hpp"
#include "report/columns.h"
#include "report/result.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/inputs.h"
#include "tools/searches.h"
#include "trace/json.h"
#include "verify/sweep.h"

namespace knotcheck::tools {
namespace {

using verify::Protection;

constexpr Protection kColumns[] = {Protection::kProtected,   Protection::kRefused,
                                   Protection::kUnprotected, Protection::kNotOffered,
                                   Protection::kChanged,     Protection::kUnchanged,
                                   Protection::kIncomplete};
// What the reader of the report should worry about, worst first.
constexpr Protection kListed[] = {
    Protection::kUnprotected, Protection::kChanged,   Protection::kNotOffered, Protection::kRefused,
    Protection::kUnchanged,   Protection::kProtected, Protection::kIncomplete};

struct Judged {
  const verify::SweepCase* sweep = nullptr;
  Protection protection = Protection::kIncomplete;
  std::string property;
  verify::Answer answer;
  std::string trace_file;
};

const char* Explanation(Protection protection) {
  switch (protection) {
    case Protection::kUnprotected:
      return "unprotected, although SEND said that it is protected";
    case Protection::kChanged:
      return "changed in meaning: the call acts on what nobody approved";
    case Protection::kNotOffered:
      return "unprotected, and the proposal has no way to ask for it";
    case Protection::kRefused:
      return "refused: the supervisor cannot get as far as to allow the call";
    case Protection::kUnchanged:
      return "as without the proposal: nothing is there, nothing was served, and the call fails";
    case Protection::kProtected:
      return "protected";
    case Protection::kIncomplete:
      return "incomplete";
  }
  return "";
}

class Sweep {
 public:
  explicit Sweep(const SweepArguments& arguments)
      : arguments_(arguments), progress_(arguments.quiet) {}
  int Run();

 private:
  absl::Status Prepare();
  absl::Status Select();
  absl::Status Ask();
  absl::StatusOr<trace::Trace> TraceOf(const Judged& judged) const;
  absl::Status WriteTraces();
  void PrintTable() const;
  void PrintLists() const;
  absl::Status PrintTraces() const;
  std::string Json() const;
  bool Baseline() const { return proposal_->protection.verb < 0; }

  const SweepArguments& arguments_;
  Progress progress_;
  model::Operand operand_;
  const model::Proposal* proposal_ = nullptr;  // its
  verify::CheckOptions options_;
  size_t width_ = 80;
  std::vector<verify::SweepCase> cases_;
  std::vector<lang::Scenario> scenarios_;
  std::vector<Judged> judged_;
};

absl::Status Sweep::Select() {
  cases_ = verify::SweepCases(*proposal_);
  if (arguments_.calls.empty()) return absl::OkStatus();
  std::vector<std::string> known;
  for (const verify::SweepCase& sweep : cases_) {
    if (known.empty() || known.back() != sweep.call) known.push_back(sweep.call);
  }
  for (const std::string& call : arguments_.calls) {
    if (std::find(known.begin(), known.end(), call) == known.end()) {
      return absl::InvalidArgumentError(base::UnknownName("a system call", call, known));
    }
  }
  std::erase_if(cases_, [this](const verify::SweepCase& sweep) {
    return std::find(arguments_.calls.begin(), arguments_.calls.end(), sweep.call) ==
           arguments_.calls.end();
  });
  return absl::OkStatus();
}

absl::Status Sweep::Prepare() {
  auto operand = OperandNamed(arguments_.proposal);
  if (!operand.ok()) return operand.status();
  const auto changes = ChangesNamed(arguments_.changes);
  if (!changes.ok()) return changes.status();
  operand = With(*operand, *changes);
  if (!operand.ok()) return operand.status();
  operand_ = *std::move(operand);
  proposal_ = operand_.proposal;
  options_.explore.max_bytes = MemoryBytes() / 10 * 8;
  width_ = arguments_.width != 0 ? arguments_.width : TerminalWidth(STDOUT_FILENO);
  if (absl::Status status = Select(); !status.ok()) return status;
  if (absl::Status status = PrepareJson(arguments_.json, {}); !status.ok()) return status;
  for (const std::string& directory : {arguments_.trace_dir, arguments_.scenario_dir}) {
    if (directory.empty()) continue;
    if (absl::Status status = base::MakeDirectory(directory); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Sweep::Ask() {
  for (const verify::SweepCase& sweep : cases_) {
    auto scenario = lang::Parse(sweep.text, sweep.name);
    if (!scenario.ok()) return absl::InternalError(scenario.status().message());
    scenarios_.push_back(*std::move(scenario));
    if (arguments_.scenario_dir.empty()) continue;
    const std::string file = absl::StrCat(arguments_.scenario_dir, "/",
                                          sweep.name.substr(sweep.name.find('/') + 1), ".scn");
    if (absl::Status status = base::WriteFile(file, sweep.text); !status.ok()) return status;
  }
  std::vector<Search> searches;
  for (size_t i = 0; i < cases_.size(); ++i) {
    searches.push_back({&scenarios_[i], operand_, cases_[i].name});
  }
  const size_t jobs =
      arguments_.jobs != 0 ? arguments_.jobs : std::max(1u, std::thread::hardware_concurrency());
  Searches running(searches, jobs, options_, &progress_);
  for (size_t i = 0; i < cases_.size(); ++i) {
    auto answer = running.Wait(i);
    Judged judged;
    judged.sweep = &cases_[i];
    if (answer.ok()) {
      judged.answer = *std::move(answer);
      judged.protection = verify::Judge(cases_[i], judged.answer, &judged.property);
    } else if (!absl::IsCancelled(answer.status()) && !absl::IsResourceExhausted(answer.status())) {
      return absl::InternalError(answer.status().message());
    }
    judged_.push_back(std::move(judged));
  }
  progress_.Clear();
  return absl::OkStatus();
}

absl::StatusOr<trace::Trace> Sweep::TraceOf(const Judged& judged) const {
  auto subject = ParseScenario(judged.sweep->name, judged.sweep->text);
  if (!subject.ok()) return subject.status();
  static_cast<model::Operand&>(*subject) = operand_;
  for (const verify::PropertyVerdict& property : judged.answer.properties) {
    if (property.info.name != judged.property) continue;
    return trace::MakeTrace(*subject, property.path, judged.property);
  }
  return absl::InternalError(judged.property);
}

absl::Status Sweep::WriteTraces() {
  if (arguments_.trace_dir.empty()) return absl::OkStatus();
  for (Judged& judged : judged_) {
    if (judged.property.empty()) continue;
    const auto trace = TraceOf(judged);
    if (!trace.ok()) return absl::InternalError(trace.status().message());
    const std::string& name = judged.sweep->name;
    judged.trace_file = absl::StrCat(arguments_.trace_dir, "/", name.substr(name.find('/') + 1),
                                     ".", proposal_->name, ".", judged.property, ".json");
    absl::Status status = base::WriteFile(judged.trace_file, trace::TraceJson(*trace));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

void Sweep::PrintTable() const {
  std::set<std::string> calls;
  std::set<std::string> arguments;
  std::map<verify::Relation, std::map<Protection, int>> counts;
  for (const Judged& judged : judged_) {
    calls.insert(judged.sweep->call);
    arguments.insert(judged.sweep->call + " " + judged.sweep->argument);
    ++counts[judged.sweep->relation][judged.protection];
  }
  const std::string title =
      absl::StrCat("sweep of ", ToString(operand_), ": ", calls.size(), " calls, ",
                   arguments.size(), " pointer arguments, ", judged_.size(), " scenarios");
  for (const std::string& text : {title, report::OriginText(operand_, {operand_})}) {
    for (const std::string& line : base::Wrap(text, width_, 0, 2)) Print(line + "\n");
  }
  Print("\n");
  Print(fmt::format("{:<24}", ""));
  static constexpr const char* kHeads[] = {"protect.", "refused", "unprot.", "not off",
                                           "changed",  "same",    "incompl"};
  for (const char* head : kHeads) Print(fmt::format("{:>8}", head));
  Print("\n");
  for (const auto& [relation, row] : counts) {
    Print(fmt::format("{:<24}", verify::RelationName(relation)));
    for (const Protection protection : kColumns) {
      const auto at = row.find(protection);
      Print(fmt::format("{:>8}", at == row.end() ? std::string("-") : absl::StrCat(at->second)));
    }
    Print("\n");
  }
}

void Sweep::PrintLists() const {
  for (const Protection protection : kListed) {
    std::map<verify::Relation, std::vector<std::string>> rows;
    size_t count = 0;
    for (const Judged& judged : judged_) {
      if (judged.protection != protection) continue;
      auto& row = rows[judged.sweep->relation];
      const std::string& call = judged.sweep->call;
      // "mount type, dev_name": the call stands once.
      const bool again = count > 0 && !row.empty() && absl::StartsWith(row.back(), call + " ");
      if (again) {
        absl::StrAppend(&row.back(), ", ", judged.sweep->argument);
      } else {
        row.push_back(call + " " + judged.sweep->argument);
      }
      ++count;
    }
    if (count == 0) continue;
    Print(absl::StrCat("\n",
                       Baseline() && protection == Protection::kNotOffered
                           ? "unprotected: nothing can be asked for"
                           : Explanation(protection),
                       " (", count, ")\n"));
    for (const auto& [relation, row] : rows) {
      const std::string text =
          absl::StrCat(verify::RelationName(relation), ": ", absl::StrJoin(row, "; "));
      for (const std::string& line : base::Wrap(text, width_, 2, 4)) Print(line + "\n");
    }
  }
}

absl::Status Sweep::PrintTraces() const {
  // Of a few calls that were named.
  if (arguments_.calls.empty()) return absl::OkStatus();
  for (const Judged& judged : judged_) {
    if (judged.property.empty()) continue;
    const auto trace = TraceOf(judged);
    if (!trace.ok()) return absl::InternalError(trace.status().message());
    report::ColumnsOptions columns;
    columns.width = width_;
    columns.program = Program();
    columns.color = ColorOn(STDOUT_FILENO);
    columns.trace_file = judged.trace_file;
    Print(absl::StrCat("\n", report::Columns(*trace, columns)));
  }
  return absl::OkStatus();
}

std::string Sweep::Json() const {
  nlohmann::ordered_json json;
  json["format"] = "knotcheck-sweep";
  json["version"] = 2;
  json["knotcheck"] = base::kVersion;
  json["kernel"] = KernelText(operand_);
  json["proposal"] = ToString(operand_);
  json["revision"] = RevisionText(operand_);
  json["entries"] = nlohmann::ordered_json::array();
  for (const Judged& judged : judged_) {
    nlohmann::ordered_json entry;
    entry["call"] = judged.sweep->call;
    entry["argument"] = judged.sweep->argument;
    entry["relation"] = verify::RelationName(judged.sweep->relation);
    entry["offered"] = judged.sweep->offered;
    entry["protection"] = verify::ProtectionName(judged.protection);
    entry["property"] = judged.property;
    entry["violated"] = judged.answer.violated;
    entry["states"] = judged.answer.result.states;
    entry["trace"] = judged.trace_file;
    entry["scenario"] = judged.sweep->text;
    json["entries"].push_back(std::move(entry));
  }
  return JsonText(json);
}

int Sweep::Run() {
  if (const absl::Status status = Prepare(); !status.ok()) return FailUsage(status);
  CatchInterrupts();
  if (const absl::Status status = Ask(); !status.ok()) {
    return absl::IsInternal(status) ? Fail(status) : FailUsage(status);
  }
  if (const absl::Status status = WriteTraces(); !status.ok()) {
    return absl::IsInternal(status) ? Fail(status) : FailUsage(status);
  }
  PrintTable();
  PrintLists();
  if (const absl::Status status = PrintTraces(); !status.ok()) return Fail(status);
  if (!arguments_.json.empty()) {
    if (const absl::Status status = WriteJson(arguments_.json, Json()); !status.ok()) {
      return FailUsage(status);
    }
  }
  if (const absl::Status status = FlushOutput(); !status.ok()) return FailUsage(status);
  const bool incomplete = std::any_of(judged_.begin(), judged_.end(), [](const Judged& judged) {
    return judged.protection == Protection::kIncomplete;
  });
  return incomplete ? kIncomplete : kOk;
}

}  // namespace

int RunSweep(const SweepArguments& arguments) { return Sweep(arguments).Run(); }

}  // namespace knotcheck::tools
