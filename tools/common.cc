// SPDX-License-Identifier: Apache-2.0

#include "tools/common.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>

#include "CLI/Option.hpp"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "checker/pack.h"
#include "fmt/format.h"
#include "lang/parse.h"
#include "model/property.h"
#include "report/columns.h"
#include "report/files.h"
#include "report/text.h"

namespace knotcheck::tools {
namespace {

std::atomic<bool> interrupted{false};
int write_error = 0;

extern "C" void OnInterrupt(int) { interrupted.store(true, std::memory_order_relaxed); }

std::vector<std::string> ToggleNamesOf(bool mutations) {
  std::vector<std::string> names;
  for (const model::ToggleInfo& info : model::AllToggles()) {
    if (!info.fix() && info.mutation() == mutations) names.push_back(info.name);
  }
  return names;
}

absl::Status SetToggle(const std::string& name, bool mutation, model::Toggles* toggles) {
  for (const model::ToggleInfo& info : model::AllToggles()) {
    if (info.name != name || info.fix() || info.mutation() != mutation) continue;
    toggles->Set(info.toggle);
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(mutation ? "--mutate: " : "--kernel: ",
                   report::UnknownName(mutation ? "a mutation" : "a release or a kernel variant",
                                       name, ToggleNamesOf(mutation))));
}

// A release, as a number, or a variant.
absl::Status SetKernel(const std::string& name, model::Toggles* toggles) {
  if (name.empty() || !absl::ascii_isdigit(static_cast<unsigned char>(name[0]))) {
    return SetToggle(name, false, toggles);
  }
  const auto release = model::ParseRelease(name);
  const auto variants = release ? model::VariantsOf(*release) : std::nullopt;
  if (!variants) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--kernel: found '", report::Ascii(name), "', expected a release from ",
        model::ToString(model::kOldestKernel), " to ", model::ToString(model::kNewestKernel),
        ", or a kernel variant ('knotcheck list kernels')"));
  }
  *toggles |= *variants;
  return absl::OkStatus();
}

absl::Status SetFixes(const std::vector<std::string>& lists, model::Toggles* toggles) {
  for (const std::string& list : lists) {
    for (const absl::string_view name : absl::StrSplit(list, ',')) {
      bool found = false;
      std::vector<std::string> known;
      for (const model::ToggleInfo& info : model::AllToggles()) {
        if (!info.fix()) continue;
        known.push_back(info.name);
        if (info.name != name) continue;
        toggles->Set(info.toggle);
        found = true;
      }
      if (!found) {
        return absl::InvalidArgumentError(
            absl::StrCat("--fix: ", report::UnknownName("a fix", std::string(name), known)));
      }
    }
  }
  return absl::OkStatus();
}

// A typo in "# result:" must not pass for a verdict that differs.
absl::Status CheckClaims(const lang::Scenario& scenario) {
  std::vector<std::string> proposals;
  for (const model::Proposal* proposal : model::AllProposals()) {
    proposals.emplace_back(proposal->name);
  }
  std::vector<std::string> properties;
  for (const model::PropertyInfo& info : model::AllProperties()) properties.push_back(info.name);
  for (const lang::Claim& claim : scenario.header.results) {
    if (std::find(proposals.begin(), proposals.end(), claim.proposal) == proposals.end()) {
      return lang::ErrorAt(scenario.file, claim.where,
                           report::UnknownName("a proposal", claim.proposal, proposals));
    }
    for (const std::string& name : claim.properties) {
      if (std::find(properties.begin(), properties.end(), name) != properties.end()) continue;
      return lang::ErrorAt(scenario.file, claim.where,
                           report::UnknownName("a property", name, properties));
    }
  }
  return absl::OkStatus();
}

absl::Status SearchDirectory(const std::string& directory, const std::string& extension,
                             std::vector<std::string>* files) {
  namespace fs = std::filesystem;
  std::error_code error;
  std::vector<std::string> found;
  fs::recursive_directory_iterator at(directory, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    std::error_code ignored;
    if (at->path().extension() == extension && !at->is_directory(ignored)) {
      found.push_back(at->path().string());
    }
  }
  if (error) {
    return absl::InvalidArgumentError(absl::StrCat(
        report::Ascii(directory), ": cannot be searched: ", std::strerror(error.value())));
  }
  if (found.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(report::Ascii(directory), ": found no *", extension, " in this directory"));
  }
  std::sort(found.begin(), found.end());
  files->insert(files->end(), found.begin(), found.end());
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> FilesOf(const std::vector<std::string>& chosen,
                                                 const std::string& extension) {
  std::vector<std::string> files;
  for (const std::string& argument : chosen) {
    std::error_code ignored;
    if (std::filesystem::is_directory(argument, ignored)) {
      const absl::Status status = SearchDirectory(argument, extension, &files);
      if (!status.ok()) return status;
    } else {
      files.push_back(argument);
    }
  }
  // Each once, where it was named first.
  std::set<std::string> seen;
  files.erase(std::remove_if(files.begin(), files.end(),
                             [&seen](const std::string& f) { return !seen.insert(f).second; }),
              files.end());
  return files;
}

}  // namespace

absl::StatusOr<std::string> BuildId() {
  constexpr size_t kMostBytes = size_t{1} << 30;
  const auto bytes = report::ReadFile("/proc/self/exe", kMostBytes);
  if (!bytes.ok()) return bytes.status();
  std::vector<uint64_t> words(bytes->size() / 8 + 1);
  std::memcpy(words.data(), bytes->data(), bytes->size());
  return fmt::format("{} {:016x}", kVersion,
                     checker::HashWords(words.data(), static_cast<int>(words.size())));
}

int Fail(ExitCode code, absl::string_view message) {
  std::fflush(stdout);
  std::fprintf(stderr, "%s\n", std::string(message).c_str());
  return code;
}

int Fail(const absl::Status& status) {
  if (absl::IsInternal(status)) {
    return Fail(kInternal, absl::StrCat("knotcheck: internal error: ", status.message()));
  }
  return Fail(kBadInput, status.message());
}

size_t TerminalWidth(int fd) {
  struct winsize size {};
  if (::isatty(fd) == 0 || ::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return std::max<size_t>(size.ws_col, report::kMinWidth);
}

bool ColorOn(int fd) {
  const char* no_color = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return ::isatty(fd) != 0 && (no_color == nullptr || *no_color == '\0') &&
         !(terminal != nullptr && std::strcmp(terminal, "dumb") == 0);
}

int FailUsage(const absl::Status& status) {
  return Fail(kUsage, absl::StrCat("knotcheck: ", status.message()));
}

const std::atomic<bool>& Interrupted() { return interrupted; }

void Interrupt() { interrupted.store(true, std::memory_order_relaxed); }

void CatchInterrupts() {
  struct sigaction action {};
  action.sa_handler = OnInterrupt;
  // The second one finds the default action again.
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

void AddWidthOption(CLI::App* app, size_t* width) {
  *width = 0;
  app->add_option("--width", *width, "columns to use (default: the terminal's, else 80)")
      ->check(CLI::Range(report::kMinWidth, size_t{1000}).description(""))
      ->type_name("N");
}

void AddKernelOptions(CLI::App* app, std::vector<std::string>* kernels,
                      std::vector<std::string>* mutations, std::vector<std::string>* fixes) {
  app->add_option("--kernel", *kernels,
                  "another kernel than 6.12.117: a release, or variants (knotcheck list kernels)")
      ->type_name("RELEASE|VARIANT,...")
      ->allow_extra_args(false);
  app->add_option("--fix", *fixes,
                  "with this fix, or these with commas (knotcheck list fixes); repeatable")
      ->type_name("NAME")
      ->allow_extra_args(false);
  // For tests of the properties.
  app->add_option("--mutate", *mutations)->type_name("NAME")->allow_extra_args(false)->group("");
}

absl::StatusOr<model::Toggles> TogglesNamed(const std::vector<std::string>& kernels,
                                            const std::vector<std::string>& mutations,
                                            const std::vector<std::string>& fixes) {
  model::Toggles toggles;
  for (const std::string& list : kernels) {
    for (const std::string& name : std::vector<std::string>(absl::StrSplit(list, ','))) {
      if (absl::Status status = SetKernel(name, &toggles); !status.ok()) return status;
    }
  }
  for (const std::string& name : mutations) {
    if (absl::Status status = SetToggle(name, true, &toggles); !status.ok()) return status;
  }
  if (absl::Status status = SetFixes(fixes, &toggles); !status.ok()) return status;
  return toggles;
}

absl::StatusOr<const model::Proposal*> ProposalNamed(const std::string& name) {
  if (const model::Proposal* proposal = model::FindProposal(name); proposal != nullptr) {
    return proposal;
  }
  std::vector<std::string> known;
  for (const model::Proposal* proposal : model::AllProposals()) known.emplace_back(proposal->name);
  return absl::InvalidArgumentError(
      absl::StrCat("--proposal: ", report::UnknownName("a proposal", name, known)));
}

absl::StatusOr<report::TraceSubject> LoadScenario(const std::string& file) {
  auto text = report::ReadFile(file, lang::kMaxScenarioBytes);
  if (!text.ok()) return text.status();
  auto scenario = lang::Parse(*text, file);
  if (!scenario.ok()) return scenario.status();
  if (const absl::Status status = CheckClaims(*scenario); !status.ok()) return status;
  report::TraceSubject subject;
  subject.file = file;
  subject.text = *std::move(text);
  subject.scenario = *std::move(scenario);
  return subject;
}

absl::StatusOr<std::vector<std::string>> ScenarioFiles(const std::vector<std::string>& arguments) {
  return FilesOf(arguments.empty() ? std::vector<std::string>{"scenarios"} : arguments, ".scn");
}

absl::StatusOr<std::vector<std::string>> TraceFiles(const std::vector<std::string>& arguments) {
  return FilesOf(arguments, ".json");
}

absl::StatusOr<uint64_t> ParseSize(const std::string& text) {
  static constexpr struct {
    const char* unit;
    int shift;
  } kUnits[] = {{"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}};
  absl::string_view number = text;
  int shift = 0;
  for (const auto& [unit, bits] : kUnits) {
    if (absl::ConsumeSuffix(&number, unit)) shift = bits;
  }
  uint64_t value = 0;
  const bool digits = !number.empty() && absl::ascii_isdigit(static_cast<unsigned char>(number[0]));
  if (!digits || !absl::SimpleAtoi(number, &value) || value == 0 ||
      value > (~uint64_t{0} >> shift)) {
    return absl::InvalidArgumentError(absl::StrCat("--max-memory: found '", report::Ascii(text),
                                                   "', expected a size like 512MiB or 8GiB"));
  }
  return value << shift;
}

std::string SizeText(uint64_t bytes) {
  const double mebibytes = static_cast<double>(bytes) / (1 << 20);
  return mebibytes < 10240 ? fmt::format("{:.0f} MiB", mebibytes)
                           : fmt::format("{:.1f} GiB", mebibytes / 1024);
}

uint64_t MemoryBytes() {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page_bytes = ::sysconf(_SC_PAGESIZE);
  uint64_t bytes = pages > 0 && page_bytes > 0
                       ? static_cast<uint64_t>(pages) * static_cast<uint64_t>(page_bytes)
                       : uint64_t{1} << 30;
  const auto limit = report::ReadFile("/sys/fs/cgroup/memory.max", 64);
  uint64_t group = 0;
  if (limit.ok() && absl::SimpleAtoi(*limit, &group) && group > 0) bytes = std::min(bytes, group);
  return bytes;
}

void Print(absl::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() && write_error == 0) {
    write_error = errno;
  }
}

absl::Status FlushOutput() {
  if (std::fflush(stdout) != 0 && write_error == 0) write_error = errno;
  if (write_error == 0) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("standard output cannot be written: ", std::strerror(write_error)));
}

}  // namespace knotcheck::tools
