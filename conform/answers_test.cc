// SPDX-License-Identifier: Apache-2.0

#include "conform/answers.h"

#include <gtest/gtest.h>

namespace knotcheck::conform {
namespace {

TEST(Answers, OfAProgram) {
  const auto answers = ParseAnswers({"probe release 6.12.117", "begin a", "out ok 1 global.x",
                                     "out ", "out   two  blanks ", "exit 1", "end a ok", "begin b",
                                     "killed 11", "end b ok", "begin c", "out x", "end c limit"});
  ASSERT_TRUE(answers.ok()) << answers.status();
  const PlanAnswer& a = answers->plans.at("a");
  EXPECT_EQ(a.out, (std::vector<std::string>{"ok 1 global.x", "", "  two  blanks "}));
  EXPECT_EQ(a.exit_status, 1);
  EXPECT_EQ(a.killed, 0);
  EXPECT_EQ(a.ended, "ok");
  EXPECT_EQ(answers->plans.at("b").exit_status, -1);
  EXPECT_EQ(answers->plans.at("b").killed, 11);
  EXPECT_EQ(answers->plans.at("c").exit_status, -1);
  EXPECT_EQ(answers->plans.at("c").ended, "limit");
}

TEST(Answers, OfAProgramWrong) {
  for (const char* line : {"exit", "exit x", "exit -1", "exit 1 2", "killed", "killed 0"}) {
    EXPECT_FALSE(ParseAnswers({"begin a", line}).ok()) << line;
  }
  EXPECT_FALSE(ParseAnswers({"out x"}).ok());
}

}  // namespace
}  // namespace knotcheck::conform
