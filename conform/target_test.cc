// SPDX-License-Identifier: Apache-2.0

#include "conform/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"

namespace knotcheck::conform::target_test {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Shell scripts stand in for the runner and for QEMU.
class TargetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = fs::path(::testing::TempDir()) /
                 absl::StrCat("knotcheck_target_", ::getpid(), "_",
                              ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(directory_);
    options_.limit = seconds(30);
  }
  void TearDown() override {
    fs::remove_all(directory_);
    // No child is left, not even a zombie.
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
  }

  std::string Write(const std::string& name, const std::string& text) {
    const fs::path path = directory_ / name;
    std::ofstream(path) << text;
    fs::permissions(path, fs::perms::owner_all);
    return path.string();
  }
  std::string Script(const std::string& body) { return Write("script", "#!/bin/sh\n" + body); }
  std::string Path(const std::string& name) const { return (directory_ / name).string(); }
  std::string ReadAll(const std::string& name) const {
    std::stringstream text;
    text << std::ifstream(directory_ / name).rdbuf();
    return text.str();
  }
  // Whether the process whose number stands in the file is gone soon. Whoever adopts an orphan may
  // need a moment to reap it.
  bool Dies(const std::string& name) const {
    std::string pid = ReadAll(name);
    if (pid.empty()) return false;
    pid.pop_back();
    for (int i = 0; i < 250; ++i) {
      std::ifstream stat("/proc/" + pid + "/stat");
      std::string number, program, state;
      if (!(stat >> number >> program >> state) || state == "Z" || state == "X") return true;
      std::this_thread::sleep_for(milliseconds(20));
    }
    return false;
  }

  TargetOutput Host(const std::string& body, const std::string& plans = "") {
    options_.runner = Script(body);
    const auto output = RunOnHost(plans, options_);
    EXPECT_TRUE(output.ok()) << output.status();
    return output.ok() ? *output : TargetOutput();
  }
  // A guest whose console is what `body` prints.
  void PrepareGuest(const std::string& body) {
    options_.qemu = Script(body);
    options_.runner = Write("runner", "the runner\n");
    std::string image(0x400, '\0');
    image.replace(0x202, 4, "HdrS");
    options_.bzimage = Write("bzImage", image);
  }
  TargetOutput Guest(const std::string& body) {
    PrepareGuest(body);
    const auto output = RunInQemu("plan a\nend\n", options_);
    EXPECT_TRUE(output.ok()) << output.status();
    return output.ok() ? *output : TargetOutput();
  }

  fs::path directory_;
  TargetOptions options_;
};

TEST_F(TargetTest, HostRunnerReadsThePlansAndIsRead) {
  std::string progress;
  options_.progress = [&](std::string_view line) { progress.append(line).push_back('|'); };
  const TargetOutput output = Host("echo \"args $*\"; cat; echo warning >&2", "plan a\nend\n");
  EXPECT_THAT(output.lines, ElementsAre("args -", "plan a", "end"));
  EXPECT_TRUE(output.complete);
  EXPECT_EQ(output.ended, "");
  EXPECT_EQ(progress, "args -|plan a|end|");
  EXPECT_EQ(output.console, "args -\nplan a\nend\nwarning\n");
}

TEST_F(TargetTest, HostManyPlansAndMuchOutput) {
  std::string plans;
  for (int i = 0; i < 100000; ++i) absl::StrAppend(&plans, "# line ", i, "\n");
  const TargetOutput output = Host("cat", plans);
  EXPECT_TRUE(output.complete);
  EXPECT_EQ(output.lines.size(), 100000u);
  EXPECT_EQ(output.console, plans);
  // A runner that does not read them is no problem either.
  EXPECT_TRUE(Host("echo ok", plans).complete);
}

TEST_F(TargetTest, HostRunnerIsKilled) {
  const TargetOutput output = Host("echo begin a; kill -9 $$");
  EXPECT_THAT(output.lines, ElementsAre("begin a"));
  EXPECT_FALSE(output.complete);
  EXPECT_EQ(output.ended, "the runner was killed by signal 9");
}

TEST_F(TargetTest, HostRunnerHangs) {
  options_.limit = seconds(1);
  const auto begin = std::chrono::steady_clock::now();
  const TargetOutput output =
      Host(absl::StrCat("echo begin a; sleep 1000 & echo $! >", Path("pid"), "; wait"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(10));
  EXPECT_THAT(output.lines, ElementsAre("begin a"));
  EXPECT_FALSE(output.complete);
  EXPECT_EQ(output.ended, "the time limit of 1 s");
  EXPECT_TRUE(Dies("pid"));  // its child, too
}

TEST_F(TargetTest, HostRunnerLeavesAChildThatHoldsItsOutput) {
  const auto begin = std::chrono::steady_clock::now();
  const TargetOutput output = Host("echo a; sleep 1000 & setsid sleep 3 & exit 0");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(3));
  EXPECT_TRUE(output.complete);
  EXPECT_THAT(output.lines, ElementsAre("a"));
}

TEST_F(TargetTest, HostHalfALineIsNone) {
  const TargetOutput output = Host("echo whole; printf 'done 0 1'");
  EXPECT_THAT(output.lines, ElementsAre("whole"));
  EXPECT_FALSE(output.complete);
  EXPECT_EQ(output.ended, "the runner ended in the middle of a line");
  EXPECT_THAT(output.console, HasSubstr("done 0 1"));
}

TEST_F(TargetTest, HostRunnerRefuses) {
  const TargetOutput output =
      Host("echo first >&2; echo '-:3: found x, expected a number' >&2; exit 3");
  EXPECT_THAT(output.lines, IsEmpty());
  EXPECT_EQ(output.ended, "the runner ended with status 3: -:3: found x, expected a number");
}

TEST_F(TargetTest, HostInterrupted) {
  std::atomic<bool> interrupted = false;
  options_.interrupted = &interrupted;
  options_.progress = [&](std::string_view) { interrupted = true; };
  const TargetOutput output = Host("echo a; sleep 1000");
  EXPECT_THAT(output.lines, ElementsAre("a"));
  EXPECT_EQ(output.ended, "interrupted");
}

TEST_F(TargetTest, HostRunnerDiesWithItsWatcher) {
  options_.runner = Script(absl::StrCat("echo $$ >", Path("new"), "; mv ", Path("new"), " ",
                                        Path("pid"), "; exec sleep 1000"));
  const pid_t watcher = ::fork();
  if (watcher == 0) {
    static_cast<void>(RunOnHost("", options_));
    ::_exit(0);
  }
  for (int i = 0; i < 500 && !fs::exists(Path("pid")); ++i) {
    std::this_thread::sleep_for(milliseconds(20));
  }
  ::kill(watcher, SIGKILL);
  EXPECT_EQ(::waitpid(watcher, nullptr, 0), watcher);
  EXPECT_TRUE(Dies("pid"));
}

TEST_F(TargetTest, HostWithoutRunner) {
  options_.runner = Path("missing");
  const auto missing = RunOnHost("", options_);
  EXPECT_TRUE(absl::IsNotFound(missing.status())) << missing.status();
  EXPECT_THAT(std::string(missing.status().message()),
              HasSubstr("missing: cannot be run: No such"));
  options_.runner = directory_.string();
  const auto directory = RunOnHost("", options_);
  EXPECT_TRUE(absl::IsUnavailable(directory.status())) << directory.status();
}

TEST_F(TargetTest, GuestRunsToItsEnd) {
  options_.files = {{"/tests/deep/program", Write("program", "a program\n")}};
  const TargetOutput output = Guest(absl::StrCat(
      "echo \"$@\" >", Path("args"), "; cat <&3 >", Path("initrd"),
      "; printf '[    0.1] x\\r\\nKNOT begin a\\r\\nKNOT end a ok\\r\\nKNOT bye\\r\\n'"));
  EXPECT_THAT(output.lines, ElementsAre("begin a", "end a ok"));
  EXPECT_TRUE(output.complete) << output.ended;
  EXPECT_EQ(output.ended, "");
  const std::string args = ReadAll("args");
  EXPECT_THAT(args,
              HasSubstr("-accel tcg -cpu max,la57=off -smp 2 -m 1024M -nographic -no-reboot"));
  EXPECT_THAT(args, HasSubstr(absl::StrCat("-kernel ", options_.bzimage)));
  EXPECT_THAT(args, HasSubstr("printk.time=1"));
  EXPECT_THAT(args, Not(HasSubstr("kvm")));
  const std::string initrd = ReadAll("initrd");
  for (const char* part : {"dev/console", "proc", "sys", "tmp", "init", "the runner\n", "plans",
                           "plan a\nend\n", "tests/deep", "tests/deep/program", "a program\n"}) {
    EXPECT_THAT(initrd, HasSubstr(part));
  }
  options_.kvm = true;
  Guest(absl::StrCat("echo \"$@\" >", Path("args"), "; echo KNOT bye"));
  EXPECT_THAT(ReadAll("args"), ::testing::StartsWith("-accel kvm -accel tcg "));
}

TEST_F(TargetTest, GuestPanics) {
  const TargetOutput output = Guest(
      "echo KNOT begin a\n"
      "echo '[    2.000000] BUG: KASAN: slab-use-after-free in f+0x1/0x2'\n"
      "echo '[    2.000001] =================================================='\n"
      "echo '[    2.100000] Kernel panic - not syncing: Fatal exception'\n");
  EXPECT_THAT(output.lines, ElementsAre("begin a"));
  EXPECT_FALSE(output.complete);
  EXPECT_EQ(output.ended, "the kernel panicked: Fatal exception");
  EXPECT_THAT(output.reports, ElementsAre("BUG: KASAN: slab-use-after-free in f+0x1/0x2\n",
                                          "Kernel panic - not syncing: Fatal exception\n"));
}

TEST_F(TargetTest, GuestRunnerRefuses) {
  const TargetOutput output =
      Guest("echo KNOT probe root yes; echo 'KNOT error /plans:2: found x'; echo KNOT bye");
  EXPECT_THAT(output.lines, ElementsAre("probe root yes"));
  EXPECT_FALSE(output.complete);
  EXPECT_EQ(output.ended, "the runner ended with an error: /plans:2: found x");
}

TEST_F(TargetTest, GuestHangs) {
  options_.limit = seconds(1);
  const TargetOutput output = Guest("echo KNOT begin a; exec sleep 1000");
  EXPECT_THAT(output.lines, ElementsAre("begin a"));
  EXPECT_EQ(output.ended, "the time limit of 1 s");
}

TEST_F(TargetTest, GuestNeverReachesTheRunner) {
  options_.silence = seconds(1);
  const TargetOutput output = Guest("echo '[    0.000000] Linux version'; exec sleep 1000");
  EXPECT_EQ(output.ended, "no line of the runner, and the console was silent for 1 s");
  EXPECT_EQ(Guest("echo hello").ended, "the guest went off before the runner's first line");
  EXPECT_EQ(Guest("echo KNOT a").ended, "the guest went off before the runner's last line");
}

TEST_F(TargetTest, GuestIsInterrupted) {
  std::atomic<bool> interrupted = false;
  options_.interrupted = &interrupted;
  options_.progress = [&](std::string_view) { interrupted = true; };
  EXPECT_EQ(Guest("echo KNOT a; sleep 1000").ended, "interrupted");
}

TEST_F(TargetTest, QemuIsMissingOrFails) {
  PrepareGuest("echo 'qemu: could not load kernel' >&2; exit 1");
  const auto failed = RunInQemu("", options_);
  EXPECT_TRUE(absl::IsUnavailable(failed.status()));
  EXPECT_EQ(failed.status().message(), "QEMU ended with status 1: qemu: could not load kernel");
  options_.qemu = "qemu-system-no-such-machine";
  const auto missing = RunInQemu("", options_);
  EXPECT_TRUE(absl::IsNotFound(missing.status()));
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("package qemu-system-x86"));
}

TEST_F(TargetTest, WhatIsNoKernelIsRefused) {
  PrepareGuest("echo KNOT bye");
  options_.bzimage = Write("text", std::string(0x1000, 'x'));
  const auto text = RunInQemu("", options_);
  EXPECT_TRUE(absl::IsInvalidArgument(text.status()));
  EXPECT_THAT(std::string(text.status().message()),
              HasSubstr("text: found no kernel, expected an x86 bzImage"));
  options_.bzimage = Write("short", "HdrS");
  EXPECT_TRUE(absl::IsInvalidArgument(RunInQemu("", options_).status()));
  options_.bzimage = Path("missing");
  EXPECT_TRUE(absl::IsNotFound(RunInQemu("", options_).status()));
}

TEST_F(TargetTest, GuestFilesAreChecked) {
  PrepareGuest("echo KNOT bye");
  const std::string file = Write("file", "x");
  for (const char* path : {"", "/", "relative", "/a/../b", "/a//b", "/a/", "/./a", "/init",
                           "/plans", "/dev/console", "/tmp"}) {
    options_.files = {{path, file}};
    EXPECT_TRUE(absl::IsInvalidArgument(RunInQemu("", options_).status())) << path;
  }
  options_.files = {{"/a", Path("missing")}};
  EXPECT_TRUE(absl::IsNotFound(RunInQemu("", options_).status()));
}

}  // namespace
}  // namespace knotcheck::conform::target_test
