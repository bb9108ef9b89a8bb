// SPDX-License-Identifier: Apache-2.0

#include "conform/emit/emit_c.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gtest/gtest.h"
#include "lang/parse.h"
#include "model/proposal.h"

namespace knotcheck::conform::emit_c_test {
namespace {

struct Emitted {
  absl::StatusOr<std::string> program = absl::NotFoundError("no such run");
  bool holds = false;
};

std::string TextOf(const std::string& scenario) {
  std::ifstream file(absl::StrCat(KNOTCHECK_SOURCE_DIR, "/scenarios/", scenario, ".scn"));
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The first run of the text that breaks `property`, or that breaks nothing.
Emitted EmitText(const std::string& text, const std::string& proposal, const std::string& property,
                 bool broken) {
  Emitted emitted;
  const absl::StatusOr<lang::Scenario> scenario = lang::Parse(text, "test.scn");
  if (!scenario.ok()) {
    emitted.program = scenario.status();
    return emitted;
  }
  lang::CompileOptions options;
  options.explicit_writes = 1;
  const auto question =
      verify::Question::Make(*scenario, *model::FindProposal(proposal), {}, options);
  if (!question.ok()) {
    emitted.program = question.status();
    return emitted;
  }
  const auto& properties = (*question)->system().properties();
  for (const ForcedRun& run : FindForcedRuns(**question, {}).runs) {
    for (size_t i = 0; i < properties.size(); ++i) {
      if (properties[i].name != property) continue;
      if (broken ? !(run.violated >> i & 1) : run.violated != 0) continue;
      emitted.holds = run.holds;
      emitted.program = EmitC({absl::StrCat("test under ", proposal), property,
                               properties[i].sentence, properties[i].source, text},
                              **question, run);
      return emitted;
    }
  }
  return emitted;
}

Emitted EmitOf(const std::string& scenario, const std::string& proposal,
               const std::string& property, bool broken) {
  return EmitText(TextOf(scenario), proposal, property, broken);
}

size_t Columns(const std::string& line) {
  size_t columns = 0;
  for (const char c : line) columns = c == '\t' ? (columns / 8 + 1) * 8 : columns + 1;
  return columns;
}

// A directory that goes with the test.
class Compiled {
 public:
  explicit Compiled(const std::string& program) {
    char name[] = "/tmp/emit_c_test-XXXXXX";
    if (mkdtemp(name) == nullptr) return;
    dir_ = name;
    std::ofstream(dir_ + "/x.c") << program;
    errors_ = Output("cc -static -O1 -Wall -Wextra -Werror -o " + dir_ + "/x " + dir_ + "/x.c 2>&1",
                     &status_);
  }
  ~Compiled() {
    if (!dir_.empty()) std::filesystem::remove_all(dir_);
  }
  Compiled(const Compiled&) = delete;
  Compiled& operator=(const Compiled&) = delete;

  int status() const { return status_; }
  const std::string& errors() const { return errors_; }
  // A held task may run on a machine that others keep busy: the program says so, and is run again.
  std::string Run(int* status) const {
    std::string output;
    for (int i = 0; i < 5; ++i) {
      output = Output("timeout 40 " + dir_ + "/x", status);
      if (!absl::StrContains(output, "please try again")) break;
    }
    return output;
  }

 private:
  static std::string Output(const std::string& command, int* status) {
    std::string output;
    std::FILE* pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) return output;
    char buffer[4096];
    for (size_t n = 0; (n = std::fread(buffer, 1, sizeof(buffer), pipe)) > 0;) {
      output.append(buffer, n);
    }
    const int end = pclose(pipe);
    *status = WIFEXITED(end) ? WEXITSTATUS(end) : -1;
    return output;
  }

  std::string dir_;
  std::string errors_;
  int status_ = -1;
};

bool HasCompiler() { return std::system("command -v cc >/dev/null 2>&1") == 0; }

std::string LastLine(const std::string& output) {
  std::vector<std::string> lines = absl::StrSplit(output, '\n', absl::SkipEmpty());
  return lines.empty() ? "" : lines.back();
}

// Folders that programs leave behind if they do not clean up.
std::set<std::string> Leftovers() {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator("/tmp")) {
    const std::string name = entry.path().filename();
    if (absl::StartsWith(name, "seccomp-")) names.insert(name);
  }
  return names;
}

struct Case {
  const char* scenario;
  const char* proposal;
  const char* property;
};

constexpr Case kCases[] = {
    {"attack/openat_path", "baseline", "toctou"},
    {"notifier/addfd_signal", "baseline", "addfd-once"},
    {"attack/bind_fd_swap", "baseline", "fd-identity"},
    {"attack/execve_filename", "baseline", "toctou"},
    {"pin_args/deny_then_next_call", "pin_args", "fresh-pin"},
    {"attack/write_legacy_file", "pin_args", "toctou"},
    {"pin_args/pinned_without_record", "pin_args", "fail-closed"},
};

TEST(EmitC, LinesAreShort) {
  for (const Case& c : kCases) {
    const Emitted emitted = EmitOf(c.scenario, c.proposal, c.property, true);
    ASSERT_TRUE(emitted.program.ok()) << c.scenario << ": " << emitted.program.status();
    for (const std::string& line :
         std::vector<std::string>(absl::StrSplit(*emitted.program, '\n'))) {
      EXPECT_LE(Columns(line), 80u) << c.scenario << ": " << line;
      EXPECT_EQ(line, std::string(absl::StripTrailingAsciiWhitespace(line))) << c.scenario;
    }
    EXPECT_FALSE(absl::StrContains(*emitted.program, "EMIT_")) << c.scenario;
  }
}

TEST(EmitC, ShowsBrokenPromisesHere) {
  if (!HasCompiler()) GTEST_SKIP() << "no cc";
  const std::set<std::string> before = Leftovers();
  for (const Case& c : kCases) {
    const Emitted emitted = EmitOf(c.scenario, c.proposal, c.property, true);
    ASSERT_TRUE(emitted.program.ok()) << c.scenario << ": " << emitted.program.status();
    const Compiled compiled(*emitted.program);
    ASSERT_EQ(compiled.status(), 0) << c.scenario << ": " << compiled.errors();
    if (std::string(c.proposal) != "baseline" || geteuid() != 0) continue;
    int status = -1;
    const std::string output = compiled.Run(&status);
    if (status == 4) continue;
    EXPECT_EQ(status, 1) << c.scenario << ": " << output;
    EXPECT_TRUE(absl::StartsWith(output, "TAP version 13\n1..1\n# ")) << output;
    EXPECT_TRUE(absl::StartsWith(LastLine(output), absl::StrCat("not ok 1 ", c.property, ": ")))
        << c.scenario << ": " << output;
  }
  // Others may run such programs now: theirs go, too.
  std::set<std::string> left;
  for (int i = 0; i < 100; ++i) {
    left.clear();
    for (const std::string& name : Leftovers()) {
      if (before.count(name) == 0) left.insert(name);
    }
    if (left.empty()) break;
    usleep(100'000);
  }
  EXPECT_EQ(left, std::set<std::string>());
}

TEST(EmitC, KeptPromisesAreOk) {
  if (!HasCompiler()) GTEST_SKIP() << "no cc";
  for (const char* scenario : {"attack/openat_path", "notifier/addfd_signal"}) {
    const Emitted emitted = EmitOf(scenario, "baseline", "one-reply", false);
    ASSERT_TRUE(emitted.program.ok()) << scenario << ": " << emitted.program.status();
    const Compiled compiled(*emitted.program);
    ASSERT_EQ(compiled.status(), 0) << scenario << ": " << compiled.errors();
    if (geteuid() != 0) continue;
    int status = -1;
    const std::string output = compiled.Run(&status);
    if (status == 4) continue;
    EXPECT_EQ(status, 0) << scenario << ": " << output;
    EXPECT_TRUE(absl::StartsWith(LastLine(output), "ok 1 one-reply: ")) << output;
  }
}

TEST(EmitC, ARunThatGoesOtherwiseIsOk) {
  if (!HasCompiler() || geteuid() != 0) GTEST_SKIP() << "no cc, or not root";
  const Emitted emitted = EmitOf("attack/openat_path", "baseline", "toctou", true);
  ASSERT_TRUE(emitted.program.ok()) << emitted.program.status();
  // As on a kernel that opens what was approved.
  std::string program = *emitted.program;
  const std::string expected = "opened(T, \"/evil\");";
  const size_t at = program.find(expected);
  ASSERT_NE(at, std::string::npos);
  program.replace(at, expected.size(), "opened(T, \"/ok\");");
  const Compiled compiled(program);
  ASSERT_EQ(compiled.status(), 0) << compiled.errors();
  int status = -1;
  const std::string output = compiled.Run(&status);
  if (status == 4) GTEST_SKIP() << output;
  EXPECT_EQ(status, 0) << output;
  EXPECT_EQ(LastLine(output), "ok 1 toctou");
  EXPECT_TRUE(absl::StrContains(output, "# not what was expected: \"/evil\", expected \"/ok\"\n"))
      << output;
}

TEST(EmitC, AKernelWithoutTheProposalIsSkipped) {
  if (!HasCompiler() || geteuid() != 0) GTEST_SKIP() << "no cc, or not root";
  const Emitted emitted = EmitOf("pin_args/pinned_without_record", "pin_args", "fail-closed", true);
  ASSERT_TRUE(emitted.program.ok()) << emitted.program.status();
  const Compiled compiled(*emitted.program);
  ASSERT_EQ(compiled.status(), 0) << compiled.errors();
  int status = -1;
  const std::string output = compiled.Run(&status);
  if (status == 1) GTEST_SKIP() << "this kernel has PIN_ARGS";
  EXPECT_EQ(status, 4) << output;
  EXPECT_TRUE(absl::StartsWith(LastLine(output), "ok 1 # SKIP ")) << output;
}

// A comment of the scenario does not end that of the program; names of C are no trouble.
TEST(EmitC, ScenariosDoNotReachTheCode) {
  if (!HasCompiler()) GTEST_SKIP() << "no cc";
  const std::string text =
      "# name: test\n# question: */ int x; /* ?\n# source: s\n# result: baseline=?\n# why: y\n"
      "memory path = \"/ok\" | \"/evil\"\ntarget main { openat(AT_FDCWD, path, O_RDONLY) }\n"
      "peer P shares memory with main\n"
      "supervisor errno { policy: allow openat if path == \"/ok\", else EACCES }\n";
  const Emitted emitted = EmitText(text, "baseline", "toctou", true);
  ASSERT_TRUE(emitted.program.ok()) << emitted.program.status();
  const Compiled compiled(*emitted.program);
  EXPECT_EQ(compiled.status(), 0) << compiled.errors();
}

TEST(EmitC, SaysWhatItCannotDo) {
  const Emitted seccomp = EmitOf("history/two_listeners", "baseline", "one-reply", false);
  EXPECT_EQ(seccomp.program.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_TRUE(absl::StrContains(seccomp.program.status().message(), "seccomp()"))
      << seccomp.program.status();
  const Emitted fork = EmitOf("pin_args/fork_child", "pin_args", "charge", true);
  EXPECT_EQ(fork.program.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_TRUE(absl::StrContains(fork.program.status().message(), "fork()"))
      << fork.program.status();
}

}  // namespace
}  // namespace knotcheck::conform::emit_c_test
