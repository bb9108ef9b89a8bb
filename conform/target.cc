// SPDX-License-Identifier: Apache-2.0

#include "conform/target.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "base/text.h"
#include "conform/console.h"
#include "conform/cpio.h"
#include "conform/process.h"

namespace knotcheck::conform {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMaxFile = size_t{256} << 20;
constexpr size_t kMagicAt = 0x202;
constexpr char kMagic[] = "HdrS";
// A guest's runner that cannot go on says so in a line of its own, as it has nobody to return a
// status to.
constexpr std::string_view kError = "error ";
// Powering off takes a second; a kernel that hangs there has still done its work.
constexpr auto kPowerOff = std::chrono::seconds(15);

// printk.time: Console needs it. loglevel=5 shows warnings and little else. KASAN reports once
// unless it is told otherwise, and a report during boot would hide the one that a run is for. A
// guest has nothing to do but its plans, so what does not run for half a minute hangs.
constexpr char kCommandLine[] =
    "console=ttyS0 loglevel=5 printk.time=1 panic=-1 oops=panic rdinit=/init kasan_multi_shot "
    "sysctl.kernel.hung_task_timeout_secs=30";

// Without five-level paging: identify_cpu() clears all capabilities and reads them again, with
// interrupts enabled. An interrupt in between finds KASAN_SHADOW_START computed for four levels,
// and KASAN reports a wild access that is none (6.12 to 7.1: "kasan: Fix false-positive
// wild-memory-access on x86 under 5-level paging", linux-mm, 2026-06-10).
constexpr char kProcessor[] = "max,la57=off";

std::string LastLine(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const size_t newline = text.rfind('\n');
  return base::Ascii(newline == std::string::npos ? text : text.substr(newline + 1));
}

// "WHAT ended with status 3: what it said last".
std::string DescribeEnd(const std::string& what, const ProcessResult& result) {
  const std::string said = LastLine(result.errors);
  return absl::StrCat(DescribeStatus(what, result.status), said.empty() ? "" : ": ", said);
}

absl::Status CheckKernel(const std::string& path) {
  const auto image = base::ReadFile(path, kMaxFile);
  if (!image.ok()) return image.status();
  if (image->size() < kMagicAt + 4 || image->compare(kMagicAt, 4, kMagic) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(base::Ascii(path),
                     ": found no kernel, expected an x86 bzImage (\"HdrS\" at offset 0x202)"));
  }
  return absl::OkStatus();
}

// A path in the guest without its leading slash.
absl::StatusOr<std::string> GuestPath(const std::string& path) {
  const std::string inside = path + "/";
  if (path.size() < 2 || path[0] != '/' || path.back() == '/' ||
      inside.find("/../") != std::string::npos || inside.find("/./") != std::string::npos ||
      inside.find("//") != std::string::npos || inside.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat(
        "found '", base::Ascii(path), "', expected a file's absolute path in the guest"));
  }
  return path.substr(1);
}

absl::StatusOr<std::string> Initramfs(const std::string& plans, const TargetOptions& options) {
  const auto runner = base::ReadFile(options.runner, kMaxFile);
  if (!runner.ok()) return runner.status();
  std::vector<CpioEntry> entries;
  std::set<std::string> known;
  const auto directory = [&](const std::string& path, mode_t mode) {
    if (known.insert(path).second) entries.push_back({.path = path, .mode = S_IFDIR | mode});
  };
  for (const char* path : {"dev", "proc", "sys"}) directory(path, 0755);
  directory("tmp", 01777);
  // The kernel opens this one for init before devtmpfs is there.
  entries.push_back(
      {.path = "dev/console", .mode = S_IFCHR | 0600, .rdev_major = 5, .rdev_minor = 1});
  entries.push_back({.path = "init", .mode = S_IFREG | 0755, .content = *runner});
  entries.push_back({.path = "plans", .mode = S_IFREG | 0644, .content = plans});
  known.insert({"dev/console", "init", "plans"});
  for (const auto& [there, here] : options.files) {
    const auto path = GuestPath(there);
    if (!path.ok()) return path.status();
    auto content = base::ReadFile(here, kMaxFile);
    if (!content.ok()) return content.status();
    for (size_t slash = path->find('/'); slash != std::string::npos;
         slash = path->find('/', slash + 1)) {
      directory(path->substr(0, slash), 0755);
    }
    if (!known.insert(*path).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("found ", base::Ascii(there), " twice, expected it once in the guest"));
    }
    entries.push_back({.path = *path, .mode = S_IFREG | 0755, .content = *std::move(content)});
  }
  return WriteCpio(entries);
}

std::vector<std::string> QemuArguments(const TargetOptions& options) {
  std::vector<std::string> argv = {options.qemu};
  // QEMU takes the first that works.
  if (options.kvm) argv.insert(argv.end(), {"-accel", "kvm"});
  argv.insert(argv.end(), {"-accel",
                           "tcg",
                           "-cpu",
                           kProcessor,
                           "-smp",
                           "2",
                           "-m",
                           absl::StrCat(options.memory_mb, "M"),
                           "-nographic",
                           "-no-reboot",
                           "-nodefaults",
                           "-serial",
                           "stdio",
                           "-monitor",
                           "none",
                           "-kernel",
                           options.bzimage,
                           "-initrd",
                           absl::StrCat("/proc/self/fd/", kProcessFile),
                           "-append",
                           kCommandLine});
  return argv;
}

// Why the guest's runner did not come to its end.
std::string WhyIncomplete(const Console& console, const ProcessResult& result) {
  if (!console.panic().empty()) {
    return absl::StrCat("the kernel panicked: ", base::Ascii(console.panic()));
  }
  if (!result.stopped.empty()) return result.stopped;
  if (result.status != 0) return DescribeEnd("QEMU", result);
  return console.heard() ? "the guest went off before the runner's last line"
                         : "the guest went off before the runner's first line";
}

}  // namespace

absl::StatusOr<TargetOutput> RunOnHost(const std::string& plans, const TargetOptions& options) {
  const auto input = MemoryFile("knotcheck-plans", plans);
  if (!input.ok()) return input.status();
  const absl::Cleanup close_input = [&] { ::close(*input); };

  TargetOutput output;
  size_t begin = 0;  // of the line that has not ended
  ProcessOptions process;
  process.argv = {options.runner, options.argument};
  process.input = *input;
  process.limit = options.limit;
  process.interrupted = options.interrupted;
  process.output = [&](std::string_view bytes) {
    output.console.append(bytes);
    for (size_t newline = output.console.find('\n', begin); newline != std::string::npos;
         newline = output.console.find('\n', begin)) {
      output.lines.push_back(output.console.substr(begin, newline - begin));
      begin = newline + 1;
      if (options.progress) options.progress(output.lines.back());
    }
  };
  const auto result = RunProcess(process);
  if (!result.ok()) return result.status();
  const bool half = begin < output.console.size();
  if (!result->stopped.empty()) {
    output.ended = result->stopped;
  } else if (result->status != 0) {
    output.ended = DescribeEnd("the runner", *result);
  } else if (half) {
    output.ended = "the runner ended in the middle of a line";
  } else {
    output.complete = true;
  }
  output.console.append(half ? "\n" : "").append(result->errors);
  return output;
}

absl::StatusOr<TargetOutput> RunInQemu(const std::string& plans, const TargetOptions& options) {
  if (const absl::Status status = CheckKernel(options.bzimage); !status.ok()) return status;
  const auto archive = Initramfs(plans, options);
  if (!archive.ok()) return archive.status();
  const auto file = MemoryFile("knotcheck-initramfs", *archive);
  if (!file.ok()) return file.status();
  const absl::Cleanup close_file = [&] { ::close(*file); };

  Console console(options.progress);
  auto last_byte = Clock::now();
  ProcessOptions process;
  process.argv = QemuArguments(options);
  process.file = *file;
  process.limit = options.limit;
  process.interrupted = options.interrupted;
  process.output = [&](std::string_view bytes) {
    last_byte = Clock::now();
    console.Add(bytes);
  };
  process.enough = [&]() -> std::string {
    const auto silent = Clock::now() - last_byte;
    if (console.bye() && silent > kPowerOff) return "the guest did not power off";
    if (console.heard() || silent <= options.silence) return "";
    return absl::StrCat("no line of the runner, and the console was silent for ",
                        options.silence.count() / 1000, " s");
  };
  const auto result = RunProcess(process);
  if (absl::IsNotFound(result.status())) {
    return absl::NotFoundError(absl::StrCat(
        result.status().message(), " (Debian's package qemu-system-x86 has qemu-system-x86_64)"));
  }
  if (!result.ok()) return result.status();
  console.Finish();
  if (result->stopped.empty() && result->status != 0 && console.text().empty()) {
    return absl::UnavailableError(DescribeEnd("QEMU", *result));
  }
  TargetOutput output;
  output.lines = console.lines();
  output.complete = console.bye();
  output.reports = console.reports();
  output.console = console.text() + result->errors;
  if (!output.complete) {
    output.ended = WhyIncomplete(console, *result);
  } else if (!output.lines.empty() && output.lines.back().starts_with(kError)) {
    output.complete = false;
    output.ended = absl::StrCat("the runner ended with an error: ",
                                base::Ascii(output.lines.back().substr(kError.size())));
    output.lines.pop_back();
  }
  return output;
}

}  // namespace knotcheck::conform
