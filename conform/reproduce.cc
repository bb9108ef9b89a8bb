// SPDX-License-Identifier: Apache-2.0

#include "conform/reproduce.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "conform/campaign.h"
#include "conform/counterexample.h"
#include "conform/emit/emit_c.h"

namespace knotcheck::conform {
namespace {

constexpr size_t kMaxStates = 400'000;

}  // namespace

absl::StatusOr<std::string> Reproduce(const trace::Trace& trace) {
  const trace::TraceSubject& subject = trace.subject;
  const auto followed = FollowTrace(trace, subject.toggles);
  if (!followed.ok()) return followed.status();
  const verify::Question& question = *followed->question;
  // What shows in runs that keep the promise, too, shows nothing.
  const Outcomes all = AllOutcomes(question, kMaxStates);
  std::set<std::string> certain;
  for (const Outcomes::One& one : all.outcomes) {
    const auto names = PropertyNames(question, one.violated);
    if (std::find(names.begin(), names.end(), trace.property) != names.end()) {
      certain.insert(ObservedText(question.program(), one.observed));
    }
  }
  const std::string& name = subject.scenario.header.name;
  absl::Status last = absl::NotFoundError(absl::StrCat(
      name, ": no run that user space can force shows that ", trace.property, " is broken"));
  for (const Followed& run : followed->runs) {
    const std::string text = ObservedText(question.program(), run.run.outcome);
    if (all.complete && certain.count(text) == 0) continue;
    const Reproducer about = {absl::StrCat(name, " under ", subject.proposal->name),
                              trace.property,
                              trace.sentence,
                              trace.source,
                              subject.text,
                              Differences(*followed, run)};
    auto program = EmitC(about, question, run.run);
    if (program.ok()) return program;
    last = program.status();
  }
  return last;
}

}  // namespace knotcheck::conform
