// SPDX-License-Identifier: Apache-2.0

#include "conform/reproduce.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "conform/campaign.h"
#include "conform/emit_c.h"
#include "conform/plan.h"

namespace knotcheck::conform {
namespace {

constexpr size_t kMaxRuns = 200;
constexpr size_t kMaxStates = 400'000;

}  // namespace

absl::StatusOr<std::string> Reproduce(const Finding& finding) {
  lang::CompileOptions explicit_peer;
  explicit_peer.explicit_writes = 2;
  auto question =
      verify::Question::Make(*finding.scenario, *finding.proposal, finding.toggles, explicit_peer);
  if (!question.ok()) return question.status();
  if (absl::Status can = CanRun(**question); !can.ok()) return can;
  // What shows in runs that keep the promise, too, shows nothing.
  const verify::Outcomes all = verify::AllOutcomes(**question, kMaxStates);
  std::set<std::string> certain;
  std::string sentence;
  std::string source;
  for (const verify::Outcomes::One& one : all.outcomes) {
    const auto names = PropertyNames(**question, one.violated);
    if (std::find(names.begin(), names.end(), finding.property) != names.end()) {
      certain.insert(verify::ObservedText((*question)->program(), one.observed));
    }
  }
  for (const model::PropertyInfo& info : (*question)->system().properties()) {
    if (info.name != finding.property) continue;
    sentence = info.sentence;
    source = info.source;
  }
  verify::ForcedOptions options;
  options.max_runs = kMaxRuns;
  absl::Status last = absl::NotFoundError(
      absl::StrCat(finding.scenario->header.name, ": no run that user space can force shows that ",
                   finding.property, " is broken"));
  for (const verify::ForcedRun& run : verify::FindForcedRuns(**question, options).runs) {
    const auto names = PropertyNames(**question, run.violated);
    const std::string text = verify::ObservedText((*question)->program(), run.outcome);
    const bool breaks = std::find(names.begin(), names.end(), finding.property) != names.end();
    if (!breaks || (all.complete && certain.count(text) == 0)) continue;
    const Reproducer about = {
        absl::StrCat(finding.scenario->header.name, " under ", finding.proposal->name),
        finding.property, sentence, source, finding.scenario_text};
    auto program = EmitC(about, **question, run);
    if (program.ok()) return program;
    last = program.status();
  }
  return last;
}

}  // namespace knotcheck::conform
