// SPDX-License-Identifier: Apache-2.0

#include "conform/exhaustive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "conform/force/observed.h"
#include "conform/report.h"
#include "conform/testing/fake_runner.h"

namespace knotcheck::conform::exhaustive_test {
namespace {

using testing::Answer;
using testing::Collected;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::NamesOf;
using ::testing::Not;
using ::testing::SizeIs;

using Lines = std::vector<std::string>;

// Who reads /ok and says CONTINUE, beside a peer that stores /evil: three outcomes.
class Exhaustive : public ::testing::Test {
 protected:
  void SetUp() override { Make("attack/openat_path", "baseline"); }
  void Make(const std::string& scenario, const std::string& proposal) {
    scenario_ = Collected(scenario);
    options_.forced_runs = 0;
    options_.stress_runs = 1;
    options_.exhaustive = true;
    auto one = MakeCase(scenario_, *model::FindProposal(proposal), options_);
    ASSERT_TRUE(one.ok()) << one.status();
    campaign_.cases.push_back(*std::move(one));
  }
  // The target says this, and the way to whatever is wanted.
  void Run(const Lines& lines, const std::string& end = "ok") {
    const auto target = [&](const std::string& plans) -> absl::StatusOr<TargetOutput> {
      asked_.push_back(plans);
      TargetOutput output;
      output.complete = true;
      for (const std::string& name : NamesOf(plans)) {
        const bool wanted = absl::StrContains(plans, "\nwanted ");
        const Lines way = {"searched 9 9 0", "wanted", "way T 0 - - -",
                           "way T 0 kernel/seccomp.c:1157 seccomp_do_user_notification mutex_lock"};
        for (std::string& line : Answer(name, wanted ? way : lines, end)) {
          output.lines.push_back(std::move(line));
        }
      }
      return output;
    };
    const absl::Status status = RunCampaign(options_, target, &campaign_);
    ASSERT_TRUE(status.ok()) << status;
  }
  const StressResult& Its() { return campaign_.cases[0].stress; }
  std::string Text(bool verbose = false) { return ExhaustiveText(campaign_.cases[0], verbose); }

  static constexpr char kDenied[] = "outcome 1 T[0=-13] S[0=0 3=0:r1=2f6576696c 5=0 10=0]";
  static constexpr char kOpened[] = "outcome 1 T[0=6:used=2f6f6b] S[0=0 3=0:r1=2f6f6b 5=0 8=0]";
  static constexpr char kRaced[] = "outcome 1 T[0=6:used=2f6576696c] S[0=0 3=0:r1=2f6f6b 5=0 8=0]";
  static constexpr char kForbidden[] =
      "outcome 1 T[0=6:used=2f6576696c] S[0=0 3=0:r1=2f6576696c 5=0 8=0]";
  static constexpr char kSearched[] = "searched 4321 9876 1500";

  lang::Scenario scenario_;
  CampaignOptions options_;
  Campaign campaign_;
  std::vector<std::string> asked_;
};

TEST_F(Exhaustive, TheSameOnBothSides) {
  Run({kSearched, kDenied, kOpened, kRaced});
  EXPECT_EQ(Its().match, Match::kMatches) << Its().reason;
  EXPECT_THAT(asked_, SizeIs(1));
  EXPECT_EQ(Text(), "");
  EXPECT_THAT(CasesText(campaign_, false), HasSubstr(" 3/3        4321     1.5 s\n"));
  EXPECT_THAT(TotalsText(campaign_), HasSubstr("compared: 1, 1 with the same outcomes"));
}

// The policy denies /evil. The target is asked again for the way to what it should not have.
TEST_F(Exhaustive, AnOutcomeOfTheTargetAlone) {
  Run({kSearched, kDenied, kOpened, kRaced, kForbidden});
  EXPECT_EQ(Its().match, Match::kDiffers);
  EXPECT_EQ(Its().reason, "an outcome that the model does not allow");
  ASSERT_THAT(asked_, SizeIs(2));
  EXPECT_THAT(asked_[1],
              HasSubstr(absl::StrCat("\nwanted ", std::string(kForbidden).substr(10), "\nend\n")));
  EXPECT_THAT(NamesOf(asked_[1]), ElementsAre("attack/openat_path@baseline#stress#1"));
  EXPECT_THAT(Text(), HasSubstr("the C alone: T[0=6:used=\"/evil\"]"));
  EXPECT_THAT(Text(), HasSubstr("seccomp_do_user_notification()"));
  EXPECT_THAT(Text(), HasSubstr("mutex_lock  kernel/seccomp.c:1157"));
  EXPECT_THAT(CasesText(campaign_, false), HasSubstr("DIFFERS"));
}

// What the model allows, and no run of the target has, comes with the model's own run.
TEST_F(Exhaustive, AnOutcomeOfTheModelAlone) {
  Run({kSearched, kDenied, kOpened});
  EXPECT_EQ(Its().match, Match::kDiffers);
  EXPECT_EQ(Its().reason, "an outcome that the model allows, and the C never has");
  ASSERT_THAT(Its().unseen, SizeIs(1));
  EXPECT_THAT(Its().unseen[0].path.actions, Not(IsEmpty()));
  EXPECT_THAT(Text(), HasSubstr("the model alone: T[0=6:used=\"/evil\"]"));
  EXPECT_THAT(Text(), HasSubstr("seccomp_notify_send()"));
}

// A search that was cut short has not seen all, but what it has seen counts.
TEST_F(Exhaustive, ASearchThatIsCutShort) {
  Run({kSearched, kDenied, kOpened}, "limit");
  EXPECT_EQ(Its().match, Match::kLost);
  EXPECT_EQ(Its().reason, "the time limit of the plan");
  campaign_.cases.clear();
  SetUp();
  Run({kSearched, kDenied, kForbidden}, "limit");
  EXPECT_EQ(Its().match, Match::kDiffers);
}

// Nothing was said: nothing holds.
TEST_F(Exhaustive, NoSearchAtAll) {
  Run({}, "skipped a call that has no body here");
  EXPECT_EQ(Its().match, Match::kSkipped);
  campaign_.cases.clear();
  SetUp();
  Run({}, "broken signal 11");
  EXPECT_EQ(Its().match, Match::kLost);
  EXPECT_THAT(TotalsText(campaign_), HasSubstr("1 that were not searched to their end"));
}

TEST_F(Exhaustive, ADefectOfTheTargetAlone) {
  Run({kSearched, kDenied, kOpened, kRaced, "defect use-after-free memory that is freed (f, a.c:3)",
       "way T 0 kernel/seccomp.c:9 f kfree"});
  EXPECT_EQ(Its().match, Match::kDiffers);
  EXPECT_EQ(Its().reason, "the C: use-after-free");
  EXPECT_THAT(Text(), HasSubstr("the C alone: use-after-free, memory that is freed (f, a.c:3)"));
  EXPECT_THAT(Text(), HasSubstr("kfree  kernel/seccomp.c:9"));
}

// The posted array pin lets bytes through that nobody wrote: both sides say so, or one of them.
class ExhaustiveLeak : public Exhaustive {
 protected:
  void SetUp() override {
    Make("pin_args/array_gap_leak", "pin_args");
    ASSERT_THAT(campaign_.cases[0].outcomes.outcomes, SizeIs(1));
  }
  std::string Its(size_t index) {
    const Case& one = campaign_.cases[0];
    return absl::StrCat("outcome 1 ", ObservedText(one.free_question->program(),
                                                   one.outcomes.outcomes[index].observed));
  }
};

// What comes behind it the C does not come to.
TEST_F(ExhaustiveLeak, OfBothSides) {
  Run({kSearched, "defect uninitialised bytes that nobody has written"});
  EXPECT_EQ(campaign_.cases[0].stress.match, Match::kMatches) << campaign_.cases[0].stress.reason;
  EXPECT_EQ(Text(), "  both: uninitialised, bytes that nobody has written\n");
}

TEST_F(ExhaustiveLeak, OfTheModelAlone) {
  Run({kSearched, Its(0)});
  EXPECT_EQ(campaign_.cases[0].stress.match, Match::kDiffers);
  EXPECT_EQ(campaign_.cases[0].stress.reason,
            "the model violates no-information-leak, and the C does not");
}

// Where the shims do not have what a plan asks for nothing is compared.
TEST_F(ExhaustiveLeak, WhatTheShimsDoNotHave) {
  Run({kSearched, "defect lost an allocation of 9 bytes"});
  EXPECT_EQ(campaign_.cases[0].stress.match, Match::kLost);
  EXPECT_EQ(campaign_.cases[0].stress.reason, "the shims do not have it: an allocation of 9 bytes");
}

// What the model has no word for is always a difference.
TEST_F(Exhaustive, ADefectWithoutAProperty) {
  for (const char* kind : {"warn", "bug", "sleeps", "out-of-bounds", "wild-pointer", "loop"}) {
    campaign_.cases.clear();
    SetUp();
    Run({kSearched, kDenied, kOpened, kRaced, absl::StrCat("defect ", kind, " here")});
    EXPECT_EQ(Its().match, Match::kDiffers) << kind;
  }
}

}  // namespace
}  // namespace knotcheck::conform::exhaustive_test
