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

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/text.h"
#include "fmt/core.h"
#include "lang/claims.h"
#include "lang/parse.h"
#include "report/columns.h"

namespace knotcheck::tools {
namespace {

std::atomic<bool> interrupted{false};
int write_error = 0;

extern "C" void OnInterrupt(int) { interrupted.store(true, std::memory_order_relaxed); }

absl::Status Of(absl::string_view option, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(option, ": ", status.message()));
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
        base::Ascii(directory), ": cannot be searched: ", std::strerror(error.value())));
  }
  if (found.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(base::Ascii(directory), ": found no *", extension, " in this directory"));
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
  const auto bytes = base::ReadFile("/proc/self/exe", kMostBytes);
  if (!bytes.ok()) return bytes.status();
  std::vector<uint64_t> words(bytes->size() / 8 + 1);
  std::memcpy(words.data(), bytes->data(), bytes->size());
  return fmt::format("{} {:016x}", kVersion,
                     base::HashWords(words.data(), static_cast<int>(words.size())));
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

absl::StatusOr<model::Operand> ChangesNamed(const std::vector<std::string>& kernels,
                                            const std::vector<std::string>& mutations,
                                            const std::vector<std::string>& fixes) {
  model::Operand changes;
  const auto add = [&changes](absl::string_view option, const std::vector<std::string>& lists,
                              absl::Status (*add_one)(absl::string_view, model::Operand*)) {
    for (const std::string& list : lists) {
      for (const absl::string_view name : absl::StrSplit(list, ',')) {
        if (absl::Status status = add_one(name, &changes); !status.ok()) return Of(option, status);
      }
    }
    return absl::OkStatus();
  };
  absl::Status status = add("--kernel", kernels, model::AddKernel);
  if (status.ok()) status = add("--mutate", mutations, model::AddMutation);
  if (status.ok()) status = add("--fix", fixes, model::AddFix);
  if (!status.ok()) return status;
  return changes;
}

absl::StatusOr<model::Operand> OperandNamed(const std::string& name) {
  auto operand = model::ParseOperand(name);
  return operand.ok() ? operand : Of("--proposal", operand.status());
}

absl::StatusOr<std::vector<model::Operand>> OperandsNamed(const std::vector<std::string>& names) {
  std::vector<model::Operand> operands;
  for (const std::string& name : names) {
    auto operand = OperandNamed(name);
    if (!operand.ok()) return operand.status();
    const bool known = std::any_of(
        operands.begin(), operands.end(),
        [&operand](const model::Operand& other) { return model::SameQuestion(other, *operand); });
    if (!known) operands.push_back(*std::move(operand));
  }
  return operands;
}

absl::StatusOr<trace::TraceSubject> LoadScenario(const std::string& file) {
  auto text = base::ReadFile(file, lang::kMaxScenarioBytes);
  if (!text.ok()) return text.status();
  auto scenario = lang::Parse(*text, file);
  if (!scenario.ok()) return scenario.status();
  if (const auto operands = lang::ClaimedOperands(*scenario); !operands.ok()) {
    return operands.status();
  }
  trace::TraceSubject subject;
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
    return absl::InvalidArgumentError(absl::StrCat("--max-memory: found '", base::Ascii(text),
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
  const auto limit = base::ReadFile("/sys/fs/cgroup/memory.max", 64);
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
