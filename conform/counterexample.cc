// SPDX-License-Identifier: Apache-2.0

#include "conform/counterexample.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "conform/plan.h"

namespace knotcheck::conform {
namespace {

// A forced run may make as many stores as the trace does, or two: one takes a value away, the other
// brings it back.
constexpr int kFewestWrites = 2;

// Outcomes that are looked through for one that shows what the trace does.
constexpr size_t kMostRuns = 200;

// Of differences, that many are told.
constexpr size_t kMostTold = 8;

}  // namespace

model::Toggles TogglesOf(const trace::Trace& trace, model::Toggles variants) {
  model::Toggles toggles = variants;
  for (const model::ToggleInfo& info : model::AllToggles()) {
    if (!info.variant() && trace.subject.toggles.Has(info.toggle)) toggles.Set(info.toggle);
  }
  return toggles;
}

absl::StatusOr<FollowedTrace> FollowTrace(const trace::Trace& trace, model::Toggles toggles) {
  const trace::TraceSubject& subject = trace.subject;
  lang::CompileOptions own;
  if (trace.concrete) own.explicit_writes = trace.concrete->writes;
  const auto traced =
      verify::Question::Make(subject.scenario, *subject.proposal, subject.toggles, own);
  if (!traced.ok()) return traced.status();
  lang::CompileOptions options;
  options.explicit_writes = std::max(kFewestWrites, own.explicit_writes);
  auto question = verify::Question::Make(subject.scenario, *subject.proposal, toggles, options);
  if (!question.ok()) return question.status();
  if (absl::Status can = CanRun(**question); !can.ok()) return can;
  auto witnessed = Witness(**traced, trace.concrete ? trace.concrete->path : trace.path);
  if (!witnessed.ok()) return witnessed.status();
  ForcedOptions forced;
  forced.max_runs = kMostRuns;
  FollowedTrace followed = {*std::move(question), *std::move(witnessed), {}};
  const auto& properties = followed.question->system().properties();
  for (size_t i = 0; i < properties.size(); ++i) {
    if (properties[i].name != trace.property) continue;
    followed.runs = Follow(*followed.question, followed.witnessed, uint64_t{1} << i, forced);
  }
  return followed;
}

std::vector<std::string> Differences(const FollowedTrace& followed, const Followed& run) {
  const auto& deeds = followed.witnessed.deeds;
  const auto name = [&](size_t deed) {
    return absl::StrCat("'", DeedText(followed.question->program(), deeds[deed]), "'");
  };
  std::vector<std::string> told;
  for (const size_t deed : run.different) {
    told.push_back(absl::StrCat(name(deed), " has another result, or is left out"));
  }
  for (const Followed::Moved& moved : run.moved) {
    told.push_back(absl::StrCat(name(moved.first), moved.wanted ? " is not" : " is", " over when ",
                                name(moved.second), " begins"));
  }
  if (run.added > 0) {
    told.push_back(absl::StrCat(run.added, " more ", run.added == 1 ? "begins" : "begin",
                                " before the trace is at its end"));
  }
  if (told.size() > kMostTold) {
    const size_t left = told.size() - kMostTold;
    told.resize(kMostTold);
    told.push_back(absl::StrCat("and ", left, " more of these"));
  }
  return told;
}

absl::StatusOr<Case> MakeTraceCase(const trace::Trace& trace, const std::string& file,
                                   size_t number, const CampaignOptions& options) {
  CampaignOptions own = options;
  own.toggles = TogglesOf(trace, options.toggles);
  own.forced_runs = 0;
  auto one = MakeCase(trace.subject.scenario, *trace.subject.proposal, own);
  if (!one.ok()) return one;
  one->trace = TraceNotes{file, trace.property, 0, {}};
  if (!one->cannot.empty()) return one;
  auto followed = FollowTrace(trace, own.toggles);
  if (!followed.ok()) return followed.status();
  one->trace->deeds = followed->witnessed.deeds.size();
  if (followed->runs.empty()) return one;
  Followed& best = followed->runs.front();
  one->trace->differences = Differences(*followed, best);
  ForcedResult result;
  result.plan = absl::StrCat(one->name, "@", one->proposal->name, "#", number);
  result.violates = PropertyNames(*followed->question, best.run.violated);
  result.predicted = ObservedText(followed->question->program(), best.run.outcome);
  result.run = std::move(best.run);
  one->forced.push_back(std::move(result));
  one->question = std::move(followed->question);
  return one;
}

}  // namespace knotcheck::conform
