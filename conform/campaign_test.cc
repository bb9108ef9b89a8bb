// SPDX-License-Identifier: Apache-2.0

#include "conform/campaign.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "conform/testing/fake_runner.h"

namespace knotcheck::conform::campaign_test {
namespace {

using testing::Answer;
using testing::Collected;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::LinesOf;
using testing::NamesOf;
using testing::ParsedBody;
using ::testing::SizeIs;

using Lines = std::vector<std::string>;

// A target that gives to each plan the answer that was written down for it.
class FakeTarget {
 public:
  struct Said {
    Lines lines;
    std::string end = "ok";
  };
  std::map<std::string, Said> said;
  // The plans in which the target breaks off, after their first line; each breaks once.
  std::vector<std::string> breaks;
  // How often a plan's held task runs before its turn.
  std::map<std::string, int> slips;
  std::string slip = "broken a task that was held has run";
  std::string ended = "the runner was killed by signal 9";
  bool breaks_at_once = false;
  std::vector<Lines> asked;  // the names of each call

  // The right answer to every forced run.
  void AnswerAsPredicted(const Case& one) {
    for (const ForcedResult& forced : one.forced) {
      said[forced.plan].lines = LinesOf(forced.run.outcome);
    }
  }

  absl::StatusOr<TargetOutput> Run(const std::string& plans) {
    asked.push_back(NamesOf(plans));
    TargetOutput output;
    output.lines = {"probe release 6.12.117"};
    output.ended = ended;
    if (breaks_at_once) return output;
    for (const std::string& name : asked.back()) {
      const auto at = std::find(breaks.begin(), breaks.end(), name);
      if (at != breaks.end()) {
        breaks.erase(at);
        output.lines.push_back("begin " + name);
        return output;
      }
      if (slips[name]-- > 0) {
        for (std::string& line : Answer(name, {"stuck 3 wait 0 done"}, slip)) {
          output.lines.push_back(std::move(line));
        }
        continue;
      }
      for (std::string& line : Answer(name, said[name].lines, said[name].end)) {
        output.lines.push_back(std::move(line));
      }
    }
    output.ended = "";
    output.complete = true;
    return output;
  }
};

class CampaignTest : public ::testing::Test {
 protected:
  void Make(lang::Scenario scenario, const char* proposal = "baseline") {
    scenario_ = std::move(scenario);
    auto one = MakeCase(scenario_, *model::FindProposal(proposal), options_);
    ASSERT_TRUE(one.ok()) << one.status();
    campaign_.cases.push_back(*std::move(one));
    target_.AnswerAsPredicted(It());
  }
  absl::Status Run() {
    return RunCampaign(
        options_, [this](const std::string& plans) { return target_.Run(plans); }, &campaign_);
  }
  void Stress(const std::string& plan, const Lines& outcomes, const std::string& end = "ok") {
    Lines lines;
    options_.stress_runs = 0;
    for (const std::string& outcome : outcomes) {
      lines.push_back("outcome " + outcome);
      options_.stress_runs += std::stoul(outcome);
    }
    target_.said[plan] = {lines, end};
  }
  Case& It() { return campaign_.cases[0]; }
  const StressResult& ItsStress() { return It().stress; }
  // The lines that the target gives to forced run `i`.
  Lines& Said(size_t i) { return target_.said[It().forced[i].plan].lines; }

  lang::Scenario scenario_;
  CampaignOptions options_;
  FakeTarget target_;
  Campaign campaign_;
};

// The supervisor approves /ok and nothing else. Either it saw /evil and denied, or it saw /ok and
// the call opened what was there then: three outcomes, and each of them can be forced.
class RacedPath : public CampaignTest {
 protected:
  void SetUp() override {
    Make(Collected("attack/openat_path"));
    ASSERT_THAT(It().forced, SizeIs(3));
    for (size_t i = 0; i < 3; ++i) by_outcome_[It().forced[i].predicted] = i;
    ASSERT_EQ(by_outcome_.count(kDenied), 1u);
    ASSERT_EQ(by_outcome_.count(kOpened), 1u);
    ASSERT_EQ(by_outcome_.count(kRaced), 1u);
    Stress(kStress, {absl::StrCat("7 ", kOpened), absl::StrCat("2 ", kDenied)});
  }
  ForcedResult& Of(const char* outcome) { return It().forced[by_outcome_[outcome]]; }
  Lines& SaidOf(const char* outcome) { return Said(by_outcome_[outcome]); }

  static constexpr char kStress[] = "attack/openat_path@baseline#stress";
  static constexpr char kDenied[] = "T[0=-13] S[0=0 3=0:r1=2f6576696c 5=0 10=0]";
  static constexpr char kOpened[] = "T[0=6:used=2f6f6b] S[0=0 3=0:r1=2f6f6b 5=0 8=0]";
  static constexpr char kRaced[] = "T[0=6:used=2f6576696c] S[0=0 3=0:r1=2f6f6b 5=0 8=0]";
  std::map<std::string, size_t> by_outcome_;
};

TEST_F(RacedPath, RightAnswersMatch) {
  ASSERT_TRUE(Run().ok());
  for (const ForcedResult& forced : It().forced) {
    EXPECT_EQ(forced.match, Match::kMatches) << forced.plan;
    EXPECT_EQ(forced.reason, "");
    EXPECT_EQ(forced.observed, forced.predicted);
  }
  EXPECT_THAT(Of(kRaced).violates, ::testing::Contains("toctou"));
  EXPECT_THAT(Of(kDenied).violates, IsEmpty());
  // Everything was asked for in one go.
  ASSERT_THAT(target_.asked, SizeIs(1));
  EXPECT_THAT(target_.asked[0],
              ElementsAre("attack/openat_path@baseline#1", "attack/openat_path@baseline#2",
                          "attack/openat_path@baseline#3", kStress));
  EXPECT_EQ(campaign_.probe["release"], "6.12.117");
  EXPECT_THAT(campaign_.breaks, IsEmpty());

  EXPECT_EQ(ItsStress().match, Match::kMatches);
  EXPECT_EQ(ItsStress().runs, 9u);
  EXPECT_EQ(ItsStress().allowed, 3u);
  ASSERT_THAT(ItsStress().rows, SizeIs(2));
  EXPECT_EQ(ItsStress().rows[0].text, kOpened);  // the most frequent one
  EXPECT_EQ(ItsStress().rows[0].count, 7u);
  EXPECT_EQ(ItsStress().rows[1].text, kDenied);
  ASSERT_THAT(ItsStress().unseen, SizeIs(1));
  EXPECT_EQ(ItsStress().unseen[0].text, kRaced);
  EXPECT_THAT(ItsStress().unseen[0].violates, ::testing::Contains("toctou"));
  EXPECT_EQ(It().unforced, 0u);
}

// What opened instead is another outcome, and so is another result; a detail that nobody tells is
// one that is not as predicted. More than what is predicted hurts nobody.
TEST_F(RacedPath, WrongAnswersDiffer) {
  std::replace(SaidOf(kOpened).begin(), SaidOf(kOpened).end(),
               std::string("done 0 0 6 used=2f6f6b"), std::string("done 0 0 6"));
  std::replace(SaidOf(kDenied).begin(), SaidOf(kDenied).end(), std::string("done 0 0 -13"),
               std::string("done 0 0 -1"));
  std::replace(SaidOf(kRaced).begin(), SaidOf(kRaced).end(), std::string("done 1 0 0"),
               std::string("done 1 0 0 used=00"));
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(Of(kOpened).match, Match::kDiffers);
  EXPECT_EQ(Of(kOpened).reason, "another outcome");
  EXPECT_THAT(Of(kOpened).observed, HasSubstr("T[0=6] S["));
  EXPECT_EQ(Of(kDenied).match, Match::kDiffers);
  EXPECT_THAT(Of(kDenied).observed, HasSubstr("T[0=-1] S["));
  EXPECT_EQ(Of(kRaced).match, Match::kMatches);
}

// One that sleeps where it should return, or does more than it should, differs, too.
TEST_F(RacedPath, OthersThatSleepOrActDiffer) {
  SaidOf(kDenied)[0] = "asleep 0 0";
  SaidOf(kOpened).push_back("done 1 0 0");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(Of(kDenied).match, Match::kDiffers);
  EXPECT_THAT(Of(kDenied).observed, HasSubstr("T[0=asleep]"));
  EXPECT_EQ(Of(kOpened).match, Match::kDiffers);
}

// Nor does one that runs on at the end: whether it would have slept nobody knows.
TEST_F(RacedPath, TasksThatRunOn) {
  target_.slip = "broken a task still runs at the end";
  target_.slips = {{It().forced[0].plan, 1}, {It().forced[1].plan, 100}};
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(It().forced[0].match, Match::kMatches);
  EXPECT_EQ(It().forced[1].match, Match::kLost);
  EXPECT_EQ(It().forced[1].reason, "broken a task still runs at the end");
}

// An order that cannot be met is a difference, whatever was seen until then.
TEST_F(RacedPath, StuckDiffers) {
  const auto stuck = [&](const char* outcome, size_t order) {
    SaidOf(outcome).push_back(absl::StrCat("stuck ", order, " wait 0 asleep"));
  };
  stuck(kOpened, 2);
  stuck(kDenied, Of(kDenied).run.orders.size() + 1);
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(Of(kOpened).match, Match::kDiffers);
  EXPECT_EQ(Of(kOpened).reason, "order 2 was not met: wait T asleep");
  EXPECT_EQ(Of(kDenied).match, Match::kDiffers);
  EXPECT_THAT(Of(kDenied).reason, HasSubstr("was not met: finish"));
}

TEST_F(RacedPath, WhatWasNotRunIsNotJudged) {
  target_.said[Of(kOpened).plan] = {{}, "skipped hold: one processor"};
  target_.said[Of(kDenied).plan].end = "limit";
  target_.said[Of(kRaced).plan].end = "broken mount: Operation not permitted";
  Stress(kStress, {}, "skipped addfd: no");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(Of(kOpened).match, Match::kSkipped);
  EXPECT_EQ(Of(kOpened).reason, "hold: one processor");
  EXPECT_EQ(Of(kDenied).match, Match::kLost);
  EXPECT_EQ(Of(kDenied).reason, "the time limit of the plan");
  EXPECT_EQ(Of(kRaced).match, Match::kLost);
  EXPECT_EQ(Of(kRaced).reason, "broken mount: Operation not permitted");
  EXPECT_EQ(ItsStress().match, Match::kSkipped);
  EXPECT_EQ(ItsStress().reason, "addfd: no");
}

// The plan that broke the target is lost, the others are run by the next one.
TEST_F(RacedPath, BreaksOffAndGoesOn) {
  target_.breaks = {It().forced[1].plan, kStress};
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(It().forced[0].match, Match::kMatches);
  EXPECT_EQ(It().forced[1].match, Match::kLost);
  EXPECT_EQ(It().forced[1].reason, "broken the runner was killed by signal 9");
  EXPECT_EQ(It().forced[2].match, Match::kMatches);
  EXPECT_EQ(ItsStress().match, Match::kLost);
  EXPECT_THAT(
      campaign_.breaks,
      ElementsAre("the runner was killed by signal 9, in attack/openat_path@baseline#2",
                  "the runner was killed by signal 9, in attack/openat_path@baseline#stress"));
  ASSERT_THAT(target_.asked, SizeIs(2));
  EXPECT_THAT(target_.asked[1], ElementsAre("attack/openat_path@baseline#3", kStress));
}

// A held task that ran all the same shows nothing of the kernel: that plan, and no other, is made
// again, and if it never holds it is lost.
TEST_F(RacedPath, HeldTasksThatRan) {
  target_.slips = {{It().forced[0].plan, 2}, {It().forced[2].plan, 100}};
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(It().forced[0].match, Match::kMatches);
  EXPECT_EQ(It().forced[1].match, Match::kMatches);
  EXPECT_EQ(It().forced[2].match, Match::kLost);
  EXPECT_EQ(It().forced[2].reason, "broken a task that was held has run");
  ASSERT_THAT(target_.asked, SizeIs(4));
  EXPECT_THAT(target_.asked[2], ElementsAre(It().forced[0].plan, It().forced[2].plan));
  EXPECT_THAT(target_.asked[3], ElementsAre(It().forced[2].plan));
  EXPECT_THAT(campaign_.breaks, IsEmpty());
}

// Whoever says nothing of any plan says nothing the next time either.
TEST_F(RacedPath, BreaksOffBeforeTheFirstPlan) {
  target_.breaks_at_once = true;
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(target_.asked, SizeIs(1));
  EXPECT_THAT(campaign_.breaks,
              ElementsAre("the runner was killed by signal 9, before the first plan"));
  for (const ForcedResult& forced : It().forced) {
    EXPECT_EQ(forced.match, Match::kLost);
    EXPECT_EQ(forced.reason, "it was not run");
  }
  EXPECT_EQ(ItsStress().match, Match::kLost);
}

TEST_F(RacedPath, IsNotStartedAgainForEver) {
  options_.guests = 2;
  target_.breaks = {It().forced[0].plan, It().forced[1].plan, It().forced[2].plan};
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(target_.asked, SizeIs(2));
  EXPECT_EQ(It().forced[2].reason, "it was not run");
}

TEST_F(RacedPath, AnInterruptEndsTheCampaign) {
  target_.breaks = {It().forced[1].plan};
  target_.ended = "interrupted";
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(target_.asked, SizeIs(1));
  EXPECT_EQ(It().forced[0].match, Match::kMatches);
  EXPECT_EQ(It().forced[2].match, Match::kLost);
}

TEST_F(RacedPath, NonsenseIsTheRunnersFault) {
  for (const char* nonsense :
       {"hello", "done 0 0", "done x 0 0", "stuck", "asleep 0", "outcome many T[]", "end other ok",
        "done 0 300 0", "done 0 0 0 used"}) {
    campaign_.probe.clear();
    target_.said[It().forced[0].plan] = {{nonsense}, "ok"};
    const absl::Status status = Run();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << nonsense << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(nonsense));
  }
}

TEST_F(RacedPath, NonsenseInAStress) {
  for (const char* nonsense :
       {"1 T[0=6", "1 X[0=6]", "1 T[99=0]", "1 T[0=six]", "1 T[0=6:used]", "1 T"}) {
    Stress(kStress, {nonsense});
    EXPECT_TRUE(absl::IsInvalidArgument(Run())) << nonsense;
  }
}

// A runner that ends well and leaves plans out is no runner.
TEST_F(RacedPath, LeavesAPlanOut) {
  const absl::Status status = RunCampaign(
      options_,
      [this](const std::string& plans) {
        auto output = target_.Run(plans);
        while (output->lines.back() != "end attack/openat_path@baseline#2 ok") {
          output->lines.pop_back();
        }
        return output;
      },
      &campaign_);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("attack/openat_path@baseline#3"));
}

TEST_F(RacedPath, TheTargetsErrorIsTheCampaigns) {
  const absl::Status status = RunCampaign(
      options_, [](const std::string&) { return absl::NotFoundError("no QEMU"); }, &campaign_);
  EXPECT_TRUE(absl::IsNotFound(status));
}

TEST_F(RacedPath, TheKernelsReportsAreKept) {
  const absl::Status status = RunCampaign(
      options_,
      [this](const std::string& plans) {
        auto output = target_.Run(plans);
        output->reports = {"BUG: KASAN: slab-use-after-free in f"};
        return output;
      },
      &campaign_);
  ASSERT_TRUE(status.ok());
  EXPECT_THAT(campaign_.reports, ElementsAre("BUG: KASAN: slab-use-after-free in f"));
}

// The policy denies /evil: a call that opened it although the supervisor saw /evil is no run of the
// model. The rows of a forbidden stress are judged even if its end never came.
TEST_F(RacedPath, ForbiddenOutcomes) {
  const std::string forbidden = "T[0=6:used=2f6576696c] S[0=0 3=0:r1=2f6576696c 5=0 8=0]";
  Stress(kStress, {absl::StrCat("5 ", kRaced), absl::StrCat("1 ", forbidden)}, "limit");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(ItsStress().match, Match::kDiffers);
  EXPECT_EQ(ItsStress().reason, "an outcome that the model does not allow");
  ASSERT_THAT(ItsStress().rows, SizeIs(2));
  EXPECT_TRUE(ItsStress().rows[0].allowed);
  EXPECT_THAT(ItsStress().rows[0].violates, ::testing::Contains("toctou"));
  EXPECT_EQ(ItsStress().rows[1].text, forbidden);
  EXPECT_FALSE(ItsStress().rows[1].allowed);
  EXPECT_THAT(ItsStress().unseen, SizeIs(2));
}

// A stress that was cut short and showed nothing wrong is lost, not passed.
TEST_F(RacedPath, AStressThatIsCutShort) {
  Stress(kStress, {absl::StrCat("5 ", kRaced)}, "limit");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(ItsStress().match, Match::kLost);
  EXPECT_EQ(ItsStress().runs, 5u);
}

// Nor is one that was not cut short, if outcomes of it are missing.
TEST_F(RacedPath, AStressThatTellsOfFewerRuns) {
  Stress(kStress, {absl::StrCat("5 ", kRaced)});
  options_.stress_runs = 6;
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(ItsStress().match, Match::kLost);
  EXPECT_EQ(ItsStress().reason, "found outcomes of 5 runs, expected 6");
}

// A string ends where a NUL stands. /o is the beginning of /ok, and nothing that anybody could have
// read; /ev is torn of both: it ends where the NUL of /ok stands.
TEST_F(RacedPath, StringsThatAreCut) {
  const auto opened = [](const char* used) {
    return absl::StrCat("1 T[0=6:used=", used, "] S[0=0 3=0:r1=2f6f6b 5=0 8=0]");
  };
  Stress(kStress, {opened("2f6f")});
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(ItsStress().match, Match::kDiffers);
  It().stress = {};
  It().stress.asked = true;
  Stress(kStress, {opened("2f6576")});  // /ev, where /ok has its NUL
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(ItsStress().match, Match::kMatches);
  EXPECT_TRUE(ItsStress().rows[0].torn);
}

// A policy's supervisor asks for notifications for ever: that it was refused some, or waits, is
// left out, wherever the runner puts it.
TEST_F(RacedPath, FailedRecvsOfAPolicyAreLeftOut) {
  Stress(kStress, {"3 T[0=6:used=2f6f6b] S[0=-2 0=0 3=0:r1=2f6f6b 5=0 8=0 0=-4 0=asleep]"});
  SaidOf(kDenied).push_back("asleep 1 0");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(ItsStress().match, Match::kMatches);
  EXPECT_EQ(ItsStress().rows[0].text, kOpened);
  EXPECT_EQ(Of(kDenied).match, Match::kMatches);
}

// Beside a policy there may be another supervisor. Whether its RECV fails or sleeps in a free run
// depends on when it comes, and it is left out on both sides; a RECV that succeeds is not, and
// neither is what follows it.
TEST_F(CampaignTest, FailedRecvsBesideAPolicyAreLeftOut) {
  Make(ParsedBody(R"(target T { umask() }
supervisor S { policy: allow umask, else EACCES }
supervisor R {
  n = recv()
  send(n, value 3)
}
)"));
  Stress("test/it@baseline#stress",
         {"4 T[0=0] S[0=0 3=0 5=0 8=0] R[0=asleep]", "2 T[0=0] S[0=0 3=0 5=0 8=0] R[0=-2 1=-2]",
          "1 T[0=3] S[0=asleep] R[0=0 1=0]"});
  ASSERT_TRUE(Run().ok());
  ASSERT_THAT(ItsStress().rows, SizeIs(3));
  EXPECT_EQ(ItsStress().rows[0].text, "T[0=0] S[0=0 3=0 5=0 8=0]");
  EXPECT_EQ(ItsStress().rows[1].text, "T[0=0] S[0=0 3=0 5=0 8=0] R[1=-2]");
  EXPECT_EQ(ItsStress().rows[2].text, "T[0=3] R[0=0 1=0]");
  EXPECT_TRUE(ItsStress().rows[1].allowed);
  EXPECT_TRUE(ItsStress().rows[2].allowed);
}

constexpr char kWrite[] = R"(filter write
memory v = bytes "PINNED" | "MUTATE"
target T { write(file, v, 6) }
peer P shares memory with T
supervisor S {
  n = recv()
  read(n)
  send(n, continue)
}
)";
constexpr char kPinned[] = "50494e4e4544";
constexpr char kMutate[] = "4d5554415445";

std::string Written(const std::string& used, const std::string& read) {
  return absl::StrCat("T[0=6:used=", used, "] S[0=0 1=0:r1=", read, " 2=0]");
}

// The model stores a word at once; the kernel copies byte by byte. So PINATE, of which each byte is
// one that stood there, is torn: allowed and told apart. QINNED never stood there in any part.
TEST_F(CampaignTest, TornWords) {
  Make(ParsedBody(kWrite));
  const std::string torn = "50494e415445";  // PIN of PINNED, ATE of MUTATE
  Stress("test/it@baseline#stress", {"9 " + Written(kPinned, kPinned),
                                     "4 " + Written(torn, kMutate), "3 " + Written(kMutate, torn)});
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(ItsStress().match, Match::kMatches);
  ASSERT_THAT(ItsStress().rows, SizeIs(3));
  EXPECT_FALSE(ItsStress().rows[0].torn);
  for (size_t i : {1, 2}) {
    EXPECT_TRUE(ItsStress().rows[i].allowed);
    EXPECT_TRUE(ItsStress().rows[i].torn);
    EXPECT_THAT(ItsStress().rows[i].violates, IsEmpty());
  }
  // A torn outcome does not make any allowed one seen.
  EXPECT_THAT(ItsStress().unseen, SizeIs(3));
}

TEST_F(CampaignTest, BytesThatWereNeverThere) {
  Make(ParsedBody(kWrite));
  for (const std::string bytes : {
           "51494e4e4544",    // QINNED
           "4e5554415445",    // NUTATE: N stood elsewhere, not at the beginning
           "50494e4e454451",  // PINNEDQ: more than there is
           "2d",              // "-"
       }) {
    Stress("test/it@baseline#stress", {"1 " + Written(bytes, kPinned)});
    campaign_.cases[0].stress.rows.clear();
    campaign_.cases[0].stress.unseen.clear();
    ASSERT_TRUE(Run().ok());
    EXPECT_EQ(ItsStress().match, Match::kDiffers) << bytes;
    ASSERT_THAT(ItsStress().rows, SizeIs(1));
    EXPECT_FALSE(ItsStress().rows[0].allowed) << bytes;
    EXPECT_FALSE(ItsStress().rows[0].torn) << bytes;
  }
}

// Torn memory excuses what was read, not what was returned.
TEST_F(CampaignTest, TornWithAnotherResult) {
  Make(ParsedBody(kWrite));
  Stress("test/it@baseline#stress", {"1 T[0=5:used=50494e415445] S[0=0 1=0:r1=50494e4e4544 2=0]"});
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(ItsStress().match, Match::kDiffers);
}

// argv's second entry is a or NULL: half of each is an address of nothing, or of what is no string.
TEST_F(CampaignTest, TornEntries) {
  Make(Collected("attack/execve_argv"));
  Stress("attack/execve_argv@baseline#stress",
         {"5 T[0=-13] S[0=0 3=0:r1=2d78 5=0 10=0]", "2 T[0=-13] S[0=0 3=-14 10=0]",
          "1 T[0=-13] S[0=0 3=0:r1=2d6c,- 5=0 10=0]"});
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(ItsStress().match, Match::kMatches) << ItsStress().reason;
  ASSERT_THAT(ItsStress().rows, SizeIs(3));
  EXPECT_FALSE(ItsStress().rows[0].torn);
  EXPECT_TRUE(ItsStress().rows[1].torn);
  EXPECT_TRUE(ItsStress().rows[2].torn);
}

// It excuses no other error, no call that was allowed, and no failure without such a table.
TEST_F(CampaignTest, TornEntriesExcuseNothingElse) {
  for (const char* outcome : {"1 T[0=-13] S[0=0 3=-3 10=0]", "1 T[0=-14] S[0=0 3=-14 10=0]",
                              "1 T[0=-13] S[0=0 3=0:r1=2d6c,2d79 5=0 8=0]"}) {
    campaign_.cases.clear();
    Make(Collected("attack/execve_argv"));
    Stress("attack/execve_argv@baseline#stress", {outcome});
    ASSERT_TRUE(Run().ok());
    EXPECT_EQ(ItsStress().match, Match::kDiffers) << outcome;
  }
  campaign_.cases.clear();
  Make(Collected("attack/openat_path"));
  Stress("attack/openat_path@baseline#stress", {"1 T[0=-13] S[0=0 3=-14 10=0]"});
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(ItsStress().match, Match::kDiffers);
}

TEST_F(CampaignTest, WithoutStress) {
  options_.stress_runs = 0;
  Make(Collected("attack/openat_path"));
  EXPECT_FALSE(ItsStress().asked);
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(target_.asked[0], SizeIs(3));
}

// A stress is judged by all outcomes or not at all.
TEST_F(CampaignTest, NotAllOutcomesAreKnown) {
  options_.max_states = 50;
  Make(Collected("attack/openat_path"));
  EXPECT_TRUE(ItsStress().asked);
  EXPECT_EQ(ItsStress().match, Match::kSkipped);
  EXPECT_THAT(ItsStress().reason, HasSubstr("after 50 states"));
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(target_.asked[0], SizeIs(3));
}

TEST_F(CampaignTest, OnlyRunsThatViolateAProperty) {
  options_.property = "toctou";
  Make(Collected("attack/openat_path"));
  ASSERT_THAT(It().forced, SizeIs(1));
  EXPECT_EQ(It().forced[0].plan, "attack/openat_path@baseline#1");
  EXPECT_THAT(It().forced[0].violates, ::testing::Contains("toctou"));
}

TEST_F(CampaignTest, AtMostSoManyForcedRuns) {
  options_.forced_runs = 2;
  Make(Collected("attack/openat_path"));
  EXPECT_THAT(It().forced, SizeIs(2));
  EXPECT_FALSE(It().all_forced);
  EXPECT_EQ(It().unforced, 0u);  // the third can be forced, too
}

// Nothing of it reaches the target.
TEST_F(CampaignTest, WhatNoPlanCanSay) {
  Make(ParsedBody("filter umask\ntarget T { umask() }\nsupervisor S { anything }\n"));
  EXPECT_EQ(It().cannot, "a supervisor may do anything");
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(target_.asked[0], IsEmpty());
}

TEST_F(CampaignTest, AProposalThatAScenarioMeansNothingUnder) {
  const lang::Scenario scenario = ParsedBody(R"(filter openat
memory path = "/ok"
target T { openat(AT_FDCWD, path, O_RDONLY) }
supervisor S {
  n = recv()
  pin(n, 1: cstring 64)
}
)");
  const auto one = MakeCase(scenario, *model::FindProposal("baseline"), options_);
  EXPECT_TRUE(absl::IsFailedPrecondition(one.status())) << one.status();
}

// Two threads share descriptors: one may close what the other opened before anybody looks, so what
// a call acted on is not told in a free run.
TEST_F(CampaignTest, SharedDescriptorsAreNotLookedAt) {
  Make(ParsedBody(R"(filter openat
memory path = "/ok"
target T { openat(AT_FDCWD, path, O_RDONLY) }
thread U of T { close(6) }
supervisor S {
  n = recv()
  send(n, continue)
}
)"));
  Lines texts;
  for (const Outcomes::One& one : It().outcomes.outcomes) {
    texts.push_back(ObservedText(It().free_question->program(), one.observed));
  }
  EXPECT_THAT(texts, ::testing::Contains(HasSubstr("used=2f6f6b")));
  Stress("test/it@baseline#stress", {"1 T[0=6] U[0=-9] S[0=0 1=0]"});
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(ItsStress().match, Match::kMatches);
}

}  // namespace
}  // namespace knotcheck::conform::campaign_test
