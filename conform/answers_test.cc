// SPDX-License-Identifier: Apache-2.0

#include "conform/answers.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "conform/testing/fake_runner.h"

namespace knotcheck::conform::answers_test {
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

TEST(Answers, OfADirectedPlan) {
  const auto answers = ParseAnswers(
      {"probe release 6.12.117", "probe fuse no  /dev/fuse: No such file or directory", "",
       "begin a#1", "done 0 0 6 used=2f6f6b", "done 1 h2 -13 r1=61,62 r0= c1=0 c2=7", "asleep 1 3",
       "dead 0", "stuck 12 wait 1 done", "end a#1 broken no  room", "bye"});
  ASSERT_TRUE(answers.ok()) << answers.status();
  EXPECT_EQ(answers->probe.at("release"), "6.12.117");
  EXPECT_EQ(answers->probe.at("fuse"), "no /dev/fuse: No such file or directory");
  const PlanAnswer& plan = answers->plans.at("a#1");
  ASSERT_EQ(plan.done.size(), 2u);
  EXPECT_EQ(plan.done[0].task, 0);
  EXPECT_EQ(TokenText(plan.done[0].token), "0=6:used=2f6f6b");
  EXPECT_EQ(plan.done[1].task, 1);
  EXPECT_EQ(plan.done[1].token.call, 0x82);
  EXPECT_EQ(plan.done[1].token.ret, -13);
  EXPECT_EQ(plan.done[1].token.details.at("r1"), "61,62");
  EXPECT_EQ(plan.done[1].token.details.at("r0"), "-");
  // Whether a pin was cut off is modelled, by which limit is not.
  EXPECT_EQ(plan.done[1].token.details.at("c1"), "0");
  EXPECT_EQ(plan.done[1].token.details.at("c2"), "1");
  ASSERT_EQ(plan.asleep.size(), 1u);
  EXPECT_EQ(plan.asleep[0], (std::pair<int, uint8_t>(1, 3)));
  EXPECT_EQ(plan.dead, std::vector<int>{0});
  EXPECT_EQ(plan.stuck, 12u);
  EXPECT_EQ(plan.ended, "broken no room");
}

TEST(Answers, OfAStress) {
  const auto answers =
      ParseAnswers({"begin a", "outcome 17 T[0=6] S[0=0 1=0]", "outcome 1", "end a limit"});
  ASSERT_TRUE(answers.ok()) << answers.status();
  const auto& outcomes = answers->plans.at("a").outcomes;
  ASSERT_EQ(outcomes.size(), 2u);
  EXPECT_EQ(outcomes[0], (std::pair<uint64_t, std::string>(17, "T[0=6] S[0=0 1=0]")));
  EXPECT_EQ(outcomes[1], (std::pair<uint64_t, std::string>(1, "")));
}

TEST(Answers, OfASearch) {
  const auto answers =
      ParseAnswers({"begin a", "searched 617 1065 31", "outcome 1 T[0=6]", "wanted",
                    "way T 0 - - -", "defect leak a record (kzalloc, kernel/x.c:7)",
                    "way S h3 kernel/seccomp.c:12 f mutex_lock", "end a ok"});
  ASSERT_TRUE(answers.ok()) << answers.status();
  const PlanAnswer& plan = answers->plans.at("a");
  EXPECT_EQ(plan.states, 617u);
  EXPECT_EQ(plan.transitions, 1065u);
  EXPECT_EQ(plan.milliseconds, 31u);
  ASSERT_EQ(plan.wanted.size(), 1u);
  EXPECT_EQ(plan.wanted[0].thread, "T");
  ASSERT_EQ(plan.defects.size(), 1u);
  EXPECT_EQ(plan.defects[0].kind, "leak");
  EXPECT_EQ(plan.defects[0].text, "a record (kzalloc, kernel/x.c:7)");
  ASSERT_EQ(plan.defects[0].way.size(), 1u);
  EXPECT_EQ(plan.defects[0].way[0].op, "h3");
  EXPECT_EQ(plan.defects[0].way[0].place, "kernel/seccomp.c:12");
  EXPECT_EQ(plan.defects[0].way[0].doing, "mutex_lock");
}

// The last plan of a target that broke off has no end, and the ones before it have theirs.
TEST(Answers, CutOff) {
  const auto answers = ParseAnswers({"begin a", "end a ok", "begin b", "done 0 0 1"});
  ASSERT_TRUE(answers.ok());
  EXPECT_EQ(answers->plans.at("a").ended, "ok");
  EXPECT_EQ(answers->plans.at("b").ended, "");
  EXPECT_EQ(answers->plans.at("b").done.size(), 1u);
  EXPECT_TRUE(ParseAnswers({})->plans.empty());
}

TEST(Answers, OfNoRunner) {
  for (const char* line : {"hello",           "done",           "done 0 0",      "done x 0 0",
                           "done 0 x 0",      "done 0 -1 0",    "done 0 128 0",  "done 0 0 x",
                           "done 0 0 0 used", "done 0 0 0 =1",  "asleep 0",      "asleep 0 x",
                           "asleep 0 1 2",    "dead",           "dead x",        "stuck",
                           "stuck x",         "outcome",        "outcome x T[]", "end a",
                           "end b ok",        "begin",          "begin a b",     "probe release",
                           "searched 1 2",    "searched x 2 3", "defect leak",   "way T 0 - - -"}) {
    const auto answers = ParseAnswers({"begin a", line});
    EXPECT_TRUE(absl::IsInvalidArgument(answers.status())) << line;
  }
  // What belongs to a plan stands in one.
  for (const char* line : {"done 0 0 0", "asleep 0 0", "dead 0", "outcome 1 T[]", "end a ok"}) {
    EXPECT_FALSE(ParseAnswers({line}).ok()) << line;
    EXPECT_FALSE(ParseAnswers({"begin a", "end a ok", line}).ok()) << line;
  }
  const auto binary = ParseAnswers({"\x01\xff"});
  EXPECT_EQ(binary.status().message(),
            "the runner said '\\x01\\xff', expected begin PLAN before it");
}

struct Subject {
  explicit Subject(const std::string& body) : scenario(testing::ParsedBody(body)) {
    auto made = verify::Question::Make(scenario, *model::FindProposal("baseline"), {});
    EXPECT_TRUE(made.ok()) << made.status();
    question = *std::move(made);
  }
  const model::Program& program() const { return question->program(); }
  std::string Directed(std::vector<std::string> lines) const {
    const auto answers = ParseAnswers(testing::Answer("a", std::move(lines)));
    EXPECT_TRUE(answers.ok()) << answers.status();
    return ObservedText(program(), ObservedOf(program(), answers->plans.at("a")));
  }
  std::string Free(const std::string& text) const {
    const auto observed = ParseOutcome(program(), text);
    return observed.ok() ? ObservedText(program(), *observed)
                         : std::string(observed.status().message());
  }
  lang::Scenario scenario;
  std::unique_ptr<verify::Question> question;
};

// T: 0 and 1 umask, 2 the end.
constexpr char kTwoCalls[] = R"(filter umask
target T { umask()
  umask() }
supervisor S {
  n = recv()
  send(n, value 5)
}
signals to T: 1, fatal
)";

// A task that has come to its end has exited, one that has not was killed. Of a dead task nobody
// knows what it was doing.
TEST(Observed, ExitsAndDeaths) {
  const Subject subject(kTwoCalls);
  EXPECT_EQ(subject.Directed({"done 0 0 5", "done 0 1 5", "dead 0"}), "T[0=5 1=5]");
  EXPECT_EQ(subject.Directed({"done 0 0 5", "dead 0"}), "T[0=5 dead]");
  EXPECT_EQ(subject.Directed({"dead 0"}), "T[dead]");
  EXPECT_EQ(subject.Directed({"done 0 0 5", "asleep 0 1", "dead 0"}), "T[0=5 dead]");
  EXPECT_EQ(subject.Directed({"done 0 0 5", "asleep 0 1"}), "T[0=5 1=asleep]");
  EXPECT_EQ(subject.Free("T[0=5 1=5 dead]"), "T[0=5 1=5]");
  EXPECT_EQ(subject.Free("T[0=5 dead]"), "T[0=5 dead]");
  EXPECT_EQ(subject.Free("T[0=5 1=asleep dead]"), "T[0=5 dead]");
}

// In the order in which they returned, task by task; what the program does not have is nothing.
TEST(Observed, OrderAndStrangers) {
  const Subject subject(kTwoCalls);
  EXPECT_EQ(subject.Directed({"done 1 0 0", "done 0 0 5", "done 1 1 0", "asleep 0 1"}),
            "T[0=5 1=asleep] S[0=0 1=0]");
  EXPECT_EQ(subject.Directed(
                {"done 7 0 0", "done 0 90 0", "done -1 0 0", "asleep 9 0", "dead 9", "done 0 0 5"}),
            "T[0=5]");
}

// A handler's operations return before the one that the signal interrupted, and stand behind it; a
// task whose script is at its end is not dead because a handler's came last.
TEST(Observed, HandlersStandBehindWhatTheyInterrupt) {
  const Subject subject(
      "filter umask\ntarget T { umask()\n  umask() }\nsupervisor S { n = recv() }\n"
      "signals to T: 2, handler restarts { umask()\n  umask() }\n");
  EXPECT_EQ(subject.Directed({"done 0 h0 1", "done 0 h1 2", "done 0 0 5", "done 0 h0 3",
                              "done 0 h1 4", "done 0 1 6", "dead 0"}),
            "T[0=5 h0=1 h1=2 1=6 h0=3 h1=4]");
  EXPECT_EQ(subject.Directed({"done 0 h0 1", "asleep 0 0"}), "T[0=asleep h0=1]");
  EXPECT_EQ(subject.Directed({"done 0 h0 1", "asleep 0 0", "asleep 0 h1"}),
            "T[0=asleep h0=1 h1=asleep]");
  EXPECT_EQ(subject.Directed({"done 0 h0 1", "done 0 0 5", "dead 0"}), "T[0=5 h0=1 dead]");
}

// A supervisor outside of a policy may fail and sleep in RECV as it likes, and is seen doing so.
TEST(Observed, RecvsOfAPolicyOnly) {
  const Subject plain(kTwoCalls);
  EXPECT_EQ(plain.Directed({"done 1 0 -4", "asleep 1 0"}), "S[0=-4 0=asleep]");
  const Subject policy("target T { umask() }\nsupervisor S { policy: allow umask, else EACCES }\n");
  EXPECT_EQ(policy.Directed({"done 1 0 -4", "done 1 0 0", "asleep 1 0"}), "S[0=0]");
  EXPECT_EQ(policy.Free("S[0=-4 0=0 3=0 0=asleep]"), "S[0=0 3=0]");
}

TEST(Outcome, OfNoProgram) {
  const Subject subject(kTwoCalls);
  EXPECT_EQ(subject.Free("  T[0=5:used=61]  S[0=0 ]"), "T[0=5:used=61] S[0=0]");
  EXPECT_EQ(subject.Free(""), "");
  for (const char* text : {"T", "T[", "T]0=5[", "X[0=5]", "T[9=0]", "T[x=0]", "T[0=x]", "T[0]",
                           "T[0=5:used]", "T[0=5:=1]", "T[0=5] S"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseOutcome(subject.program(), text).status())) << text;
  }
}

TEST(Readable, BytesThatAreText) {
  EXPECT_EQ(Readable("T[0=6:used=2f6f6b] S[3=0:r1=2f6f6b,61:c1=0]"),
            "T[0=6:used=\"/ok\"] S[3=0:r1=\"/ok\",\"a\":c1=0]");
  // Results are numbers, whatever they look like; so is what is not printable.
  EXPECT_EQ(Readable("T[0=61 1=-13]"), "T[0=61 1=-13]");
  EXPECT_EQ(Readable("T[0=6:used=2f00]"), "T[0=6:used=2f00]");
  EXPECT_EQ(Readable("T[0=6:used=-]"), "T[0=6:used=-]");
  EXPECT_EQ(Readable("T[0=6:used=2f?]"), "T[0=6:used=2f?]");
  EXPECT_EQ(Readable(""), "");
}

}  // namespace
}  // namespace knotcheck::conform::answers_test
