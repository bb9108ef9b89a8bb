// SPDX-License-Identifier: Apache-2.0
//
// Scenarios against a kernel: which runs are forced, what the model predicts, what came of it.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "conform/answers.h"
#include "conform/force/forced.h"
#include "conform/target.h"
#include "lang/ast.h"
#include "model/config.h"
#include "model/proposal.h"

namespace knotcheck::conform {

struct CampaignOptions {
  model::Toggles toggles;
  size_t forced_runs = 16;      // of one scenario, at most
  uint64_t stress_runs = 1000;  // 0: no stress
  uint64_t seed = 1;
  size_t max_states = 400'000;  // of the search for all outcomes
  // If set: only forced runs that violate this property.
  std::string property;
  int guests = 6;  // how often a target that broke off is started again
  // The target answers a stress with each outcome that it can have, once: what it never has is a
  // difference, too.
  bool exhaustive = false;
};

enum class Match : uint8_t {
  kMatches,
  kDiffers,
  kSkipped,  // the kernel or the user's rights lack something; `reason` says what
  kLost,     // the target broke off, or the runner could not do its part
};

struct ForcedResult {
  std::string plan;  // its name
  ForcedRun run;
  std::vector<std::string> violates;
  std::string predicted;
  std::string observed;
  Match match = Match::kLost;
  std::string reason = "it was not run";
};

struct StressRow {
  uint64_t count = 0;
  std::string text;
  bool allowed = false;
  // Allowed but for a word of memory that was read half old, half new: the kernel's copies are not
  // atomic for a word, the model's are (docs/limits.md).
  bool torn = false;
  // What every run with this outcome violates.
  std::vector<std::string> violates;
  // Of an exhaustive target: its own words, and the way to what only one side has.
  std::string told = {};
  std::vector<SourceStep> way = {};
  checker::Path path = {};
};

// What the C did that no kernel may do, or what the model says that it does and it does not.
struct DefectRow {
  std::string kind;      // as knot_source names it, or the model's property
  std::string text;      // where it is, of the C
  std::string property;  // of the model that has the same meaning; empty: none has
  bool of_source = false;
  bool of_model = false;
  std::vector<SourceStep> way;
};

struct StressResult {
  bool asked = false;
  uint64_t runs = 0;
  bool exhaustive = false;
  uint64_t states = 0;  // of an exhaustive target's search
  double seconds = 0;   // that it took
  std::vector<DefectRow> defects;
  size_t allowed = 0;             // outcomes that the model allows
  std::vector<StressRow> rows;    // observed, most frequent first
  std::vector<StressRow> unseen;  // allowed, never observed
  Match match = Match::kLost;
  std::string reason = "it was not run";
};

// Of a case that follows a counterexample.
struct TraceNotes {
  std::string file;
  std::string property;
  size_t deeds = 0;  // Witnessed
  // How the forced run goes another way; empty: it does not, or there is none.
  std::vector<std::string> differences;
};

// A scenario under one proposal.
struct Case {
  std::string name;
  const lang::Scenario* scenario = nullptr;
  const model::Proposal* proposal = nullptr;
  std::string cannot;      // why no plan can say it; empty: it can be run
  bool all_forced = true;  // false: there may be more forced runs than those below
  // Outcomes that no forced run has, whether it was asked for or not: they are seen in a stress or
  // not at all.
  size_t unforced = 0;
  std::vector<ForcedResult> forced;
  StressResult stress;
  std::optional<TraceNotes> trace;
  // Of forced runs, and of the stress.
  std::unique_ptr<verify::Question> question;
  std::unique_ptr<verify::Question> free_question;
  Outcomes outcomes;
};

struct Campaign {
  std::vector<Case> cases;
  bool exhaustive = false;  // CampaignOptions::exhaustive
  std::map<std::string, std::string> probe;
  std::vector<std::string> reports;  // of the guest's kernel
  // Why the target broke off, with the plan that it was doing: "panic, in x#1".
  std::vector<std::string> breaks;
};

// Searches the runs of one scenario. FailedPrecondition: it means nothing under the proposal;
// InvalidArgument: it is wrong.
absl::StatusOr<Case> MakeCase(const lang::Scenario& scenario, const model::Proposal& proposal,
                              const CampaignOptions& options);

using Target = std::function<absl::StatusOr<TargetOutput>(const std::string& plans)>;

// Runs all plans of the cases and judges the answers. The target's errors, and InvalidArgument for
// a runner that says what no runner says.
absl::Status RunCampaign(const CampaignOptions& options, const Target& target, Campaign* campaign);

// Names of the properties whose bits are set, by name.
std::vector<std::string> PropertyNames(const verify::Question& question, uint64_t bits);

}  // namespace knotcheck::conform
