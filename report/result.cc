// SPDX-License-Identifier: Apache-2.0

#include "report/result.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/version.h"
#include "lang/claims.h"

namespace knotcheck::report {

Mark MarkOf(const Entry& entry) {
  if (entry.state == Entry::State::kNotAsked) return Mark::kIncomplete;
  if (entry.state == Entry::State::kMeansNothing) {
    const bool claimed = !entry.claim.empty() && entry.claim != "?";
    return claimed ? Mark::kDiffers : Mark::kMeansNothing;
  }
  switch (entry.answer.agreement) {
    case verify::Answer::Agreement::kAgrees:
      return Mark::kAgrees;
    case verify::Answer::Agreement::kDiffers:
      return Mark::kDiffers;
    case verify::Answer::Agreement::kNotJudged:
      return Mark::kNotJudged;
    case verify::Answer::Agreement::kIncomplete:
      break;
  }
  return Mark::kIncomplete;
}

const char* MarkWord(Mark mark) {
  switch (mark) {
    case Mark::kAgrees:
      return "ok";
    case Mark::kDiffers:
      return "DIFFERS";
    case Mark::kNotJudged:
      return "?";
    case Mark::kIncomplete:
      return "INCOMPLETE";
    case Mark::kMeansNothing:
      break;
  }
  return "n/a";
}

std::string ClaimText(const lang::Header& header, const model::Operand& operand) {
  const lang::Claim* claim = lang::ClaimAbout(header, operand);
  if (claim == nullptr) return "";
  switch (claim->kind) {
    case lang::Claim::Kind::kHolds:
      return "holds";
    case lang::Claim::Kind::kViolated:
      return absl::StrCat("violated(", absl::StrJoin(claim->properties, ", "), ")");
    case lang::Claim::Kind::kUnknown:
      break;
  }
  return "?";
}

std::string OutcomeText(const Entry& entry) {
  if (entry.state == Entry::State::kMeansNothing) return "n/a";
  if (entry.state == Entry::State::kNotAsked) return "incomplete";
  std::string text = verify::Outcome(entry.answer);
  if (!entry.answer.complete() && !entry.answer.violated.empty()) {
    absl::StrAppend(&text, ", incomplete");
  }
  return text;
}

const char* EndWord(checker::End end) {
  switch (end) {
    case checker::End::kExhausted:
      return "exhausted";
    case checker::End::kStateLimit:
      return "state limit";
    case checker::End::kMemoryLimit:
      return "memory limit";
    case checker::End::kInterrupted:
      return "interrupted";
    case checker::End::kStopped:
      break;
  }
  return "stopped";
}

const char* StatusWord(const verify::PropertyVerdict& property) {
  switch (property.status) {
    case checker::Status::kViolated:
      return "violated";
    case checker::Status::kHolds:
    case checker::Status::kWitnessed:
      // What no run came near holds only in name.
      return property.witnesses == 0 ? "not reached" : "holds";
    case checker::Status::kNotReached:
      return "not reached";
    case checker::Status::kIncomplete:
      break;
  }
  return "incomplete";
}

std::string PathText(const verify::PropertyVerdict& property) {
  if (!property.cycle) return checker::PathToString(property.path);
  return checker::LassoToString(checker::Lasso{property.path, *property.cycle});
}

std::string LivenessText(const verify::Liveness& liveness) {
  const std::string starved = absl::StrJoin(
      liveness.starving, ", ",
      [](std::string* out, const verify::Starving& each) { absl::StrAppend(out, each.name); });
  return absl::StrCat(liveness.property, ": ",
                      !starved.empty()      ? absl::StrCat("starved: ", starved)
                      : liveness.complete() ? "holds"
                                            : "incomplete",
                      ", states ", liveness.result.states, ", SCCs ", liveness.result.components);
}

const char* EndWord(checker::LivenessEnd end) {
  switch (end) {
    case checker::LivenessEnd::kExhausted:
      return EndWord(checker::End::kExhausted);
    case checker::LivenessEnd::kStateLimit:
      return EndWord(checker::End::kStateLimit);
    case checker::LivenessEnd::kMemoryLimit:
      return EndWord(checker::End::kMemoryLimit);
    case checker::LivenessEnd::kInterrupted:
      break;
  }
  return EndWord(checker::End::kInterrupted);
}

std::string OriginText(const model::Operand& kernel, const std::vector<model::Operand>& asked) {
  std::string text = absl::StrCat("kernel: ", KernelText(kernel));
  std::set<std::string> said = {"baseline"};
  for (const model::Operand& operand : asked) {
    const std::string of = absl::StrCat("; ", operand.proposal->name, ": ", RevisionText(operand));
    if (said.insert(operand.proposal->name).second) absl::StrAppend(&text, of);
  }
  return absl::StrCat(text, "; knotcheck ", base::kVersion);
}

Summary Summarise(const std::vector<Entry>& entries) {
  Summary summary;
  std::set<std::string> scenarios;
  for (const Entry& entry : entries) {
    scenarios.insert(entry.file);
    switch (MarkOf(entry)) {
      case Mark::kAgrees:
        ++summary.agree;
        break;
      case Mark::kDiffers:
        ++summary.differ;
        break;
      case Mark::kNotJudged:
        ++summary.not_judged;
        break;
      case Mark::kIncomplete:
        ++summary.incomplete;
        break;
      case Mark::kMeansNothing:
        ++summary.mean_nothing;
        break;
    }
  }
  summary.scenarios = scenarios.size();
  return summary;
}

std::string SummaryText(const Summary& summary) {
  const auto counted = [](size_t n, absl::string_view what) {
    return absl::StrCat(n, " ", what, n == 1 ? "" : "s");
  };
  return absl::StrCat(counted(summary.scenarios, "scenario"), ", ",
                      counted(summary.questions(), "question"), ": ", summary.agree, " agree, ",
                      summary.differ, " differ, ", summary.incomplete, " incomplete, ",
                      summary.not_judged, " not judged");
}

}  // namespace knotcheck::report
