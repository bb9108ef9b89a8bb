// SPDX-License-Identifier: Apache-2.0
//
// knotcheck check: asks every scenario's question under every proposal that its result names.

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "base/text.h"
#include "checker/checkpoint.h"
#include "lang/claims.h"
#include "report/columns.h"
#include "report/golden.h"
#include "report/json.h"
#include "report/result.h"
#include "report/table.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/inputs.h"
#include "tools/progress.h"
#include "tools/searches.h"
#include "trace/json.h"
#include "trace/trace.h"

namespace knotcheck::tools {
namespace {

constexpr size_t kMaxDiffLines = 40;

class Check {
 public:
  explicit Check(const CheckArguments& arguments)
      : arguments_(arguments), progress_(arguments.quiet) {}

  int Run();

 private:
  // What to do; anything but OK is a usage error.
  absl::Status Prepare();
  absl::Status PrepareLimits();
  absl::Status PrepareOutputs();
  absl::Status PrepareCheckpoints();
  void Load(const std::vector<std::string>& files);
  void Report(size_t scenario, size_t first, size_t last, Searches* searches);
  void Collect(size_t question, absl::StatusOr<verify::Answer> answer);
  std::string Traces(report::Entry* entry, const trace::TraceSubject& subject);
  std::string TraceFile(const report::Entry& entry, const std::string& property);
  static void Tell(const std::vector<const report::Entry*>& entries);
  std::string Golden(const std::vector<const report::Entry*>& entries);
  void BadFile(const std::string& file, absl::string_view message);
  void OutputFailed(const absl::Status& status);
  int Finish();

  const CheckArguments& arguments_;
  Progress progress_;
  verify::CheckOptions options_;
  verify::CheckpointOptions checkpoints_;
  std::vector<model::Operand> operands_;  // of --proposal
  model::Operand changes_;                // of --kernel, --fix and --mutate
  size_t left_out_ = 0;                   // results that name a kernel, where --kernel does
  std::vector<std::unique_ptr<trace::TraceSubject>> scenarios_;
  // One a search; `first_` is where the searches of each scenario begin.
  std::vector<Search> searches_;
  std::vector<model::Operand> wholes_;  // their operands with the changes
  std::vector<size_t> first_;
  report::TableOptions table_;
  std::string traces_;  // "none", "first" or "all"
  std::vector<report::Entry> entries_;
  std::vector<report::FileError> errors_;
  std::set<std::string> trace_files_;
  size_t goldens_differ_ = 0;
  size_t goldens_written_ = 0;
  bool output_failed_ = false;
  bool internal_ = false;
};

absl::Status Check::PrepareLimits() {
  verify::CheckOptions& options = options_;
  if (arguments_.order == "dfs") options.explore.order = checker::Order::kDepthFirst;
  if (arguments_.max_states != 0) {
    options.explore.max_states = std::min(options.explore.max_states, arguments_.max_states);
  }
  const auto reductions = checker::ParseReductions(arguments_.reduce);
  if (!reductions.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--reduce ", reductions.status().message()));
  }
  options.reductions = *reductions;
  options.shortest_states = arguments_.shortest_states;
  options.explore.max_bytes = MemoryBytes() / 10 * 8;
  if (!arguments_.max_memory.empty()) {
    const auto size = ParseSize(arguments_.max_memory);
    if (!size.ok()) return size.status();
    options.explore.max_bytes = *size;
  }
  return absl::OkStatus();
}

absl::Status Check::PrepareOutputs() {
  if (arguments_.golden || arguments_.rewrite) {
    const bool plain = arguments_.proposals.empty() && arguments_.changes.empty() &&
                       arguments_.order == "bfs" &&
                       options_.reductions == checker::kAllReductions &&
                       options_.shortest_states == verify::CheckOptions().shortest_states &&
                       arguments_.max_states == 0 && !arguments_.liveness;
    if (!plain) {
      return absl::InvalidArgumentError(
          "--golden and --rewrite are about the scenario as it stands: expected no --proposal, "
          "--kernel, --fix, --mutate, --order, --reduce, --shortest-states, --max-states or "
          "--liveness with them");
    }
    const auto& paths = arguments_.paths;
    if (std::find(paths.begin(), paths.end(), kStandardInput) != paths.end()) {
      return absl::InvalidArgumentError(
          "--golden and --rewrite: found -, expected scenarios in files, to have theirs beside "
          "them");
    }
  }
  if (absl::Status status = PrepareJson(arguments_.json, arguments_.paths); !status.ok())
    return status;
  if (arguments_.trace_dir.empty()) return absl::OkStatus();
  const absl::Status status = base::MakeDirectory(arguments_.trace_dir);
  return status.ok() ? base::CheckWritable(arguments_.trace_dir + "/trace.json") : status;
}

absl::Status Check::PrepareCheckpoints() {
  const bool resume = !arguments_.resume.empty();
  if (!resume && arguments_.checkpoint.empty()) {
    if (arguments_.every_min == 0) return absl::OkStatus();
    return absl::InvalidArgumentError("found --every, expected --checkpoint or --resume with it");
  }
  if (resume && !arguments_.checkpoint.empty()) {
    return absl::InvalidArgumentError(
        "found --checkpoint and --resume, expected one of them: --resume goes on saving where it "
        "goes on");
  }
  if (arguments_.order == "dfs" || arguments_.liveness) {
    return absl::InvalidArgumentError(
        absl::StrCat(resume ? "--resume" : "--checkpoint",
                     ": only breadth-first searches for verdicts are saved, expected no --order "
                     "dfs and no --liveness"));
  }
  checkpoints_.directory = resume ? arguments_.resume : arguments_.checkpoint;
  checkpoints_.resume = resume;
  if (arguments_.every_min != 0) checkpoints_.every_s = 60 * arguments_.every_min;
  const auto build = BuildId();
  if (!build.ok()) return build.status();
  checkpoints_.build = *build;
  checkpoints_.failed = [this](const absl::Status& status) {
    progress_.Clear();
    Fail(kUsage, status.message());
  };
  options_.checkpoints = &checkpoints_;
  if (!resume) {
    const absl::Status status = base::MakeDirectory(checkpoints_.directory);
    return status.ok() ? base::CheckWritable(checkpoints_.directory + "/checkpoint") : status;
  }
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(checkpoints_.directory, error)) {
    if (file.path().extension() == ".checkpoint") return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "--resume ", checkpoints_.directory, ": ", error ? error.message() : "found no *.checkpoint",
      ", expected those that ", "--checkpoint left there"));
}

absl::Status Check::Prepare() {
  auto operands = OperandsNamed(arguments_.proposals);
  if (!operands.ok()) return operands.status();
  operands_ = *std::move(operands);
  auto changes = ChangesNamed(arguments_.changes);
  if (!changes.ok()) return changes.status();
  changes_ = *std::move(changes);
  options_.toggles = changes_.toggles;
  for (const model::Operand& operand : operands_) {
    const auto whole = With(operand, changes_);
    if (!whole.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("--kernel: ", whole.status().message()));
    }
  }
  options_.liveness = arguments_.liveness;
  if (absl::Status status = PrepareLimits(); !status.ok()) return status;
  if (absl::Status status = PrepareOutputs(); !status.ok()) return status;
  if (absl::Status status = PrepareCheckpoints(); !status.ok()) return status;

  const bool one = IsOneScenario(arguments_.paths);
  traces_ = !arguments_.traces.empty() ? arguments_.traces : one ? "all" : "none";
  // Where no path is shown, none need be the shortest.
  const bool shown = traces_ != "none" || !arguments_.json.empty() || arguments_.golden ||
                     arguments_.rewrite || !arguments_.trace_dir.empty();
  if (!shown) options_.shortest_states = 0;
  table_.brief = !one;
  table_.width = arguments_.width != 0 ? arguments_.width : TerminalWidth(STDOUT_FILENO);
  table_.color = ColorOn(STDOUT_FILENO);
  return absl::OkStatus();
}

void Check::BadFile(const std::string& file, absl::string_view message) {
  const report::FileError error{file, std::string(message)};
  // The same mistake is found under every proposal.
  for (const report::FileError& known : errors_) {
    if (known.file == error.file && known.message == error.message) return;
  }
  progress_.Clear();
  Fail(kBadInput, message);
  errors_.push_back(error);
}

void Check::OutputFailed(const absl::Status& status) {
  progress_.Clear();
  FailUsage(status);
  output_failed_ = true;
}

void Check::Load(const std::vector<std::string>& files) {
  std::vector<std::string> names;
  for (const std::string& file : files) {
    auto subject = LoadScenario(file);
    if (!subject.ok()) {
      BadFile(file, subject.status().message());
      continue;
    }
    first_.push_back(searches_.size());
    scenarios_.push_back(std::make_unique<trace::TraceSubject>(*std::move(subject)));
    const lang::Scenario& scenario = scenarios_.back()->scenario;
    // LoadScenario() has looked at the claims.
    for (const model::Operand& operand :
         operands_.empty() ? *lang::ClaimedOperands(scenario) : operands_) {
      const auto whole = With(operand, changes_);
      if (!whole.ok()) {
        ++left_out_;
        continue;
      }
      const std::string name = ToString(*whole);
      names.push_back(name);
      searches_.push_back({&scenario, operand, absl::StrCat(scenario.header.name, " ", name)});
      wholes_.push_back(*whole);
    }
  }
  first_.push_back(searches_.size());
  table_.proposal_width = report::ProposalWidth(names, table_.width);
}

void Check::Collect(size_t question, absl::StatusOr<verify::Answer> answer) {
  const Search& search = searches_[question];
  report::Entry entry;
  entry.scenario = search.scenario->header.name;
  entry.file = search.scenario->file;
  entry.proposal = ToString(wholes_[question]);
  entry.revision = RevisionText(wholes_[question]);
  entry.claim = report::ClaimText(search.scenario->header, search.operand);
  if (answer.ok()) {
    entry.state = report::Entry::State::kAnswered;
    entry.answer = *std::move(answer);
  } else if (absl::IsFailedPrecondition(answer.status())) {
    entry.state = report::Entry::State::kMeansNothing;
    entry.reason = std::string(answer.status().message());
  } else if (absl::IsCancelled(answer.status()) || absl::IsResourceExhausted(answer.status())) {
    entry.reason = std::string(answer.status().message());
  } else {
    BadFile(entry.file, answer.status().message());
    return;
  }
  entries_.push_back(std::move(entry));
}

// A name for a trace that stays inside the directory whatever the scenario calls itself.
std::string Check::TraceFile(const report::Entry& entry, const std::string& property) {
  std::string name;
  for (const char c : entry.scenario) {
    const bool plain = absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.';
    name.push_back(plain && !(name.empty() && c == '.') ? c : '_');
  }
  name.resize(std::min<size_t>(name.size(), 100));
  std::string proposal = entry.proposal;
  std::replace(proposal.begin(), proposal.end(), '/', '_');
  absl::StrAppend(&name, ".", proposal, ".", property);
  std::string free = name;
  for (int i = 2; !trace_files_.insert(free).second; ++i) free = absl::StrCat(name, "-", i);
  return absl::StrCat(arguments_.trace_dir, "/", free, ".json");
}

// Writes and shows the counterexamples of one answer, as far as they are asked for.
std::string Check::Traces(report::Entry* entry, const trace::TraceSubject& scenario) {
  std::string text;
  bool shown = false;
  for (const verify::PropertyVerdict& property : entry->answer.properties) {
    // What --liveness looks for is shown, though not judged.
    const bool found = property.status == checker::Status::kViolated;
    if (!found || !(property.judged || property.cycle)) continue;
    const bool show = traces_ == "all" || (traces_ == "first" && !shown);
    // A trace file holds a run that ends.
    const bool write = !arguments_.trace_dir.empty() && !property.cycle;
    if (!show && !write) continue;
    shown = true;
    const size_t cycle = property.cycle ? property.cycle->size() : 0;
    if (property.path.actions.size() + cycle > trace::kMaxTraceSteps) {
      absl::StrAppend(&text, "\n", property.info.name, ": a counterexample of ",
                      property.path.actions.size() + cycle,
                      " steps, too long to show; --order bfs finds the shortest\n");
      continue;
    }
    trace::TraceSubject subject = scenario;
    static_cast<model::Operand&>(subject) = *model::ParseOperand(entry->proposal);
    const auto trace =
        property.cycle
            ? trace::MakeLassoTrace(subject, {property.path, *property.cycle}, property.info.name)
            : trace::MakeTrace(subject, property.path, property.info.name);
    if (!trace.ok()) {
      progress_.Clear();
      Fail(absl::InternalError(
          absl::StrCat(entry->file, ": ", entry->proposal, ": ", trace.status().message())));
      internal_ = true;
      continue;
    }
    report::ColumnsOptions columns;
    columns.width = table_.width;
    columns.program = Program();
    columns.color = table_.color;
    columns.all = arguments_.all;
    if (write) {
      const std::string file = TraceFile(*entry, property.info.name);
      const absl::Status status = base::WriteFile(file, trace::TraceJson(*trace));
      if (status.ok()) {
        columns.trace_file = file;
        entry->traces.emplace_back(property.info.name, file);
      } else {
        OutputFailed(status);
      }
    }
    if (!show) continue;
    absl::StrAppend(&text, "\n", report::Columns(*trace, columns));
    if (!property.shortest) absl::StrAppend(&text, "(perhaps not the shortest)\n");
  }
  return text;
}

std::string Check::Golden(const std::vector<const report::Entry*>& entries) {
  if (entries.empty() || !(arguments_.golden || arguments_.rewrite)) return "";
  for (const report::Entry* entry : entries) {
    // A golden of half an answer would pin the limit, not the scenario.
    if (report::MarkOf(*entry) == report::Mark::kIncomplete) return "";
  }
  const std::string path = report::GoldenPath(entries[0]->file);
  const std::string found = report::GoldenText(entries);
  const auto expected = base::ReadFile(path, report::kMaxGoldenBytes);
  if (expected.ok() && *expected == found) return "";
  if (arguments_.rewrite) {
    const absl::Status status = base::WriteFile(path, found);
    if (!status.ok()) {
      OutputFailed(status);
      return "";
    }
    ++goldens_written_;
    return absl::StrCat("  wrote ", base::Ascii(path), "\n");
  }
  ++goldens_differ_;
  if (!expected.ok()) {
    const absl::string_view why = absl::IsNotFound(expected.status()) ? "there is no golden file"
                                                                      : expected.status().message();
    return absl::StrCat("  DIFFERS  ", base::Ascii(path), ": ", why,
                        "; knotcheck check --rewrite writes it\n");
  }
  return absl::StrCat("  DIFFERS  from its golden file:\n--- ", base::Ascii(path),
                      "\n+++ as found now\n", report::DiffExcerpt(*expected, found, kMaxDiffLines));
}

// What of a scenario has no effect under any of the proposals asked.
void Check::Tell(const std::vector<const report::Entry*>& entries) {
  std::vector<std::string> notes;
  bool first = true;
  for (const report::Entry* entry : entries) {
    if (entry->state != report::Entry::State::kAnswered) continue;
    if (first) notes = entry->answer.notes;
    std::vector<std::string> both;
    std::set_intersection(notes.begin(), notes.end(), entry->answer.notes.begin(),
                          entry->answer.notes.end(), std::back_inserter(both));
    notes = std::move(both);
    first = false;
  }
  for (const std::string& note : notes) std::fprintf(stderr, "%s\n", base::Ascii(note).c_str());
}

void Check::Report(size_t scenario, size_t first, size_t last, Searches* searches) {
  const size_t begin = entries_.size();
  for (size_t i = first; i < last; ++i) Collect(i, searches->Wait(i));
  std::vector<const report::Entry*> entries;
  std::string traces;
  for (size_t i = begin; i < entries_.size(); ++i) {
    absl::StrAppend(&traces, Traces(&entries_[i], *scenarios_[scenario]));
  }
  for (size_t i = begin; i < entries_.size(); ++i) entries.push_back(&entries_[i]);
  const std::string golden = Golden(entries);
  progress_.Clear();
  Tell(entries);
  Print(report::TableRows(entries, table_));
  Print(golden);
  for (const report::Entry* entry : entries) {
    if (arguments_.profile) Print(report::DepthProfile(*entry, table_.width));
  }
  Print(traces.empty() ? "" : traces + "\n");
  static_cast<void>(FlushOutput());
}

int Check::Finish() {
  const report::Summary summary = report::Summarise(entries_);
  const auto print = [this](const std::string& text) {
    for (const std::string& line : base::Wrap(text, table_.width, 0, 2)) Print(line + "\n");
  };
  print(report::SummaryText(summary));
  const bool liveness =
      std::any_of(entries_.begin(), entries_.end(),
                  [](const report::Entry& entry) { return !entry.answer.liveness.empty(); });
  if (liveness) print("liveness: under weak fairness, without reductions");
  print(absl::StrCat("reductions: ", checker::ReductionsText(options_.reductions)));
  if (const std::string with = model::FixesText(options_.toggles); !with.empty()) {
    print(absl::StrCat("fixes: ", with));
  }
  if (const std::string with = model::MutationsText(options_.toggles); !with.empty()) {
    print(absl::StrCat("mutations: ", with));
  }
  print(report::OriginText(changes_, wholes_));
  if (left_out_ > 0) {
    print(absl::StrCat("results that name a kernel of their own, left out: ", left_out_));
  }
  if (goldens_differ_ > 0) print(absl::StrCat("golden files that differ: ", goldens_differ_));
  if (goldens_written_ > 0) print(absl::StrCat("golden files written: ", goldens_written_));
  if (!errors_.empty()) {
    print(absl::StrCat("errors in scenarios, on stderr: ", errors_.size()));
  }
  if (!arguments_.json.empty()) {
    report::RunInfo run;
    run.toggles = model::ToggleNames(options_.toggles);
    run.kernel = KernelText(changes_);
    run.order = arguments_.order;
    run.reductions = checker::ReductionsText(options_.reductions);
    const absl::Status status =
        WriteJson(arguments_.json, report::ResultsJson(run, entries_, errors_));
    if (!status.ok()) OutputFailed(status);
  }
  if (const absl::Status status = FlushOutput(); !status.ok()) OutputFailed(status);
  if (summary.incomplete == 0 && errors_.empty() && options_.checkpoints != nullptr) {
    // There is nothing to go on with.
    for (const Search& search : searches_) {
      for (const std::string& file :
           verify::CheckpointFiles(checkpoints_, *search.scenario, search.operand)) {
        std::error_code ignored;
        std::filesystem::remove(file, ignored);
        // A search that was killed while it saved has left one.
        std::filesystem::remove(file + checker::kUnfinished, ignored);
      }
    }
  }
  if (internal_) return kInternal;
  if (output_failed_) return kUsage;
  if (!errors_.empty()) return kBadInput;
  if (summary.differ > 0 || goldens_differ_ > 0) return kDiffers;
  return summary.incomplete > 0 ? kIncomplete : kOk;
}

int Check::Run() {
  if (const absl::Status status = Prepare(); !status.ok()) return FailUsage(status);
  const auto files = ScenarioFiles(arguments_.paths);
  if (!files.ok()) return Fail(files.status());
  CatchInterrupts();
  Load(*files);
  std::set<std::string> saved;
  for (const Search& search : searches_) {
    if (options_.checkpoints == nullptr) break;
    for (const std::string& file :
         verify::CheckpointFiles(checkpoints_, *search.scenario, search.operand)) {
      if (saved.insert(file).second) continue;
      return FailUsage(absl::InvalidArgumentError(
          absl::StrCat("two scenarios are to be saved in ", file,
                       ", expected scenarios of different names with --checkpoint")));
    }
  }
  Print(report::TableHead(table_));
  const size_t jobs =
      arguments_.jobs != 0 ? arguments_.jobs : std::max(1u, std::thread::hardware_concurrency());
  // Processors that searches leave over help in each.
  const size_t at_once = std::max<size_t>(1, std::min(jobs, searches_.size()));
  options_.explore.threads =
      arguments_.threads != 0
          ? arguments_.threads
          : std::max(1, static_cast<int>(std::thread::hardware_concurrency() / at_once));
  {
    Searches searches(searches_, jobs, options_, &progress_);
    for (size_t i = 0; i < scenarios_.size(); ++i) {
      Report(i, first_[i], first_[i + 1], &searches);
    }
  }
  return Finish();
}

}  // namespace

int RunCheck(const CheckArguments& arguments) { return Check(arguments).Run(); }

}  // namespace knotcheck::tools
