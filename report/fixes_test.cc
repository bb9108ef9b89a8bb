// SPDX-License-Identifier: Apache-2.0

#include "report/fixes.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/kernel/toggles.h"
#include "nlohmann/json.hpp"

namespace knotcheck::report::fixes_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

verify::FixSet BitOf(model::Toggle toggle) { return model::FixBit(toggle); }

// Two sets that share one fix; the shared one has a witness that needs a fix itself.
class FixesReport : public ::testing::Test {
 protected:
  FixesReport() {
    scenario_.header.name = "a/b";
    scenario_.file = "dir/a b.scn";
    report_.operand = *model::FindProposal("pin_args");
    report_.scenarios = {&scenario_};
    verify::FixSets& found = report_.found;
    found.candidates = {kShared, kOne, kOther};
    found.smallest = {BitOf(kShared) | BitOf(kOne), BitOf(kShared) | BitOf(kOther)};
    found.why = {{0, 1}, {0, 1}};
    found.witnesses.resize(2);
    found.witnesses[0].property = "toctou";
    found.witnesses[0].fixes = BitOf(kOne);
    found.witnesses[0].path.actions = {{0, 0}, {1, 2}};
    found.witnesses[1].property = "resumes";
    found.witnesses[1].path.actions = {{0, 0}};
    found.witnesses[1].cycle = std::vector<checker::Action>{{1, 0}};
    found.unmended = {{0, "progress"}};
    found.asked = 7;
  }

  const model::Toggle kShared = model::ToggleNamed("signal_takes_reply");
  const model::Toggle kOne = model::ToggleNamed("clear_when_left");
  const model::Toggle kOther = model::ToggleNamed("clear_queued_at_attach");
  lang::Scenario scenario_;
  FixReport report_;
};

TEST_F(FixesReport, TheCommandHasWhatTheRunNeeds) {
  EXPECT_THAT(WitnessCommand(report_, report_.found.witnesses[0]),
              ElementsAre("knotcheck", "replay", "--scenario", "dir/a b.scn", "--proposal",
                          "pin_args+clear_when_left", "--property", "toctou", "0:ab2"));
  EXPECT_THAT(WitnessCommand(report_, report_.found.witnesses[1]),
              ElementsAre("knotcheck", "replay", "--scenario", "dir/a b.scn", "--proposal",
                          "pin_args", "--property", "resumes", "0:a(b)"));
}

TEST_F(FixesReport, TextNamesWhatAllSetsHaveOnce) {
  const std::string text = FixesAsText(report_, 80);
  EXPECT_THAT(text, HasSubstr("pin_args: 1 scenario, 3 fixes, 7 searches\n"));
  EXPECT_THAT(text, HasSubstr("not mended by any fix:\n  a/b: progress\n"));
  EXPECT_THAT(text, HasSubstr("  in every set: signal_takes_reply [1]\n"));
  EXPECT_THAT(text, HasSubstr("  1. 2 fixes, with clear_when_left [2]\n"));
  EXPECT_THAT(text, HasSubstr("  2. 2 fixes, with clear_queued_at_attach [2]\n"));
  EXPECT_THAT(text, HasSubstr("[1] a/b: toctou, 2 steps\n    knotcheck replay --scenario 'dir/"));
}

// A fix that all sets have for different reasons is named in each.
TEST_F(FixesReport, ReasonsThatDifferAreShown) {
  report_.found.why[1][0] = 1;
  const std::string text = FixesAsText(report_, 80);
  EXPECT_THAT(text, Not(HasSubstr("in every set")));
  EXPECT_THAT(text, HasSubstr("  1. 2 fixes: signal_takes_reply [1], clear_when_left [2]\n"));
  EXPECT_THAT(text, HasSubstr("  2. 2 fixes: signal_takes_reply [2], clear_queued_at_attach [2]"));
}

TEST_F(FixesReport, NoSetAndNothingToMend) {
  report_.found.smallest.clear();
  report_.found.why.clear();
  report_.found.witnesses.clear();
  report_.found.exclusive = {{0, "one-reply"}, {0, "toctou"}};
  EXPECT_THAT(FixesAsText(report_, 80),
              HasSubstr("no set of fixes makes all the rest hold; under none hold both or all of:\n"
                        "  a/b: one-reply\n  a/b: toctou\n"));
  report_.found.smallest = {0};
  report_.found.why = {{}};
  report_.found.unmended.clear();
  const std::string text = FixesAsText(report_, 80);
  EXPECT_THAT(text, Not(HasSubstr("not mended")));
  EXPECT_THAT(text, HasSubstr("  1. 0 fixes\n"));
}

TEST_F(FixesReport, Json) {
  const auto json = nlohmann::json::parse(FixesAsJson(report_));
  EXPECT_EQ(json["format"], "knotcheck-fixes");
  EXPECT_EQ(json["candidates"].size(), 3u);
  EXPECT_EQ(json["sets"][1][1]["fix"], "clear_queued_at_attach");
  EXPECT_EQ(json["sets"][1][1]["witness"], 1);
  EXPECT_EQ(json["witnesses"][0]["fixes"], nlohmann::json({"clear_when_left"}));
  EXPECT_EQ(json["witnesses"][0]["path"], "0:ab2");
  EXPECT_EQ(json["witnesses"][1]["steps"], 2);
  EXPECT_EQ(json["unmended"][0]["property"], "progress");
}

}  // namespace
}  // namespace knotcheck::report::fixes_test
