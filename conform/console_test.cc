// SPDX-License-Identifier: Apache-2.0

#include "conform/console.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace knotcheck::conform::console_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

Console Read(std::string_view text) {
  Console console;
  console.Add(text);
  console.Finish();
  return console;
}

TEST(ConsoleText, TheRunnersLinesStandApart) {
  const Console console = Read(
      "\033c\033[?7l\033[2JSeaBIOS (version 1.16)\r\n"
      "[    0.000000] Linux version 6.12.117\r\n"
      "KNOT begin a#1\r\n"
      "# noise of a program: BUG: no timestamp\r\n"
      "KNOT done 0 1 0\r\n"
      "KNOT bye\r\n"
      "[    2.500000] reboot: Power down\r\n");
  EXPECT_THAT(console.lines(), ElementsAre("begin a#1", "done 0 1 0"));
  EXPECT_TRUE(console.heard());
  EXPECT_TRUE(console.bye());
  EXPECT_THAT(console.reports(), IsEmpty());
  EXPECT_EQ(console.panic(), "");
  EXPECT_THAT(console.text(), Not(HasSubstr("\r")));
  EXPECT_THAT(console.text(), Not(HasSubstr("\033")));
  EXPECT_THAT(console.text(), HasSubstr("\nKNOT done 0 1 0\n"));
}

TEST(ConsoleText, BytesComeInAnyPieces) {
  const std::string text = "KNOT a\r\n[    1.000000] x\r\nKNOT b\033[0m c\r\nKNOT hal";
  std::string seen;
  Console console([&](std::string_view line) { seen.append(line).push_back('|'); });
  for (const char c : text) console.Add(std::string_view(&c, 1));
  console.Finish();
  EXPECT_THAT(console.lines(), ElementsAre("a", "b c"));
  EXPECT_EQ(seen, "a|b c|");
  EXPECT_FALSE(console.bye());
  EXPECT_THAT(console.text(), ::testing::EndsWith("KNOT hal"));
}

TEST(ConsoleText, TheKernelPrintsInTheMiddleOfALine) {
  const Console console = Read(
      "KNOT done 0 [   12.345678] BUG: KASAN: slab-use-after-free in f+0x1/0x2\r\n"
      "[   12.345690][   T42] Read of size 8\r\n"
      "1 -1[   12.345700] x\r\n"
      "3\r\n"
      "KNOT whole[   12.345800] y\r\n"
      "\r\n"
      "KNOT lost its end[   12.345900] z\r\n"
      "KNOT next [1.2] is no timestamp\r\n");
  EXPECT_THAT(console.lines(),
              ElementsAre("done 0 1 -13", "whole", "lost its end", "next [1.2] is no timestamp"));
  EXPECT_THAT(console.reports(), ElementsAre("BUG: KASAN: slab-use-after-free in f+0x1/0x2\n"
                                             "Read of size 8\nx\ny\nz\n"));
}

TEST(ConsoleText, AKasanReportEndsAtItsRuler) {
  const Console console = Read(
      "[    3.000000] ==================================================================\n"
      "[    3.000001] BUG: KASAN: slab-use-after-free in seccomp_do_user_notification+0x1/0x2\n"
      "KNOT done 0 1 0\n"
      "[    3.000002] Write of size 8 at addr ffff888001 by task runner/70\n"
      "[    3.000003] Call Trace:\n"
      "[    3.000004] ==================================================================\n"
      "[    3.000005] Disabling lock debugging due to kernel taint\n");
  EXPECT_THAT(console.lines(), ElementsAre("done 0 1 0"));
  EXPECT_THAT(console.reports(),
              ElementsAre("BUG: KASAN: slab-use-after-free in "
                          "seccomp_do_user_notification+0x1/0x2\n"
                          "Write of size 8 at addr ffff888001 by task runner/70\nCall Trace:\n"));
}

TEST(ConsoleText, EachReportIsOne) {
  const Console console = Read(
      "[    1.000000] ------------[ cut here ]------------\n"
      "[    1.000001] WARNING: CPU: 0 PID: 1 at kernel/seccomp.c:1 f+0x1/0x2\n"
      "[    1.000002]  </TASK>\n"
      "[    1.000003] ---[ end trace 0000000000000000 ]---\n"
      "[    1.100000] ======================================================\n"
      "[    1.100001] WARNING: possible circular locking dependency detected\n"
      "[    1.100002] 6.12.117 Not tainted\n"
      "[    1.100003] ------------------------------------------------------\n"
      "[    1.100004] stack backtrace:\n"
      "[    4.000000] random: crng init done\n"
      "[   40.000000] INFO: task runner:71 blocked for more than 30 seconds.\n"
      "[   40.000001]       Not tainted 6.12.117\n"
      "[   43.000000] general protection fault, probably for non-canonical address 0x1\n"
      "[   43.000001] Oops: general protection fault [#1] PREEMPT SMP\n"
      "[   43.000002] ---[ end trace 0000000000000000 ]---\n"
      "[   43.000003] UBSAN: array-index-out-of-bounds in kernel/seccomp.c:2:3\n");
  ASSERT_THAT(console.reports(), SizeIs(5));
  EXPECT_EQ(console.reports()[0],
            "WARNING: CPU: 0 PID: 1 at kernel/seccomp.c:1 f+0x1/0x2\n </TASK>\n");
  EXPECT_THAT(console.reports()[1], ::testing::StartsWith("WARNING: possible circular locking"));
  EXPECT_THAT(console.reports()[1], ::testing::EndsWith("stack backtrace:\n"));
  EXPECT_THAT(console.reports()[2], HasSubstr("blocked for more than 30 seconds"));
  EXPECT_THAT(console.reports()[3], HasSubstr("Oops: general protection fault [#1]"));
  EXPECT_THAT(console.reports()[4], ::testing::StartsWith("UBSAN: "));
}

TEST(ConsoleText, APanicSaysWhy) {
  const Console console = Read(
      "KNOT begin a\n"
      "[    9.000000] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009\n"
      "[    9.000001] CPU: 0 PID: 1 Comm: init\n"
      "[    9.000002] ---[ end Kernel panic - not syncing: Attempted to kill init! ]---");
  EXPECT_EQ(console.panic(), "Attempted to kill init! exitcode=0x00000009");
  EXPECT_THAT(console.reports(), ElementsAre("Kernel panic - not syncing: Attempted to kill init! "
                                             "exitcode=0x00000009\nCPU: 0 PID: 1 Comm: init\n"));
}

TEST(ConsoleText, AReportThatNeverEndsIsCut) {
  std::string text = "[    1.000000] BUG: x\n";
  for (int i = 0; i < 1000; ++i) text += "[    1.000001] more\n";
  const Console console = Read(text);
  ASSERT_THAT(console.reports(), SizeIs(1));
  EXPECT_LT(console.reports()[0].size(), 3000u);
  EXPECT_THAT(Read("[    1.000000] BUG: without an end").reports(),
              ElementsAre("BUG: without an end\n"));
}

TEST(ConsoleText, GarbageCostsNothing) {
  std::string garbage;
  for (int i = 0; i < 100000; ++i) garbage.push_back(static_cast<char>(i * 7919 >> 3));
  const Console console = Read(garbage + "\033[\n[\n[    \n[    1\n[    1.000000\n\033\nKNOT ok\n");
  EXPECT_THAT(console.lines(), ElementsAre("ok"));
}

}  // namespace
}  // namespace knotcheck::conform::console_test
