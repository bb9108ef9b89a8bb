// SPDX-License-Identifier: Apache-2.0

#include "base/text.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace knotcheck::base::text_test {
namespace {

using testing::Test;

std::string WithoutBlanks(const std::string& text) {
  return absl::StrReplaceAll(text, {{" ", ""}, {"\n", ""}});
}

// Words as reports have them: identifiers, calls, quoted values.
rc::Gen<std::string> Text() {
  const auto word = rc::gen::container<std::string>(
      rc::gen::elementOf(std::string("abcdefgh_(),/&\"0123456789")));
  return rc::gen::map(
      rc::gen::container<std::vector<std::string>>(word),
      [](const std::vector<std::string>& words) { return absl::StrJoin(words, " "); });
}

RC_GTEST_PROP(Wrap, NeverExceedsTheWidthAndLosesNothing, ()) {
  const std::string text = *Text();
  const size_t width = *rc::gen::inRange<size_t>(2, 60);
  const size_t indent = *rc::gen::inRange<size_t>(0, 10);
  const size_t hang = *rc::gen::inRange<size_t>(0, 10);
  const auto lines = Wrap(text, width, indent, hang);
  RC_ASSERT(!lines.empty());
  for (const std::string& line : lines) RC_ASSERT(line.size() <= width);
  RC_ASSERT(WithoutBlanks(absl::StrJoin(lines, "")) == WithoutBlanks(text));
}

TEST(Wrap, BreaksAtBlanksAndHangs) {
  EXPECT_EQ(Wrap("one two three", 9, 0, 2), (std::vector<std::string>{"one two", "  three"}));
  EXPECT_EQ(Wrap("one two three", 9, 1, 1), (std::vector<std::string>{" one two", " three"}));
  EXPECT_EQ(Wrap("", 9), std::vector<std::string>{""});
}

TEST(Wrap, KeepsBlanksInsideALine) {
  EXPECT_EQ(Wrap("path = \"a  b\"", 20), std::vector<std::string>{"path = \"a  b\""});
}

TEST(Wrap, SplitsALongNameAtASeparator) {
  EXPECT_EQ(Wrap("seccomp_do_user_notification()", 20, 0, 2),
            (std::vector<std::string>{"seccomp_do_user_", "  notification()"}));
  // Not so that a bracket stands alone.
  EXPECT_EQ(Wrap("seccomp_notify_recv()", 20, 0, 2),
            (std::vector<std::string>{"seccomp_notify_", "  recv()"}));
}

TEST(Ascii, EscapesWhatIsNotPrintable) {
  EXPECT_EQ(Ascii("a\x1b[1m\n\xc3\xa9~"), "a\\x1b[1m\\x0a\\xc3\\xa9~");
}

TEST(ShellWord, QuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(ShellWord("scenarios/a-b.scn"), "scenarios/a-b.scn");
  EXPECT_EQ(ShellWord("my file"), "'my file'");
  EXPECT_EQ(ShellWord("it's"), "'it'\\''s'");
  EXPECT_EQ(ShellWord(""), "''");
  EXPECT_EQ(ShellWord("a\nb"), "$'a\\x0ab'");
}

// What the shell makes of plain words.
std::string Joined(const std::vector<std::string>& lines) {
  return absl::StrReplaceAll(absl::StrReplaceAll(absl::StrJoin(lines, "\n"), {{"\\\n", ""}}),
                             {{"   ", " "}});
}

RC_GTEST_PROP(WrapCommand, IsTheSameCommand, ()) {
  const auto word = rc::gen::nonEmpty(
      rc::gen::container<std::string>(rc::gen::elementOf(std::string("abcdefgh_-/:.0123456789"))));
  const auto words =
      *rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(rc::gen::scale(3, word)));
  const size_t width = *rc::gen::inRange<size_t>(20, 60);
  const auto lines = WrapCommand(words, width);
  for (const std::string& line : lines) RC_ASSERT(line.size() <= width);
  RC_ASSERT(Joined(lines) == absl::StrJoin(words, " "));
}

TEST(WrapCommand, SplitsAQuotedWordIntoQuotedPieces) {
  const auto lines = WrapCommand({"cat", "a directory/with blanks in it.scn"}, 20);
  for (const std::string& line : lines) EXPECT_LE(line.size(), 20u) << line;
  EXPECT_EQ(lines[0], "cat \\");
  EXPECT_EQ(lines[1], "  'a directory/wit'\\");
}

TEST(UnknownName, SuggestsTheNearest) {
  EXPECT_EQ(UnknownName("a proposal", "pinargs", {"baseline", "pin_args"}),
            "found 'pinargs', expected a proposal: baseline, pin_args; did you mean 'pin_args'?");
}

TEST(UnknownName, OfManyNamesThreeAtMost) {
  std::vector<std::string> calls = {"openat", "openat2", "open", "opendir", "openat3"};
  for (int i = 0; i < 150; ++i) calls.push_back(absl::StrCat("call_number_", i));
  EXPECT_EQ(UnknownName("a call", "opnat2", calls),
            "found 'opnat2', expected a call; did you mean 'openat2', 'openat' or 'openat3'?");
  EXPECT_EQ(UnknownName("a call", "xyzzy", calls), "found 'xyzzy', expected a call");
  EXPECT_EQ(Alternatives({"a", "b"}), "'a' or 'b'");
}

}  // namespace
}  // namespace knotcheck::base::text_test
