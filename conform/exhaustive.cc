// SPDX-License-Identifier: Apache-2.0

#include "conform/exhaustive.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/text.h"
#include "report/columns.h"
#include "trace/trace.h"

namespace knotcheck::conform {
namespace {

constexpr size_t kScreen = 80;

// Which property of the model means what a defect of the C does. Of the others the model has no
// word: each of them is a difference.
constexpr std::pair<absl::string_view, absl::string_view> kSame[] = {
    {"use-after-free", "no-use-after-free"},  {"use-after-return", "no-use-after-free"},
    {"double-free", "no-double-free"},        {"leak", "no-leak"},
    {"uninitialised", "no-information-leak"}, {"lock-held", "lock-discipline"},
    {"lock-not-held", "lock-discipline"},     {"uninitialised-read", "no-uninitialised-read"},
};

// The plan asked for what the shims do not have.
constexpr absl::string_view kLost = "lost";

std::string PropertyOf(absl::string_view kind) {
  for (const auto& [defect, property] : kSame) {
    if (defect == kind) return std::string(property);
  }
  return "";
}

bool IsOfMemory(const std::string& property) {
  return std::any_of(std::begin(kSame), std::end(kSame),
                     [&property](const auto& same) { return same.second == property; });
}

bool Differs(const DefectRow& row) { return row.of_source != row.of_model; }

// Where the model says that the kernel's memory is broken, the C ends: no outcome follows.
bool EndsEarlier(const StressRow& unseen, const StressResult& stress) {
  return std::any_of(stress.defects.begin(), stress.defects.end(), [&](const DefectRow& row) {
    return row.of_source && std::find(unseen.violates.begin(), unseen.violates.end(),
                                      row.property) != unseen.violates.end();
  });
}

void FillDefects(const PlanAnswer& answer, Case* one) {
  const std::vector<std::string> model = PropertyNames(*one->free_question, one->outcomes.violated);
  const auto says = [&model](const std::string& property) {
    return std::find(model.begin(), model.end(), property) != model.end();
  };
  for (const SourceDefect& defect : answer.defects) {
    if (defect.kind == kLost) continue;
    DefectRow row;
    row.kind = defect.kind;
    row.text = defect.text;
    row.property = PropertyOf(defect.kind);
    row.of_source = true;
    row.of_model = says(row.property);
    row.way = defect.way;
    one->stress.defects.push_back(std::move(row));
  }
  for (const std::string& property : model) {
    if (!IsOfMemory(property)) continue;
    const auto& rows = one->stress.defects;
    const bool told = std::any_of(rows.begin(), rows.end(), [&property](const DefectRow& row) {
      return row.property == property;
    });
    if (told) continue;
    DefectRow row;
    row.kind = row.property = property;
    row.of_model = true;
    one->stress.defects.push_back(std::move(row));
  }
}

// What a step of the C says: "mutex_lock, kernel/seccomp.c:1490".
std::string Note(const SourceStep& step) {
  if (step.place == "-") return step.op == "-" ? "" : absl::StrCat("operation ", step.op);
  return step.doing == "-" ? step.place : absl::StrCat(step.doing, "  ", step.place);
}

std::string WayText(const std::vector<SourceStep>& way) {
  trace::Trace trace;
  std::map<std::string, int> threads;
  for (const SourceStep& step : way) {
    const auto [at, fresh] = threads.emplace(step.thread, static_cast<int>(threads.size()));
    if (fresh) trace.threads.push_back({step.thread, ""});
    trace::TraceLine line;
    line.thread = at->second;
    line.function = step.function == "-" ? "user_mode" : step.function;
    line.statement = Note(step);
    // Several steps of one line are one.
    const bool again = !trace.lines.empty() && trace.lines.back().thread == line.thread &&
                       trace.lines.back().statement == line.statement;
    if (!again && !line.statement.empty()) line.notes = {line.statement};
    trace.lines.push_back(std::move(line));
  }
  report::ColumnsOptions options;
  options.width = kScreen;
  return report::RunColumns(trace, options);
}

void AppendWrapped(const std::string& says, std::string* text) {
  for (const std::string& line : base::Wrap(base::Ascii(says), kScreen, 2, 4)) {
    absl::StrAppend(text, line, "\n");
  }
}

}  // namespace

void JudgeExhaustive(const PlanAnswer& answer, bool ended, Case* one) {
  StressResult& stress = one->stress;
  stress.exhaustive = true;
  stress.states = answer.states;
  stress.seconds = static_cast<double>(answer.milliseconds) / 1000;
  if (answer.states == 0) {
    stress.unseen.clear();
    return;
  }
  for (const SourceDefect& defect : answer.defects) {
    if (defect.kind != kLost) continue;
    ended = false;
    stress.match = Match::kLost;
    stress.reason = absl::StrCat("the shims do not have it: ", defect.text);
  }
  FillDefects(answer, one);
  std::vector<std::string> reasons;
  const auto forbidden = std::any_of(stress.rows.begin(), stress.rows.end(),
                                     [](const StressRow& row) { return !row.allowed; });
  if (forbidden) reasons.emplace_back("an outcome that the model does not allow");
  for (const DefectRow& row : stress.defects) {
    if (Differs(row) && row.of_source) reasons.push_back(absl::StrCat("the C: ", row.kind));
    if (Differs(row) && row.of_model && ended) {
      reasons.push_back(absl::StrCat("the model violates ", row.kind, ", and the C does not"));
    }
  }
  stress.unseen.erase(
      std::remove_if(stress.unseen.begin(), stress.unseen.end(),
                     [&stress](const StressRow& row) { return EndsEarlier(row, stress); }),
      stress.unseen.end());
  // It may still have what it has not been seen to have.
  if (!ended) stress.unseen.clear();
  if (!stress.unseen.empty()) {
    reasons.emplace_back("an outcome that the model allows, and the C never has");
  }
  if (!reasons.empty()) {
    stress.match = Match::kDiffers;
    stress.reason = absl::StrJoin(reasons, "; ");
  } else if (ended) {
    stress.match = Match::kMatches;
    stress.reason = "";
  }
}

std::string WithWanted(const std::string& plan, const std::string& name, const std::string& told) {
  // "plan NAME\n...end\n"
  constexpr absl::string_view kEnd = "end\n";
  const size_t line = plan.find('\n');
  return absl::StrCat("plan ", name, plan.substr(line, plan.size() - line - kEnd.size()), "wanted ",
                      told, "\n", kEnd);
}

std::string ExhaustiveText(const Case& one, bool verbose) {
  const StressResult& stress = one.stress;
  std::string text;
  for (const StressRow& row : stress.rows) {
    if (row.allowed && !verbose) continue;
    AppendWrapped(absl::StrCat(row.allowed ? "both: " : "the C alone: ", Readable(row.text)),
                  &text);
    if (!row.allowed) text += WayText(row.way);
  }
  for (const StressRow& row : stress.unseen) {
    AppendWrapped(absl::StrCat("the model alone: ", Readable(row.text)), &text);
    if (row.path.actions.empty()) continue;
    report::ColumnsOptions options;
    options.width = kScreen;
    text += report::RunColumns(trace::StepsOf(*one.free_question, row.path), options);
  }
  for (const DefectRow& row : stress.defects) {
    AppendWrapped(row.of_source ? absl::StrCat(row.of_model ? "both: " : "the C alone: ", row.kind,
                                               ", ", row.text)
                                : absl::StrCat("the model alone: ", row.kind),
                  &text);
    if (Differs(row) || verbose) text += WayText(row.way);
  }
  if (stress.match != Match::kMatches) {
    AppendWrapped(absl::StrCat(stress.match == Match::kDiffers   ? "differs: "
                               : stress.match == Match::kSkipped ? "skipped: "
                                                                 : "lost: ",
                               stress.reason),
                  &text);
  }
  return text;
}

}  // namespace knotcheck::conform
