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
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/text.h"
#include "base/version.h"
#include "fmt/core.h"
#include "model/config.h"
#include "report/columns.h"
#include "tools/commands.h"

namespace knotcheck::tools {
namespace {

std::atomic<bool> interrupted{false};
int write_error = 0;
bool text_is_printed = true;
std::string program = "knotcheck";

constexpr char kStandardOutput[] = "-";

void Write(absl::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() && write_error == 0) {
    write_error = errno;
  }
}

extern "C" void OnInterrupt(int) { interrupted.store(true, std::memory_order_relaxed); }

absl::Status Of(absl::string_view option, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(option, ": ", status.message()));
}

// What --kernel names, as the model knows it: of "v6.6" and of what `uname -r` prints the release,
// without what a distribution or a build has added. Where that says less than was asked, stderr
// says so.
std::string KernelNamed(absl::string_view word) {
  absl::string_view text = word;
  if (absl::StartsWith(text, "v")) text.remove_prefix(1);
  const size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  const auto release = model::ParseRelease(std::string(text.substr(0, end)));
  const bool more = end < text.size();
  if (!release || (more && !absl::StrContains("-+~_", text[end]))) return std::string(word);
  const auto note = [&word](const std::string& taken) {
    std::fprintf(stderr, "note: --kernel %s: taken as %s\n", base::Ascii(word).c_str(),
                 taken.c_str());
  };
  if (*release > model::kNewestKernel) {
    const std::string newest = ToString(model::kNewestKernel);
    note(newest + ", the newest that is known");
    return newest;
  }
  if (more) note(ToString(*release));
  return ToString(*release);
}

}  // namespace

absl::StatusOr<std::string> BuildId() {
  constexpr size_t kMostBytes = size_t{1} << 30;
  const auto bytes = base::ReadFile("/proc/self/exe", kMostBytes);
  if (!bytes.ok()) return bytes.status();
  std::vector<uint64_t> words(bytes->size() / 8 + 1);
  std::memcpy(words.data(), bytes->data(), bytes->size());
  return fmt::format("{} {:016x}", base::kVersion,
                     base::HashWords(words.data(), static_cast<int>(words.size())));
}

void SetProgram(const std::string& name) {
  if (absl::StrContains(name, '/')) program = name;
}

const std::string& Program() { return program; }

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

absl::StatusOr<model::Operand> ChangesNamed(const Changes& changes) {
  model::Operand operand;
  const auto add = [&operand](absl::string_view option, const std::vector<std::string>& lists,
                              absl::Status (*add_one)(absl::string_view, model::Operand*)) {
    for (const std::string& list : lists) {
      for (const absl::string_view name : absl::StrSplit(list, ',')) {
        if (absl::Status status = add_one(name, &operand); !status.ok()) return Of(option, status);
      }
    }
    return absl::OkStatus();
  };
  absl::Status status =
      add("--kernel", changes.kernels, [](absl::string_view name, model::Operand* named) {
        return model::AddKernel(KernelNamed(name), named);
      });
  if (status.ok()) status = add("--mutate", changes.mutations, model::AddMutation);
  if (status.ok()) status = add("--fix", changes.fixes, model::AddFix);
  if (!status.ok()) return status;
  return operand;
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

absl::StatusOr<uint64_t> ParseSize(const std::string& text) {
  static constexpr struct {
    const char* unit;
    int shift;
  } kUnits[] = {{"K", 10}, {"M", 20}, {"G", 30}, {"T", 40}};
  absl::string_view number = text;
  int shift = 0;
  // "2GiB" is "2G".
  const bool named = absl::ConsumeSuffix(&number, "iB");
  for (const auto& [unit, bits] : kUnits) {
    if (shift == 0 && absl::ConsumeSuffix(&number, unit)) shift = bits;
  }
  uint64_t value = 0;
  const bool digits = !number.empty() && absl::ascii_isdigit(static_cast<unsigned char>(number[0]));
  if (!digits || (named && shift == 0) || !absl::SimpleAtoi(number, &value) || value == 0 ||
      value > (~uint64_t{0} >> shift)) {
    return absl::InvalidArgumentError(absl::StrCat("--max-memory: found '", base::Ascii(text),
                                                   "', expected a size like 512M or 8GiB"));
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

absl::Status MayBeWritten(absl::string_view option, const std::string& file,
                          const std::vector<std::string>& inputs) {
  const bool read = std::any_of(inputs.begin(), inputs.end(), [&file](const std::string& input) {
    std::error_code ignored;
    return std::filesystem::equivalent(file, input, ignored);
  });
  // Of a directory that is read, too.
  if (!read && !absl::EndsWith(file, ".scn")) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(option, ": found ", base::Ascii(file),
                                                 ", which is read", read ? "" : " as a scenario",
                                                 ", expected a file that may be written over"));
}

absl::Status PrepareJson(const std::string& file, const std::vector<std::string>& inputs) {
  if (file.empty()) return absl::OkStatus();
  if (file != kStandardOutput) {
    absl::Status status = MayBeWritten("--json", file, inputs);
    return status.ok() ? base::CheckWritable(file) : status;
  }
  text_is_printed = false;
  return absl::OkStatus();
}

absl::Status WriteJson(const std::string& file, const std::string& json) {
  if (file != kStandardOutput) return base::WriteFile(file, json);
  Write(json);
  return FlushOutput();
}

void Print(absl::string_view text) {
  if (text_is_printed) Write(text);
}

absl::Status FlushOutput() {
  if (std::fflush(stdout) != 0 && write_error == 0) write_error = errno;
  if (write_error == 0) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("standard output cannot be written: ", std::strerror(write_error)));
}

}  // namespace knotcheck::tools
