// SPDX-License-Identifier: Apache-2.0

#include "report/source.h"

#include <filesystem>
#include <string>

#include "base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace knotcheck::report::source_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Lines count from 1; the first is the one after R"(.
constexpr char kText[] = R"(static int f(int a);
static int f(int a)
{
	/* x = g(1); */
	max = g(1);
	x = g(1);
	if (a)
		wait(&n.ready,
		     a);	// and then
	x = g(1);
}

int h(void)
{
	return f(2);
}
)";

TEST(SourceFile, FindsStatementsInTheirFunction) {
  const SourceFile file(kText);
  EXPECT_THAT(file.Find("f", "x = g(1)"), ElementsAre(6, 10));
  EXPECT_THAT(file.Find("f", "max = g(1)"), ElementsAre(5));
  EXPECT_THAT(file.Find("f", "wait(&n.ready, a)"), ElementsAre(8));
  EXPECT_THAT(file.Find("h", "return f(2);"), ElementsAre(15));
  EXPECT_EQ(file.Line(8), "wait(&n.ready,");
  // Of another function, not there, in a comment only, of no function.
  EXPECT_THAT(file.Find("h", "x = g(1)"), IsEmpty());
  EXPECT_THAT(file.Find("f", "x = g(2)"), IsEmpty());
  EXPECT_THAT(file.Find("g", "x = g(1)"), IsEmpty());
  EXPECT_THAT(file.Find("f", ""), IsEmpty());
  EXPECT_THAT(SourceFile("").Find("f", "x"), IsEmpty());
}

TEST(StepsInSource, SaysEachStepsLine) {
  const std::string tree = ::testing::TempDir() + "/source_test";
  ASSERT_TRUE(base::MakeDirectory(tree + "/kernel").ok());
  ASSERT_TRUE(base::WriteFile(tree + "/kernel/f.c", kText).ok());
  trace::Trace trace;
  trace.threads = {{"T", "target"}, {"P", "peer"}};
  trace.lines = {{0, "f", "kernel/f.c", "wait(&n.ready, a)", {}, {}},
                 {1, "user_mode", "user mode", "stores", {}, {}},
                 {0, "f", "kernel/f.c", "not so", {}, {}},
                 {0, "i", "fs/i.c", "i()", {}, {}}};
  const auto text = StepsInSource(trace, tree, 80);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(*text,
            "1. T: kernel/f.c:8: f(): wait(&n.ready,\n"
            "2. P: stores\n"
            "3. T: kernel/f.c: f(): not so (the model's words)\n"
            "4. T: fs/i.c: i(): i() (no such file there)\n");
  const auto none = StepsInSource(trace, tree + "/kernel", 80);
  EXPECT_TRUE(absl::IsInvalidArgument(none.status()));
  EXPECT_THAT(std::string(none.status().message()), HasSubstr("expected a kernel's source tree"));
  std::filesystem::remove_all(tree);
}

}  // namespace
}  // namespace knotcheck::report::source_test
