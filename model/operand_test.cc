// SPDX-License-Identifier: Apache-2.0

#include "model/operand.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace knotcheck::model::operand_test {
namespace {

using ::testing::HasSubstr;

std::string Again(const std::string& text) {
  const auto operand = ParseOperand(text);
  return operand.ok() ? ToString(*operand) : std::string(operand.status().message());
}

TEST(Operand, IsWrittenAsItIsRead) {
  for (const std::string text :
       {"baseline", "pin_args", "pin_args+clear_when_left", "baseline/5.10", "baseline/no_pollhup",
        "pin_args+clear_when_left/5.10/no_pollhup", "baseline+mutate_drop_reply/6.12.117"}) {
    EXPECT_EQ(Again(text), text);
  }
}

// What goes without saying is left out; fixes are in the order of the list, whoever names them.
TEST(Operand, SayTheSame) {
  EXPECT_EQ(Again("pin_args@v1"), "pin_args");
  EXPECT_EQ(Again("pin_args:x86_64"), "pin_args");
  EXPECT_EQ(Again("pin_args@v1+clear_queued_at_attach+clear_when_left/5.10:x86_64"),
            "pin_args+clear_when_left+clear_queued_at_attach/5.10");
  EXPECT_TRUE(SameQuestion(*ParseOperand("pin_args@v1"), *ParseOperand("pin_args")));
  EXPECT_FALSE(SameQuestion(*ParseOperand("baseline"), *ParseOperand("baseline/5.10")));
  EXPECT_FALSE(SameQuestion(*ParseOperand("baseline"), *ParseOperand("pin_args")));
}

TEST(Operand, ReleasesHaveTheirVariants) {
  const auto release = ParseOperand("baseline/5.10");
  ASSERT_TRUE(release.ok());
  EXPECT_TRUE(release->toggles == *VariantsOf({5, 10, 0}));
}

// What was set without a name for the kernel is named by its variants.
TEST(Operand, VariantsWithoutAName) {
  Operand operand(*FindProposal("baseline"));
  operand.toggles.Set(ToggleNamed("no_pollhup"));
  EXPECT_EQ(ToString(operand), "baseline/no_pollhup");
}

TEST(Operand, SaysWhatIsWrongAndWhere) {
  const struct {
    const char* text;
    size_t at;
    const char* message;
  } kTable[] = {
      {"", 0, "expected a proposal"},
      {"pinargs", 0, "did you mean 'pin_args'?"},
      {"pin_args@v2", 9, "expected a revision of pin_args"},
      {"baseline@v1", 9, "baseline has one only"},
      {"pin_args+clear_when_leeft", 9, "did you mean 'clear_when_left'?"},
      {"baseline+clear_when_left", 9, "which is of pin_args"},
      {"baseline/4.19", 9, "expected a release from 5.0"},
      {"baseline/no_polhup", 9, "did you mean 'no_pollhup'?"},
      {"baseline:arm64", 9, "expected x86_64"},
      {"baseline/5.10+signal_takes_reply", 13, "found '+' here"},
      {"pin_args@v1@v1", 11, "found '@' here"},
      {"pin_args+", 9, "expected a fix or an option of pin_args"},
  };
  for (const auto& [text, at, message] : kTable) {
    size_t found = ~size_t{0};
    const auto operand = ParseOperand(text, &found);
    ASSERT_FALSE(operand.ok()) << text;
    EXPECT_THAT(std::string(operand.status().message()), HasSubstr(message)) << text;
    EXPECT_EQ(found, at) << text;
  }
}

TEST(Operand, WithChanges) {
  Operand changes;
  ASSERT_TRUE(AddKernel("5.10", &changes).ok());
  EXPECT_THAT(std::string(AddKernel("6.1", &changes).message()), HasSubstr("6.1 beside 5.10"));
  ASSERT_TRUE(AddFix("signal_takes_reply", &changes).ok());
  const auto both = With(*ParseOperand("pin_args+clear_when_left"), changes);
  ASSERT_TRUE(both.ok());
  EXPECT_EQ(Again(ToString(*both)), ToString(*both));
  EXPECT_THAT(ToString(*both), HasSubstr("+clear_when_left"));
  EXPECT_THAT(ToString(*both), HasSubstr("+signal_takes_reply"));
  EXPECT_THAT(ToString(*both), HasSubstr("/5.10"));
  Operand of_a_room;
  ASSERT_TRUE(AddFix("clear_when_left", &of_a_room).ok());
  EXPECT_EQ(ToString(*With(*ParseOperand("baseline"), of_a_room)), "baseline");
  EXPECT_EQ(ToString(*With(*ParseOperand("pin_args"), of_a_room)), "pin_args+clear_when_left");
  const auto two = With(*ParseOperand("baseline/6.1"), changes);
  EXPECT_THAT(std::string(two.status().message()), HasSubstr("names no kernel of its own"));
}

TEST(Operand, SaysWhichKernelAndRevision) {
  const auto kernel = [](const char* text) { return KernelText(*ParseOperand(text)); };
  EXPECT_EQ(kernel("baseline"), "6.12.117");
  EXPECT_EQ(kernel("baseline/5.10"), "5.10");
  EXPECT_EQ(kernel("baseline/5.18.3/recv_garbage"), "5.18.3 with recv_garbage");
  Operand plain = *ParseOperand("baseline/no_pollhup");
  EXPECT_EQ(KernelText(plain), "6.12.117 with no_pollhup");
  plain.kernel.clear();
  EXPECT_EQ(KernelText(plain), "6.12.117 with no_pollhup");
  EXPECT_EQ(RevisionText(*ParseOperand("pin_args")), FindProposal("pin_args")->revision);
  EXPECT_EQ(RevisionText(*ParseOperand("baseline/5.10")), "6.12.117");
}

TEST(Operand, NamesFixesAndMutationsApart) {
  Operand changes;
  ASSERT_TRUE(AddFix("signal_takes_reply", &changes).ok());
  ASSERT_TRUE(AddMutation("mutate_no_complete", &changes).ok());
  EXPECT_EQ(FixesText(changes.toggles), "signal_takes_reply");
  EXPECT_EQ(MutationsText(changes.toggles), "mutate_no_complete");
}

}  // namespace
}  // namespace knotcheck::model::operand_test
