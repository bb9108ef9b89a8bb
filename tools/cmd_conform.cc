// SPDX-License-Identifier: Apache-2.0
//
// knotcheck conform: the scenarios on a real kernel, against what the model says.

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/files.h"
#include "base/text.h"
#include "conform/answers.h"
#include "conform/campaign.h"
#include "conform/counterexample.h"
#include "conform/plan.h"
#include "conform/process.h"
#include "conform/report.h"
#include "conform/reproduce.h"
#include "conform/source_target.h"
#include "conform/target.h"
#include "conform/variants.h"
#include "lang/claims.h"
#include "report/result.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/conform_programs.h"
#include "tools/inputs.h"
#include "tools/progress.h"
#include "trace/json.h"

namespace knotcheck::tools {
namespace {

constexpr std::chrono::seconds kProbeLimit(300);

// Where the build and the installation have a program that plays plans; the first that is there.
std::string OwnProgram(const std::string& built) {
  std::error_code ignored;
  const std::string name = std::filesystem::path(built).filename();
  const std::string installed = ProgramDirectory() + "/" + name;
  return std::filesystem::exists(installed, ignored) ? installed : OwnDirectory() + "/" + built;
}

// What to do about a runner that is not there.
absl::Status CheckRunner(const std::string& runner, bool named, bool source) {
  std::error_code ignored;
  if (std::filesystem::exists(runner, ignored)) return absl::OkStatus();
  const std::string name = source ? "knot_source" : "knot_runner";
  const std::string found = absl::StrCat(base::Ascii(runner), ": found no ", name,
                                         ", expected the program that plays ", "the plans");
  if (named) return absl::InvalidArgumentError(absl::StrCat("--runner ", found));
  const std::string build = OwnDirectory();
  if (std::filesystem::exists(build + "/CMakeCache.txt", ignored)) {
    return absl::InvalidArgumentError(absl::StrCat(found, "; build it: cmake --build ",
                                                   base::ShellWord(build), " --target ", name));
  }
  return absl::InvalidArgumentError(absl::StrCat(
      found, "; build its target ", name,
      " where knotcheck was built, and install that again (cmake --install), or name one with "
      "--runner"));
}

absl::Status CheckProperty(const std::string& name) {
  if (name.empty()) return absl::OkStatus();
  std::vector<std::string> known;
  for (const model::PropertyInfo& info : model::AllProperties()) known.push_back(info.name);
  if (std::find(known.begin(), known.end(), name) != known.end()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--property: ", base::UnknownName("a property", name, known)));
}

class Conform {
 public:
  explicit Conform(const ConformArguments& arguments)
      : arguments_(arguments), progress_(arguments.quiet) {}
  int Run();

 private:
  absl::Status Prepare();
  // Of --target source: the C is built, and what cannot be asked of it is refused.
  absl::Status PrepareSource(const std::string& tree);
  // What the kernel has, and which variants of the model it is.
  absl::Status Probe();
  // The probe says of each proposal but the baseline whether its ioctl is there.
  bool IsAbsent(const std::string& proposal) const {
    const auto at = campaign_.probe.find(proposal);
    return at != campaign_.probe.end() && absl::StartsWith(at->second, "no");
  }
  absl::Status Load(const std::vector<std::string>& files);
  absl::Status LoadTraces();
  // The cases of --trace, or of the paths: an exit status, kOk to go on.
  int LoadAll();
  absl::StatusOr<conform::TargetOutput> RunPlans(const std::string& plans,
                                                 std::chrono::seconds limit);
  int PrintPlans();
  // A program that shows the counterexample of a trace file.
  int EmitC();
  int Report();

  const ConformArguments& arguments_;
  Progress progress_;
  conform::TargetOptions target_;
  bool source_ = false;  // the target is the kernel's C
  conform::CampaignOptions options_;
  conform::Campaign campaign_;
  conform::ReportHeader header_;
  std::vector<const model::Proposal*> named_;
  std::vector<std::unique_ptr<trace::TraceSubject>> scenarios_;
  std::vector<std::unique_ptr<trace::Trace>> traces_;
  // Scenarios and traces under proposals that the kernel does not have.
  std::vector<std::string> left_out_;
  // Of all plans together, however often a target is started anew; none while it is probed.
  std::chrono::steady_clock::time_point deadline_;
};

absl::Status Conform::Prepare() {
  absl::string_view target = arguments_.target;
  if (absl::ConsumePrefix(&target, "qemu:")) {
    if (target.empty()) {
      return absl::InvalidArgumentError("--target: found no file after qemu:, expected a bzImage");
    }
    target_.bzimage = std::string(target);
  } else if (absl::ConsumePrefix(&target, "source:")) {
    if (absl::Status status = PrepareSource(std::string(target)); !status.ok()) return status;
  } else if (target != "host") {
    return absl::InvalidArgumentError(
        absl::StrCat("--target: found '", base::Ascii(std::string(target)),
                     "', expected host, qemu:BZIMAGE or source:DIR|TAR"));
  }
  if (!source_ && !arguments_.patches.empty()) {
    return absl::InvalidArgumentError("--patch: expected --target source:DIR|TAR beside it");
  }
  target_.runner = !arguments_.runner.empty() ? arguments_.runner
                   : source_                  ? OwnProgram("conform/source/knot_source")
                                              : OwnProgram("conform/runner/knot_runner");
  target_.interrupted = &Interrupted();
  header_.target = arguments_.target;
  const auto operands = OperandsNamed(arguments_.proposals);
  if (!operands.ok()) return operands.status();
  for (const model::Operand& operand : *operands) {
    if (operand.toggles == model::Toggles()) {
      named_.push_back(operand.proposal);
      continue;
    }
    return absl::InvalidArgumentError(
        absl::StrCat("--proposal: found ", ToString(operand), ", expected ", operand.proposal->name,
                     " alone: --kernel and --fix say what the target is"));
  }
  const auto changes = ChangesNamed(arguments_.changes);
  if (!changes.ok()) return changes.status();
  options_.toggles = changes->toggles;
  options_.forced_runs = source_ ? 0 : arguments_.forced;
  options_.stress_runs = source_ ? 1 : arguments_.stress;
  options_.exhaustive = source_;
  options_.seed = arguments_.seed;
  options_.property = arguments_.property;
  if (absl::Status status = CheckProperty(options_.property); !status.ok()) return status;
  return PrepareJson(arguments_.json, arguments_.paths);
}

absl::Status Conform::PrepareSource(const std::string& tree) {
  if (tree.empty()) {
    return absl::InvalidArgumentError(
        "--target: found no tree after source:, expected a kernel's directory, or a tar of it");
  }
  if (!arguments_.programs.empty() || !arguments_.selftests.empty() || !arguments_.traces.empty()) {
    return absl::InvalidArgumentError(
        "--target source: plays scenarios, expected no --program, --selftests or --trace");
  }
  if (!arguments_.of_runs.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(arguments_.of_runs.front(),
                     ": found it beside --target source:, which searches all runs "
                     "and forces none, expected --target host or qemu:BZIMAGE"));
  }
  source_ = true;
  if (arguments_.plans || !arguments_.emit_c.empty()) return absl::OkStatus();
  const auto object = conform::BuildSource(
      {tree, arguments_.patches, DataFile("conform/source/build.sh")}, &Interrupted());
  if (!object.ok()) return object.status();
  target_.argument = *object;
  return absl::OkStatus();
}

absl::StatusOr<conform::TargetOutput> Conform::RunPlans(const std::string& plans,
                                                        std::chrono::seconds limit) {
  using std::chrono::steady_clock;
  conform::TargetOptions options = target_;
  options.limit = limit;
  if (deadline_ != steady_clock::time_point()) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - steady_clock::now());
    options.limit = std::max(left, std::chrono::milliseconds(1));
  }
  size_t done = 0;
  options.progress = [this, &done](std::string_view text) {
    const absl::string_view line(text.data(), text.size());
    if (absl::StartsWith(line, "end ")) ++done;
    if (absl::StartsWith(line, "begin ")) {
      progress_.Show(absl::StrCat(done, " plans done; ", line.substr(6)));
    }
  };
  auto output = target_.bzimage.empty() ? conform::RunOnHost(plans, options)
                                        : conform::RunInQemu(plans, options);
  progress_.Clear();
  if (output.ok() && absl::StartsWith(output->ended, conform::kTimeLimit)) {
    output->ended = absl::StrCat(conform::kTimeLimit, limit.count(), " s");
  }
  return output;
}

absl::Status Conform::Probe() {
  const auto limit = std::min(kProbeLimit, std::chrono::seconds(arguments_.limit));
  const auto run = [this, limit](const std::string& plans) { return RunPlans(plans, limit); };
  if (source_) {
    // It says what it has before the first plan. No variant is told from the C: it is the model's.
    const auto output = run("");
    if (!output.ok()) return output.status();
    auto answers = conform::ParseAnswers(output->lines);
    if (!answers.ok()) return answers.status();
    campaign_.probe = std::move(answers->probe);
    return absl::OkStatus();
  }
  auto found = conform::ProbeVariants(options_.toggles, arguments_.changes.kernels.empty(), run);
  if (!found.ok()) return found.status();
  campaign_.probe = found->probe;
  campaign_.reports = found->reports;
  if (!found->ended.empty()) {
    campaign_.breaks.push_back(absl::StrCat(found->ended, ", while the kernel was looked at"));
  }
  if (arguments_.changes.kernels.empty()) options_.toggles = found->toggles;
  std::vector<std::string> names = model::ToggleNames(options_.toggles);
  header_.variants =
      names.empty() ? "" : absl::StrCat("6.12.117 with ", absl::StrJoin(names, ", "));
  header_.how = arguments_.changes.kernels.empty() ? found->how : "as --kernel says";
  return absl::OkStatus();
}

absl::Status Conform::Load(const std::vector<std::string>& files) {
  std::map<std::string, std::string> named;  // scenarios: in which file
  for (const std::string& file : files) {
    auto subject = LoadScenario(file);
    if (!subject.ok()) return subject.status();
    scenarios_.push_back(std::make_unique<trace::TraceSubject>(*std::move(subject)));
    const lang::Scenario& scenario = scenarios_.back()->scenario;
    const auto [known, fresh] = named.emplace(scenario.header.name, file);
    if (!fresh) {
      return absl::InvalidArgumentError(absl::StrCat(
          base::Ascii(file), ": found the name ", scenario.header.name, ", which ",
          base::Ascii(known->second), " has, expected another one: plans are named so"));
    }
    std::vector<const model::Proposal*> asked = named_;
    // LoadScenario() has looked at the claims. Those about other kernels say nothing of this one.
    const auto claimed = lang::ClaimedOperands(scenario);
    for (const model::Operand& operand : *claimed) {
      if (named_.empty() && operand.toggles == model::Toggles()) asked.push_back(operand.proposal);
    }
    for (const model::Proposal* proposal : asked) {
      if (Interrupted().load()) return absl::OkStatus();
      if (IsAbsent(proposal->name)) {
        left_out_.push_back(scenario.header.name);
        continue;
      }
      // On a kernel with a proposal the baseline is what its scenarios without it show.
      auto one = conform::MakeCase(scenario, *proposal, options_);
      if (absl::IsFailedPrecondition(one.status())) continue;
      if (!one.ok()) return one.status();
      campaign_.cases.push_back(*std::move(one));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<trace::Trace> ReadTrace(const std::string& file) {
  const auto text = ReadInput(file, trace::kMaxTraceBytes);
  if (!text.ok()) return text.status();
  const auto recorded = trace::ParseTrace(*text, file);
  if (!recorded.ok()) return recorded.status();
  return trace::Revive(*recorded, file);
}

absl::Status Conform::LoadTraces() {
  const auto files = TraceFiles(arguments_.traces);
  if (!files.ok()) return files.status();
  // Plans by scenario and proposal, to name them.
  std::map<std::string, size_t> numbers;
  std::string lacks;
  for (const std::string& file : *files) {
    if (Interrupted().load()) return absl::OkStatus();
    auto trace = ReadTrace(file);
    if (!trace.ok()) return trace.status();
    const trace::TraceSubject& subject = trace->subject;
    const std::string& proposal = subject.proposal->name;
    if (IsAbsent(proposal)) {
      left_out_.push_back(file);
      lacks = proposal;
      continue;
    }
    const size_t number = ++numbers[absl::StrCat(subject.scenario.header.name, "@", proposal)];
    conform::CampaignOptions options = options_;
    // One stress is enough for all traces of a scenario.
    if (number > 1) options.stress_runs = 0;
    traces_.push_back(std::make_unique<trace::Trace>(*std::move(trace)));
    auto one = conform::MakeTraceCase(*traces_.back(), file, number, options);
    if (!one.ok()) return one.status();
    campaign_.cases.push_back(*std::move(one));
  }
  if (!campaign_.cases.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(base::Ascii(left_out_.front()), ": found a trace under ", lacks,
                   ", which this kernel does not have; --target qemu:BZIMAGE runs another one"));
}

int Conform::LoadAll() {
  absl::Status status;
  if (!arguments_.traces.empty()) {
    status = LoadTraces();
    return absl::IsFailedPrecondition(status) ? FailUsage(status)
           : status.ok()                      ? kOk
                                              : Fail(status);
  }
  const auto files = ScenarioFiles(arguments_.paths);
  if (!files.ok()) return Fail(files.status());
  status = Load(*files);
  return status.ok() ? kOk : Fail(status);
}

int Conform::PrintPlans() {
  for (const conform::Case& one : campaign_.cases) {
    for (const conform::ForcedResult& forced : one.forced) {
      const auto text = conform::DirectedPlan(forced.plan, *one.question, forced.run);
      if (text.ok()) Print(*text);
    }
    if (!one.stress.asked) continue;
    const auto text =
        conform::StressPlan(absl::StrCat(one.name, "@", one.proposal->name, "#stress"),
                            *one.free_question, options_.stress_runs, options_.seed);
    if (text.ok()) Print(*text);
  }
  if (const absl::Status status = FlushOutput(); !status.ok()) return FailUsage(status);
  return Interrupted().load() ? kIncomplete : kOk;
}

int Conform::EmitC() {
  const std::string& file = arguments_.emit_c;
  const auto trace = ReadTrace(file);
  if (!trace.ok()) return Fail(trace.status());
  const auto program = conform::Reproduce(*trace);
  if (!program.ok()) {
    return Fail(kDiffers, absl::StrCat(base::Ascii(file),
                                       ": no program can show it: ", program.status().message()));
  }
  if (arguments_.output.empty()) {
    Print(*program);
  } else {
    absl::Status status = MayBeWritten("--output", arguments_.output, {file});
    if (status.ok()) status = base::WriteFile(arguments_.output, *program);
    if (!status.ok()) return FailUsage(status);
  }
  if (const absl::Status status = FlushOutput(); !status.ok()) return FailUsage(status);
  return kOk;
}

int Conform::Report() {
  Print(conform::HeaderText(campaign_, header_));
  Print(conform::CasesText(campaign_, arguments_.verbose));
  Print(conform::TotalsText(campaign_));
  if (!left_out_.empty()) {
    Print(absl::StrCat("left out: ", left_out_.size(),
                       arguments_.traces.empty() ? " scenarios" : " traces",
                       " under proposals that this kernel does not have\n"));
  }
  absl::Status status = absl::OkStatus();
  if (!arguments_.json.empty()) {
    status = WriteJson(arguments_.json, conform::CampaignJson(campaign_, header_));
  }
  status.Update(FlushOutput());
  if (!status.ok()) return FailUsage(status);
  const conform::Totals totals = conform::TotalsOf(campaign_);
  if (totals.differs + totals.stress_differs > 0 || !campaign_.reports.empty()) return kDiffers;
  const bool broke = !campaign_.breaks.empty() || totals.lost + totals.stress_lost > 0;
  if (broke || Interrupted().load()) return kIncomplete;
  // Of the traces that were asked for, no run shows a single one.
  return !arguments_.traces.empty() && totals.followed == 0 ? kDiffers : kOk;
}

int Conform::Run() {
  if (!arguments_.emit_c.empty()) return EmitC();
  if (const absl::Status status = Prepare(); !status.ok()) return FailUsage(status);
  if (!arguments_.plans) {
    const absl::Status status = CheckRunner(target_.runner, !arguments_.runner.empty(), source_);
    if (!status.ok()) return FailUsage(status);
  }
  CatchInterrupts();
  const std::chrono::seconds limit(arguments_.limit);
  if (!arguments_.programs.empty()) return RunPrograms(arguments_.programs, limit, target_);
  if (arguments_.plans) {
    const int status = LoadAll();
    return status == kOk ? PrintPlans() : status;
  }
  if (const absl::Status status = Probe(); !status.ok()) return FailUsage(status);
  if (!arguments_.selftests.empty()) {
    return RunSelftests(arguments_.selftests, limit, target_, options_.toggles, campaign_.probe,
                        arguments_.markdown);
  }
  if (arguments_.probe) {
    Print(conform::HeaderText(campaign_, header_));
    if (!campaign_.breaks.empty()) {
      Print(absl::StrCat("the target broke off: ", campaign_.breaks.front(), "\n"));
    }
    if (const absl::Status status = FlushOutput(); !status.ok()) return FailUsage(status);
    return campaign_.breaks.empty() && !Interrupted().load() ? kOk : kIncomplete;
  }
  if (const int loaded = LoadAll(); loaded != kOk) return loaded;
  const auto run = [this, limit](const std::string& plans) { return RunPlans(plans, limit); };
  deadline_ = std::chrono::steady_clock::now() + limit;
  const absl::Status status = conform::RunCampaign(options_, run, &campaign_);
  if (!status.ok()) return FailUsage(status);
  return Report();
}

}  // namespace

int RunConform(const ConformArguments& arguments) { return Conform(arguments).Run(); }

}  // namespace knotcheck::tools
