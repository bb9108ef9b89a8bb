// SPDX-License-Identifier: Apache-2.0

#include "checker/path.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace knotcheck::checker::path_test {
namespace {

constexpr char kHint[] = " (a path looks like 0:aab3c and is printed with each counterexample)";

Path AnyPath() {
  Path path;
  path.initial = *rc::gen::inRange<uint32_t>(0, 1u << 20);
  const int length = *rc::gen::inRange(0, 100);
  for (int i = 0; i < length; ++i) {
    const auto thread = *rc::gen::inRange<uint16_t>(0, kMaxThreads);
    const auto choice = *rc::gen::oneOf(rc::gen::just<uint16_t>(0), rc::gen::arbitrary<uint16_t>());
    path.actions.push_back(Action{thread, choice});
  }
  return path;
}

RC_GTEST_PROP(PathTest, RoundTrip, ()) {
  const Path path = AnyPath();
  const std::string text = PathToString(path);
  const auto again = PathFromString(text);
  if (!again.ok()) RC_FAIL(again.status().ToString() + "\n" + text);
  RC_ASSERT(*again == path);
}

// The column that an error names, 1 being the first.
size_t ColumnOf(const absl::Status& status) {
  absl::string_view message = status.message();
  const std::vector<absl::string_view> parts = absl::StrSplit(message, absl::MaxSplits(':', 3));
  uint64_t column = 0;
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(parts.size(), 4U) << message;
  if (parts.size() != 4) return 0;
  EXPECT_EQ(parts[0], "path");
  EXPECT_EQ(parts[1], "1");
  EXPECT_TRUE(absl::SimpleAtoi(parts[2], &column)) << message;
  EXPECT_TRUE(absl::ConsumePrefix(&message, absl::StrCat("path:1:", column, ": expected ")));
  EXPECT_TRUE(absl::ConsumeSuffix(&message, kHint));
  return column;
}

RC_GTEST_PROP(PathTest, OneWrongCharacterIsFound, ()) {
  const Path path = AnyPath();
  std::string text = PathToString(path);
  const size_t at = *rc::gen::inRange<size_t>(0, text.size() + 1);
  const char wrong = *rc::gen::element('A', '{', '`', '/', ';', '-', ' ', '\n', '\0', '\xe4');
  text.insert(at, 1, wrong);
  const auto parsed = PathFromString(text);
  RC_ASSERT(!parsed.ok());
  RC_ASSERT(ColumnOf(parsed.status()) == at + 1);
  RC_ASSERT(!::testing::Test::HasFailure());
}

// Whatever the text: an error at a place within it, or a path that says the same.
RC_GTEST_PROP(PathTest, AnyText, ()) {
  const auto characters = rc::gen::container<std::string>(rc::gen::oneOf(
      rc::gen::element('0', '1', '9', 'a', 'b', 'z', ':'), rc::gen::arbitrary<char>()));
  const std::string text = *characters;
  for (const std::string& t : {text, "0:" + text, "7:a" + text}) {
    const auto parsed = PathFromString(t);
    if (parsed.ok()) {
      const auto again = PathFromString(PathToString(*parsed));
      RC_ASSERT(again.ok());
      RC_ASSERT(*again == *parsed);
    } else {
      const size_t column = ColumnOf(parsed.status());
      RC_ASSERT(column >= 1 && column <= t.size() + 1);
    }
  }
  RC_ASSERT(!::testing::Test::HasFailure());
}

TEST(PathTest, Text) {
  EXPECT_EQ(PathToString(Path()), "0:");
  const Path path{7, {{0, 0}, {0, 0}, {1, 3}, {2, 0}, {25, 65'535}, {0, 10}}};
  EXPECT_EQ(PathToString(path), "7:aab3cz65535a10");
  const auto parsed = PathFromString("7:aab3cz65535a10");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(*parsed, path);
}

TEST(PathTest, ChoiceZeroMayBeWritten) {
  const auto parsed = PathFromString("00:a0b00c07");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(PathToString(*parsed), "0:abc7");
}

TEST(PathTest, MalformedTextsGiveThePlace) {
  constexpr char kInitial[] = "the number of an initial state";
  constexpr char kThread[] = "a thread, 'a' to 'z'";
  constexpr char kChoice[] = "a choice below 65536";
  const struct {
    const char* text;
    size_t column;
    const char* expected;
  } rows[] = {
      {"", 1, kInitial},
      {":", 1, kInitial},
      {"a", 1, kInitial},
      {"-1:", 1, kInitial},
      {"+1:", 1, kInitial},
      {" 0:a", 1, kInitial},
      {"1048576:", 7, kInitial},  // the digit that makes it too large
      {"9999999999999999999999:", 7, kInitial},
      {"0", 2, "':'"},
      {"1048575", 8, "':'"},
      {"0a", 2, "':'"},
      {"0 :a", 2, "':'"},
      {"0:A", 3, kThread},
      {"0:3", 3, kThread},
      {"0::", 3, kThread},
      {"0:a b", 4, kThread},
      {"0:ab\n", 5, kThread},
      {"0:a-1", 4, kThread},
      {"0:a1.5", 5, kThread},
      {"0:\xc3\xa4", 3, kThread},
      {"0:a65536", 8, kChoice},
      {"0:a99999", 8, kChoice},
      {"0:ab18446744073709551617", 10, kChoice},
      {"0:a1b4294967296", 11, kChoice},
  };
  for (const auto& row : rows) {
    const auto parsed = PathFromString(row.text);
    ASSERT_FALSE(parsed.ok()) << row.text;
    EXPECT_EQ(parsed.status(), absl::InvalidArgumentError(absl::StrCat(
                                   "path:1:", row.column, ": expected ", row.expected, kHint)))
        << row.text;
  }
}

TEST(PathTest, AtMostAMillionSteps) {
  const std::string text = "0:" + std::string(1'000'000, 'a');
  const auto parsed = PathFromString(text);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->actions.size(), 1'000'000U);
  const auto more = PathFromString(text + "a");
  ASSERT_FALSE(more.ok());
  EXPECT_EQ(ColumnOf(more.status()), 1'000'003U);
}

TEST(PathDeathTest, ThreadsBeyondTheAlphabetAreABug) {
  const Path path{0, {{kMaxThreads, 0}}};
  EXPECT_EXIT(PathToString(path), ::testing::ExitedWithCode(70), "action.thread < kMaxThreads");
}

}  // namespace
}  // namespace knotcheck::checker::path_test
