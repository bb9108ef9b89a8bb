// SPDX-License-Identifier: Apache-2.0

#include "report/golden.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "report/table.h"
#include "trace/testing/example.h"

namespace knotcheck::report::golden_test {
namespace {

using trace::ExampleSubject;
using trace::TraceSubject;

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Entry Example() {
  const TraceSubject subject = ExampleSubject();
  Entry entry;
  entry.scenario = subject.scenario.header.name;
  entry.file = subject.file;
  entry.proposal = "baseline";
  entry.claim = ClaimText(subject.scenario.header, *model::FindProposal("baseline"));
  entry.state = Entry::State::kAnswered;
  entry.answer = *verify::Check(subject.scenario, *subject.proposal, {});
  return entry;
}

TEST(GoldenPath, StandsBesideTheScenario) {
  EXPECT_EQ(GoldenPath("a/b.scn"), "a/b.expected");
  EXPECT_EQ(GoldenPath("a/b"), "a/b.expected");
}

TEST(GoldenText, HasALineForEveryPropertyThatWasReachedOrAsked) {
  const Entry entry = Example();
  const std::string text = GoldenText({&entry});
  EXPECT_THAT(text, HasSubstr("\nbaseline: violated(toctou)\n  end exhausted, states "));
  for (const verify::PropertyVerdict& property : entry.answer.properties) {
    const std::string line = absl::StrCat("\n  ", property.info.name, " ");
    const bool reached = property.status == checker::Status::kViolated || property.witnesses > 0;
    if (reached || property.asked) {
      EXPECT_THAT(text, HasSubstr(line));
    } else {
      EXPECT_THAT(text, Not(HasSubstr(line)));
    }
  }
  EXPECT_THAT(text, HasSubstr("  toctou                  violated    witnesses "));
  EXPECT_THAT(text, HasSubstr(" path 0:a"));
  EXPECT_THAT(text, Not(HasSubstr("not reached")));
}

TEST(DiffExcerpt, ShowsTheDifferenceWithALittleAround) {
  EXPECT_EQ(DiffExcerpt("a\nb\n", "a\nb\n", 10), "");
  EXPECT_EQ(DiffExcerpt("1\n2\n3\n4\n5\n6\n7\n", "1\n2\n3\nx\n5\n6\n7\n", 10),
            "@@\n 2\n 3\n-4\n+x\n 5\n 6\n");
  EXPECT_EQ(DiffExcerpt("", "a\n", 10), "+a\n");
  EXPECT_EQ(DiffExcerpt("a\n", "", 10), "-a\n");
  EXPECT_EQ(DiffExcerpt("a", "a\n", 10), "(only the end of the last line differs)\n");
  EXPECT_EQ(DiffExcerpt("a\nb\nc\n", "x\ny\nz\n", 2), "-a\n-b\n...\n");
}

TEST(DiffExcerpt, LongTexts) {
  std::string a;
  std::string b;
  for (int i = 0; i < 5000; ++i) {
    absl::StrAppend(&a, "a", i, "\n");
    absl::StrAppend(&b, "b", i, "\n");
  }
  EXPECT_THAT(DiffExcerpt(a, b, 3), StartsWith("-a0\n-a1\n-a2\n..."));
}

TEST(Mark, FollowsTheClaim) {
  Entry entry = Example();
  EXPECT_EQ(MarkOf(entry), Mark::kAgrees);
  entry.state = Entry::State::kMeansNothing;
  EXPECT_EQ(MarkOf(entry), Mark::kDiffers);
  entry.claim = "?";
  EXPECT_EQ(MarkOf(entry), Mark::kMeansNothing);
  entry.state = Entry::State::kNotAsked;
  EXPECT_EQ(MarkOf(entry), Mark::kIncomplete);
  EXPECT_EQ(OutcomeText(entry), "incomplete");
}

TEST(Table, NeverExceedsTheWidth) {
  Entry entry = Example();
  entry.scenario = std::string(100, 'n') + "\x1b";
  entry.answer.violated = {"dies-with-call", "fail-closed", "fresh-pin", "toctou"};
  entry.answer.vacuous = {"one-reply"};
  entry.answer.agreement = verify::Answer::Agreement::kDiffers;
  entry.answer.result.states = 123456789;
  entry.answer.result.transitions = 12345678901;
  for (size_t width = 20; width < 120; ++width) {
    TableOptions options;
    options.width = width;
    Entry other = entry;
    other.proposal = absl::StrCat("baseline/", std::string(150, 'x'));
    const std::string text = TableHead(options) + TableRows({&entry, &other}, options);
    size_t begin = 0;
    for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
      ASSERT_LE(end - begin, width) << text.substr(begin, end - begin);
      begin = end + 1;
    }
    EXPECT_THAT(text, HasSubstr("DIFFERS"));
  }
}

// One long name must not take the table away from all the others.
TEST(Table, ALongNameStandsAboveItsRow) {
  Entry entry = Example();
  entry.proposal = "baseline/release_late";
  const std::vector<std::string> names = {"baseline", entry.proposal};
  EXPECT_EQ(ProposalWidth(names, 120), entry.proposal.size());
  EXPECT_EQ(ProposalWidth({}, 80), 8u);
  TableOptions options;
  options.proposal_width = ProposalWidth(names, 80);
  EXPECT_EQ(options.proposal_width, 8u);
  EXPECT_THAT(TableRows({&entry}, options), HasSubstr("  ok          baseline/release_late\n"
                                                      "                        violated(toctou)"));
}

TEST(Summary, CountsEachQuestionOnce) {
  std::vector<Entry> entries(4, Example());
  entries[1].state = Entry::State::kMeansNothing;
  entries[1].claim = "";
  entries[2].state = Entry::State::kNotAsked;
  entries[3].file = "other.scn";
  entries[3].answer.agreement = verify::Answer::Agreement::kNotJudged;
  EXPECT_EQ(SummaryText(Summarise(entries)),
            "2 scenarios, 3 questions: 1 agree, 0 differ, 1 incomplete, 1 not judged");
}

TEST(DepthProfile, HasABarForEachDepth) {
  Entry entry = Example();
  entry.answer.result.levels = {1, 2, 4, 1};
  EXPECT_EQ(DepthProfile(entry, 40), absl::StrCat("  ", entry.proposal, ": states by depth\n",
                                                  "          0           1 ####\n"
                                                  "          1           2 ########\n"
                                                  "          2           4 ################\n"
                                                  "          3           1 ####\n"));
  // Many depths share 16 lines, and none is lost.
  entry.answer.result.levels.assign(33, 1);
  const std::string text = DepthProfile(entry, 40);
  EXPECT_THAT(text, HasSubstr("        0-2           3 "));
  EXPECT_THAT(text, HasSubstr("      30-32           3 "));
  entry.answer.result.levels.clear();
  EXPECT_EQ(DepthProfile(entry, 40), "");
}

}  // namespace
}  // namespace knotcheck::report::golden_test
