// SPDX-License-Identifier: Apache-2.0

#include "conform/programs.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/text.h"

namespace knotcheck::conform {
namespace {

constexpr int kSkip = 4;
// What the guest takes to begin and to end.
constexpr std::chrono::seconds kAround(60);

// A word of a plan.
bool IsWord(const std::string& text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

absl::StatusOr<ProgramRun> RunProgram(const std::string& file, std::chrono::milliseconds limit,
                                      const TargetOptions& options) {
  std::error_code error;
  const std::filesystem::path here = std::filesystem::absolute(file, error);
  ProgramRun run;
  run.name = here.filename().string();
  if (error || !IsWord(run.name) || (options.bzimage.empty() && !IsWord(here.string()))) {
    return absl::InvalidArgumentError(absl::StrCat(
        "found '", base::Ascii(file), "', expected a path of printable characters, no blanks"));
  }
  if (!std::filesystem::is_regular_file(here, error)) {
    return absl::NotFoundError(
        absl::StrCat("found no file ", base::Ascii(file), ", expected a program"));
  }
  TargetOptions target = options;
  target.limit = limit + kAround;
  std::string path = here.string();
  if (!options.bzimage.empty()) {
    path = absl::StrCat("/programs/", run.name);
    target.files.emplace_back(path, here.string());
    target.files.emplace_back("/bin/true", options.runner);
  }
  const std::string plan =
      absl::StrCat("program ", run.name, " ", path, "\nlimit ", limit.count(), "\nend\n");
  const auto output = options.bzimage.empty() ? RunOnHost(plan, target) : RunInQemu(plan, target);
  if (!output.ok()) return output.status();
  auto answers = ParseAnswers(output->lines);
  if (!answers.ok()) return answers.status();
  run.answer = std::move(answers->plans[run.name]);
  run.kernel = answers->probe["release"];
  run.reports = output->reports;
  if (run.answer.ended.empty()) {
    run.answer.ended = output->complete ? "broken the runner did not answer"
                                        : absl::StrCat("broken ", output->ended);
  }
  return run;
}

bool Passed(const ProgramRun& run) {
  const int status = run.answer.exit_status;
  return run.answer.ended == "ok" && run.answer.killed == 0 && run.reports.empty() &&
         (status == 0 || status == kSkip);
}

std::string ProgramText(const ProgramRun& run) {
  std::string text;
  for (const std::string& line : run.answer.out) absl::StrAppend(&text, line, "\n");
  absl::StrAppend(&text, run.name, ": ");
  if (run.answer.ended != "ok") {
    absl::StrAppend(&text, run.answer.ended);
  } else if (run.answer.killed != 0) {
    absl::StrAppend(&text, "killed by signal ", run.answer.killed);
  } else {
    absl::StrAppend(&text, "exit status ", run.answer.exit_status,
                    run.answer.exit_status == kSkip ? " (skipped)" : "");
  }
  absl::StrAppend(&text, "\n");
  for (const std::string& report : run.reports) {
    for (const absl::string_view line : absl::StrSplit(report, '\n', absl::SkipEmpty())) {
      absl::StrAppend(&text, "kernel: ", base::Ascii(std::string(line)), "\n");
    }
  }
  return text;
}

}  // namespace knotcheck::conform
