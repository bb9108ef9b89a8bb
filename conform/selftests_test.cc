// SPDX-License-Identifier: Apache-2.0

#include "conform/selftests.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "lang/parse.h"

namespace knotcheck::conform::selftests_test {
namespace {

constexpr char kColumns[] = "test\tscenarios\tproposal\twhy nothing is compared\n";

TEST(Selftests, Table) {
  const auto tests = ParseSelftests(
      std::string("# a comment\n") + kColumns + "a\tx/y,x/z\tbaseline\t\nb\t\tpin_args\tsizes\n",
      "t");
  ASSERT_TRUE(tests.ok()) << tests.status();
  ASSERT_EQ(tests->size(), 2u);
  EXPECT_EQ((*tests)[0].scenarios, (std::vector<std::string>{"x/y", "x/z"}));
  EXPECT_EQ(std::string((*tests)[1].proposal->name), "pin_args");
  EXPECT_EQ((*tests)[1].why, "sizes");
}

TEST(Selftests, WrongTables) {
  for (const std::string line :
       {"a\tx\tbaseline", "a\tx\tnothing\t", "a\t\tbaseline\t", "a\tx\tbaseline\twhy",
        "\tx\tbaseline\t", "a\tx\tbaseline\t\na\tx\tbaseline\t"}) {
    const auto tests = ParseSelftests(kColumns + line + "\n", "t");
    ASSERT_FALSE(tests.ok()) << line;
    EXPECT_NE(tests.status().message().find("expected"), std::string::npos) << tests.status();
  }
  EXPECT_FALSE(ParseSelftests("", "t").ok());
}

// All tests of docs/selftests.md are in the table, with scenarios that it names.
TEST(Selftests, TheTable) {
  const std::string source = KNOTCHECK_SOURCE_DIR;
  const auto text = base::ReadFile(source + "/conform/selftests.tsv", 1 << 20);
  const auto doc = base::ReadFile(source + "/docs/selftests.md", 1 << 20);
  ASSERT_TRUE(text.ok() && doc.ok());
  const auto tests = ParseSelftests(*text, "selftests.tsv");
  ASSERT_TRUE(tests.ok()) << tests.status();
  size_t pins = 0;
  for (const Selftest& test : *tests) {
    const bool pin = test.test.starts_with("pin_args_");
    pins += pin ? 1 : 0;
    const std::string row = pin ? "| PIN_ARGS v1: " + test.test.substr(9) : "| " + test.test;
    EXPECT_NE(doc->find(row), std::string::npos) << row;
    for (const std::string& name : test.scenarios) {
      EXPECT_NE(doc->find("`" + name + "`"), std::string::npos) << name;
    }
  }
  EXPECT_EQ(pins, 10u);
  EXPECT_EQ(tests->size(), 33u);
}

TEST(Selftests, ReadsTap) {
  const auto taps = ReadTap({"TAP version 13", "1..4", "#  RUN           global.a ...",
                             "ok 1 global.a", "not ok 2 global.b", "ok 3 global.c # SKIP no root",
                             "# ok 9 global.x", "ok", "okay 4 global.y"});
  EXPECT_EQ(taps,
            (std::map<std::string, Tap>{
                {"global.a", Tap::kPass}, {"global.b", Tap::kFail}, {"global.c", Tap::kSkip}}));
}

ModelVerdict Judge(const std::string& script) {
  const auto scenario = lang::Parse(
      "# name: a/b\n# question: q\n# source: s\n# result: baseline=?\n# why: w\n\nfilter umask\n" +
          script,
      "a/b.scn");
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  if (!scenario.ok()) return {};
  const auto verdict = JudgeScenario(*scenario, *model::FindProposal("baseline"), {});
  EXPECT_TRUE(verdict.ok()) << verdict.status();
  return verdict.ok() ? *verdict : ModelVerdict();
}

TEST(Selftests, JudgesScenarios) {
  const std::string supervisor =
      "supervisor S {\n n = recv() == 0\n send(n, value 3) == 0\n}\nnever expectation\n";
  const ModelVerdict right = Judge("target T { umask() == 3 }\n" + supervisor);
  EXPECT_GT(right.runs, 0u);
  EXPECT_EQ(right.passing, right.runs);
  EXPECT_EQ(Judge("target T { umask() == 4 }\n" + supervisor).passing, 0u);
  // What never returns is not what was expected, though nothing else was returned.
  EXPECT_EQ(
      Judge("target T { umask() == 3 }\nsupervisor S { recv() == 0 }\nnever expectation\n").passing,
      0u);
}

TEST(Selftests, Agrees) {
  Selftest test;
  test.test = "a";
  SelftestResult result;
  result.selftest = &test;
  result.kernel = Tap::kPass;
  EXPECT_FALSE(result.Compared());
  result.model.push_back({.runs = 2, .passing = 2});
  EXPECT_TRUE(result.Compared());
  EXPECT_TRUE(result.Agrees());
  result.kernel = Tap::kFail;
  EXPECT_FALSE(result.Agrees());
  EXPECT_NE(SelftestsText({result}).find("NO"), std::string::npos);
  EXPECT_NE(SelftestsMarkdown({result}, "6.12.117").find("| fails | passes | NO |"),
            std::string::npos);
  result.model.push_back({.runs = 3, .passing = 1});
  EXPECT_TRUE(result.Agrees());
  EXPECT_NE(SelftestsText({result}).find("depends (1 of 3)"), std::string::npos);
  result.kernel = Tap::kPass;
  EXPECT_TRUE(result.Agrees());
  result.model.push_back({.runs = 2, .passing = 0});
  EXPECT_FALSE(result.Agrees());
}

}  // namespace
}  // namespace knotcheck::conform::selftests_test
