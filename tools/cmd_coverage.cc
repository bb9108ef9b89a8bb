// SPDX-License-Identifier: Apache-2.0
//
// knotcheck coverage: which steps, errors, properties and events of the model no scenario reaches.

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "base/text.h"
#include "lang/claims.h"
#include "model/coverage.h"
#include "report/coverage.h"
#include "report/result.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/inputs.h"
#include "tools/progress.h"
#include "tools/searches.h"
#include "trace/trace.h"

namespace knotcheck::tools {
namespace {

class Cover {
 public:
  explicit Cover(const CoverageArguments& arguments)
      : arguments_(arguments), progress_(arguments.quiet) {}

  int Run();

 private:
  absl::Status Prepare();
  absl::Status Load(const std::vector<std::string>& files);
  absl::Status Search();
  int Report();

  const CoverageArguments& arguments_;
  Progress progress_;
  verify::CheckOptions options_;
  model::Operand changes_;                        // of --kernel, --fix and --mutate
  std::vector<model::Operand> named_;             // by --proposal
  std::vector<const model::Proposal*> explored_;  // by name
  std::vector<std::unique_ptr<trace::TraceSubject>> scenarios_;
  std::vector<tools::Search> searches_;
  std::vector<model::Coverage> coverages_;  // one a search
  std::string gaps_;                        // the file of --gaps
  std::vector<report::ListedGap> listed_;
  model::Coverage coverage_;
  bool complete_ = true;
};

absl::Status Cover::Prepare() {
  auto operands = OperandsNamed(arguments_.proposals);
  if (!operands.ok()) return operands.status();
  named_ = *std::move(operands);
  const auto changes = ChangesNamed(arguments_.changes);
  if (!changes.ok()) return changes.status();
  changes_ = *changes;
  options_.toggles = changes_.toggles;
  // Nobody sees the counterexamples.
  options_.shortest_states = 0;
  options_.explore.threads = 1;
  options_.explore.max_bytes = MemoryBytes() / 10 * 8;
  return PrepareJson(arguments_.json, arguments_.paths);
}

absl::Status Cover::Load(const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    auto subject = LoadScenario(file);
    if (!subject.ok()) return subject.status();
    scenarios_.push_back(std::make_unique<trace::TraceSubject>(*std::move(subject)));
    const lang::Scenario& scenario = scenarios_.back()->scenario;
    // LoadScenario() has looked at the claims. Those about other code say nothing of the code as
    // it is.
    for (const model::Operand& operand :
         named_.empty() ? *lang::ClaimedOperands(scenario) : named_) {
      if (named_.empty() && !(operand.toggles == model::Toggles())) continue;
      searches_.push_back(
          {&scenario, operand, absl::StrCat(scenario.header.name, " ", ToString(operand))});
      explored_.push_back(operand.proposal);
    }
  }
  coverages_.resize(searches_.size());
  for (size_t i = 0; i < searches_.size(); ++i) searches_[i].coverage = &coverages_[i];
  std::sort(explored_.begin(), explored_.end(),
            [](const model::Proposal* a, const model::Proposal* b) {
              return std::string(a->name) < b->name;
            });
  explored_.erase(std::unique(explored_.begin(), explored_.end()), explored_.end());
  return absl::OkStatus();
}

absl::Status Cover::Search() {
  Searches searches(searches_, std::max(1u, std::thread::hardware_concurrency()), options_,
                    &progress_);
  for (size_t i = 0; i < searches_.size(); ++i) {
    const auto answer = searches.Wait(i);
    progress_.Clear();
    // What a scenario needs another proposal for is explored there.
    if (absl::IsFailedPrecondition(answer.status())) continue;
    if (absl::IsCancelled(answer.status()) || absl::IsResourceExhausted(answer.status())) {
      complete_ = false;
      continue;
    }
    if (!answer.ok()) return answer.status();
    complete_ = complete_ && answer->complete();
    for (const verify::PropertyVerdict& property : answer->properties) {
      if (!property.judged) continue;
      if (property.witnesses > 0) coverages_[i].reached.insert(property.info.name);
      if (property.status == checker::Status::kViolated) {
        coverages_[i].broken.insert(property.info.name);
      }
    }
    coverage_.Add(coverages_[i]);
  }
  return absl::OkStatus();
}

int Cover::Report() {
  const report::CoverageReport report = MakeCoverageReport(coverage_, explored_, listed_);
  const size_t width = arguments_.width != 0 ? arguments_.width : TerminalWidth(STDOUT_FILENO);
  Print(report::CoverageText(report, gaps_, width));
  std::vector<model::Operand> asked = named_;
  if (asked.empty()) {
    for (const model::Proposal* proposal : explored_) asked.emplace_back(*proposal);
  }
  for (const std::string& line : base::Wrap(report::OriginText(changes_, asked), width, 0, 2)) {
    Print(line + "\n");
  }
  if (!complete_) Print("A search was cut short, so not every gap is one.\n");
  absl::Status status = absl::OkStatus();
  if (!arguments_.json.empty()) {
    status = WriteJson(arguments_.json, report::CoverageJson(report, explored_,
                                                             model::ToggleNames(options_.toggles)));
  }
  status.Update(FlushOutput());
  if (!status.ok()) return FailUsage(status);
  if (!complete_) return kIncomplete;
  return report.unlisted.empty() && report.stale.empty() ? kOk : kDiffers;
}

int Cover::Run() {
  if (const absl::Status status = Prepare(); !status.ok()) return FailUsage(status);
  gaps_ = DataFile(arguments_.gaps);
  const auto gaps = base::ReadFile(gaps_, report::kMaxGapsBytes);
  if (!gaps.ok()) return Fail(gaps.status());
  auto listed = report::ParseGaps(*gaps, gaps_);
  if (!listed.ok()) return Fail(listed.status());
  listed_ = *std::move(listed);
  const auto files = ScenarioFiles(arguments_.paths);
  if (!files.ok()) return Fail(files.status());
  CatchInterrupts();
  if (const absl::Status status = Load(*files); !status.ok()) return Fail(status);
  if (const absl::Status status = Search(); !status.ok()) return Fail(status);
  return Report();
}

}  // namespace

int RunCoverage(const CoverageArguments& arguments) { return Cover(arguments).Run(); }

}  // namespace knotcheck::tools
