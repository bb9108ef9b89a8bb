// SPDX-License-Identifier: Apache-2.0
//
// What a supervisor knows, what a policy says, what counts as reached, and what is refused: each a
// kind of answer that was once wrong. Most of it stands in scenarios/verdicts; here is what a
// scenario's result cannot say.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "checker/path.h"
#include "gtest/gtest.h"
#include "lang/parse.h"
#include "verify/check.h"

namespace knotcheck::verify::knowledge_test {
namespace {

constexpr char kHeader[] =
    "# name: n\n# question: q\n# source: s\n# result: baseline=? pin_args=?\n";

Answer Asked(const std::string& text, const char* proposal = "baseline",
             model::Toggles toggles = {}) {
  const auto scenario = lang::Parse(kHeader + text, "f");
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  CheckOptions options;
  options.toggles = toggles;
  auto answer = Check(*scenario, *model::FindProposal(proposal), options);
  EXPECT_TRUE(answer.ok()) << answer.status();
  return answer.ok() ? *std::move(answer) : Answer();
}

std::string Refused(const std::string& text, const char* proposal) {
  const auto scenario = lang::Parse(kHeader + text, "f");
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  return std::string(
      Question::Make(*scenario, *model::FindProposal(proposal), {}).status().message());
}

bool Names(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool Violated(const Answer& answer, const std::string& property) {
  return Names(answer.violated, property);
}

constexpr char kRace[] =
    "memory path = \"/ok\" | \"/evil\"\n"
    "target T { openat(AT_FDCWD, path, O_RDONLY) }\n"
    "peer P shares memory with T\n";

std::string Policy(const std::string& rules) {
  return absl::StrCat(kRace, "supervisor S { policy: ", rules, " }\nnever toctou\n");
}

// Three that tell each other, whichever of them is declared first.
TEST(Knowledge, WhoSharesWithWhomIsNotAQuestionOfOrder) {
  std::vector<std::string> supervisors = {
      "supervisor Q { n = recv(); read(n); close(listener) }\n",
      "supervisor R shares looks with S { n = recv(null); m = after(n); send(m, continue) }\n",
      "supervisor S shares looks with Q { poll(nowait) }\n"};
  do {
    const Answer answer = Asked(
        absl::StrCat(kRace, "filter openat\n", absl::StrJoin(supervisors, ""), "never toctou\n"));
    EXPECT_TRUE(Violated(answer, "toctou")) << absl::StrJoin(supervisors, "");
  } while (std::next_permutation(supervisors.begin(), supervisors.end()));
}

// What is seen of execve's table by one thread and sent by another: fail-closed is about what was
// promised, whoever asked for it.
TEST(Knowledge, CountOfATableIsPromisedWhoeverPinnedIt) {
  model::Toggles fixed;
  fixed.Set(model::ToggleNamed("pinned_needs_record"));
  const std::string target =
      "filter execve\nmemory a = \"-l\"\nmemory filename = \"/bin/ok\"\n"
      "memory argv = [a | NULL, NULL]\ntarget T { execve(filename, argv, NULL) }\n"
      "peer P shares memory with T\n";
  const std::string same =
      "supervisor R { n = recv(); pin(n, 0: cstring 64, 1: cstrings 256)\n"
      "  send(n, continue pinned); close(listener) }\n";
  const std::string other =
      "supervisor R { n = recv(); pin(n, 0: cstring 64, 1: cstrings 256) }\n"
      "supervisor S { n = recv(null); m = after(n); send(m, continue pinned); close(listener) }\n";
  for (const std::string& supervisors : {same, other}) {
    const Answer answer = Asked(target + supervisors + "never fail-closed\n", "pin_args", fixed);
    EXPECT_TRUE(Violated(answer, "fail-closed")) << supervisors;
  }
}

TEST(Knowledge, ScriptsShareWhatTheySayThatTheyShare) {
  const std::string looks = "supervisor R { n = recv(); read(n) }\n";
  const std::string sends =
      " { n = recv(null); m = after(n); send(m, continue); close(listener) }\nnever toctou\n";
  const Answer apart = Asked(absl::StrCat(kRace, "filter openat\n", looks, "supervisor S", sends));
  EXPECT_FALSE(Violated(apart, "toctou"));
  EXPECT_TRUE(Names(apart.vacuous, "toctou"));
  EXPECT_TRUE(apart.blind);
  const Answer together = Asked(
      absl::StrCat(kRace, "filter openat\n", looks, "supervisor S shares looks with R", sends));
  EXPECT_TRUE(Violated(together, "toctou"));
  const Answer threads = Asked(absl::StrCat(
      kRace,
      "filter openat\nsupervisor S[2] shares looks { n = recv(fault); any of { read(n); "
      "nothing }; send(n, continue) }\nnever toctou\n"));
  EXPECT_TRUE(Violated(threads, "toctou"));
}

TEST(Knowledge, ContinueWithoutALookApprovesNoMemory) {
  const Answer answer =
      Asked(absl::StrCat(kRace, "filter openat\nsupervisor S { n = recv(); send(n, continue) }\n"));
  EXPECT_TRUE(answer.blind);
  EXPECT_TRUE(Names(answer.unreached, "toctou"));
  EXPECT_FALSE(Violated(answer, "toctou"));
}

TEST(Knowledge, AFailedLookAtAnotherNotificationForgetsNothing) {
  const Answer answer = Asked(
      "filter openat\nmemory path = \"/ok\" | \"/evil\"\n"
      "target T { openat(AT_FDCWD, path, O_RDONLY) }\n"
      "target U { openat(AT_FDCWD, dangling, O_RDONLY) }\npeer P shares memory with T\n"
      "supervisor S { n = recv(); m = recv(); read(n); read(m); send(n, continue) }\n"
      "never toctou\n");
  EXPECT_TRUE(Violated(answer, "toctou"));
}

TEST(Policies, OneRuleOfSeveralIsEnough) {
  const std::string a = "allow openat if path == \"/a\", else EACCES";
  const std::string ok = "allow openat if path == \"/ok\", else EACCES";
  for (const std::string& rules : {a + "; " + ok, ok + "; " + a,
                                   std::string("allow openat if path == \"/a\" or path == \"/ok\", "
                                               "else EACCES"),
                                   std::string("allow openat if path != \"/evil\", else EACCES")}) {
    EXPECT_TRUE(Violated(Asked(Policy(rules)), "toctou")) << rules;
  }
  EXPECT_FALSE(Violated(Asked(Policy(a)), "toctou"));
  EXPECT_NE(
      Refused(Policy(a + "; allow openat if path == \"/ok\", else EPERM"), "baseline").find("f:8:"),
      std::string::npos);
}

TEST(Policies, AnyLooksAndAllows) {
  // Whatever it is, it was seen, and is another when it is opened.
  const Answer any = Asked(Policy("allow openat if path == any, else EACCES"));
  EXPECT_TRUE(Violated(any, "toctou"));
  EXPECT_FALSE(any.blind);
  // Without a condition nothing is looked at.
  const Answer none = Asked(Policy("allow openat, else EACCES"));
  EXPECT_TRUE(none.blind);
  EXPECT_TRUE(Names(none.vacuous, "toctou"));
}

TEST(Policies, AndBindsCloserThanOr) {
  const std::string text =
      "memory a = \"/a\"\nmemory b = \"/b\"\ntarget T { symlinkat(a, AT_FDCWD, b) == EACCES }\n"
      "supervisor S { policy: allow symlinkat if oldname == \"/a\" and newname == \"/x\" or "
      "oldname == \"/x\" and newname == \"/b\", else EACCES }\nnever expectation\n";
  EXPECT_FALSE(Violated(Asked(text), "expectation"));
}

TEST(Reached, WhatNobodyCouldStoreIsNoProof) {
  const std::string quiet =
      "memory path = \"/ok\"\ntarget T { openat(AT_FDCWD, path, O_RDONLY) }\n"
      "supervisor S { policy: allow openat if path == \"/ok\", else EACCES }\n";
  EXPECT_TRUE(Names(Asked(quiet).unreached, "toctou"));
  const Answer asked = Asked(quiet + "never toctou\n");
  EXPECT_EQ(asked.vacuous, std::vector<std::string>{"toctou"});
  // Asked for and not reached differs, though nobody has judged it.
  EXPECT_EQ(asked.agreement, Answer::Agreement::kDiffers);
  EXPECT_EQ(Outcome(asked), "not reached(toctou)");
}

// A sibling, a handler, a supervisor and a call's result can store as well as a peer.
TEST(Reached, ByEverybodyWhoStores) {
  const std::string memory = "filter openat\nmemory path = \"/ok\" | \"/no\"\n";
  const std::string target = "target T { openat(AT_FDCWD, path, O_RDONLY) }\n";
  const std::string script = "supervisor S { n = recv(); read(n); send(n, continue) }\n";
  for (const std::string& storer :
       {target + "thread U of T { path = \"/no\" }\n" + script,
        target + "signals to T: 1, handler { path = \"/no\" }\n" + script,
        target + "peer P shares memory with T { path = \"/no\" }\n" + script,
        target + "thread U of T { read(file, path, 4) }\n" + script,
        target + "supervisor S { n = recv(); read(n); path = \"/no\"; send(n, continue) }\n"}) {
    const Answer answer = Asked(memory + storer + "never toctou\n");
    EXPECT_TRUE(answer.vacuous.empty()) << storer;
  }
  // What the caller itself stored before its call is no race.
  const Answer own =
      Asked(memory + "target T { path = \"/no\"; openat(AT_FDCWD, path, O_RDONLY) }\n" + script +
            "never toctou\n");
  EXPECT_EQ(own.vacuous, std::vector<std::string>{"toctou"});
}

TEST(Reached, PropertiesThatAProposalHasNotAreNamed) {
  const Answer answer =
      Asked(Policy("allow openat if path == \"/ok\", else EACCES") + "never fail-closed\n");
  EXPECT_EQ(answer.absent, std::vector<std::string>{"fail-closed"});
}

TEST(Notes, WhatHasNoEffectIsTold) {
  struct Row {
    const char* text;
    const char* note;
  };
  const Row rows[] = {
      {"memory unused = \"x\"\n", "nothing uses 'unused'"},
      {"target U { close(file) }\nsignals to U: 1, handler restarts\n",
       "'restarts' changes nothing"},
      {"filter wait_killable\n", "wait_killable changes nothing"},
      {"filter bind\n", "no task with the filter calls bind()"},
      {"child C of T { umask() }\n", "nothing starts C"},
  };
  for (const Row& row : rows) {
    const Answer answer = Asked(Policy("allow openat if path == \"/ok\", else EACCES") + row.text);
    ASSERT_EQ(answer.notes.size(), 1u) << row.text;
    EXPECT_NE(answer.notes[0].find(row.note), std::string::npos) << answer.notes[0];
    EXPECT_EQ(answer.notes[0].rfind("f:", 0), 0u) << answer.notes[0];
  }
  EXPECT_TRUE(Asked(Policy("allow openat if path == \"/ok\", else EACCES")).notes.empty());
  const Answer still = Asked(
      "memory path = \"/ok\" | \"/evil\"\ntarget T { openat(AT_FDCWD, path, O_RDONLY) }\n"
      "supervisor S { policy: allow openat if path == \"/ok\", else EACCES; allow bind, else "
      "EACCES }\n");
  ASSERT_EQ(still.notes.size(), 2u);
  EXPECT_NE(still.notes[0].find("nobody can store"), std::string::npos);
  EXPECT_NE(still.notes[1].find("calls bind()"), std::string::npos);
}

TEST(Limits, AreNamedWithWhatWouldBeNeeded) {
  const std::string many =
      "filter execve\nmemory p = \"/a\"\nmemory a = \"-l\"\nmemory v = [a, NULL]\n"
      "target T { execve(p, v, NULL) }\ntarget U { }\nchild C of T { }\n";
  EXPECT_NE(Refused(many + "supervisor S { anything but addfd, set_flags, id_valid, close }\n",
                    "pin_args")
                .find("expected at most 250"),
            std::string::npos);
  const std::string words =
      "filter openat\nmemory a = \"0123456789012345678901\"\nmemory b = "
      "\"0123456789012345678901\"\n"
      "memory c = \"0123456789012345678901\"\nmemory d = \"0123456789012345678901\"\n"
      "memory e = \"0123456789012345678901\"\nmemory g = \"0123456789012345678901\"\n"
      "target T { openat(AT_FDCWD, a, O_RDONLY) }\ntarget U { umask() }\ntarget V { umask() }\n"
      "supervisor S { n = recv() }\n";
  EXPECT_NE(Refused(words, "baseline").find("found 54 words of user memory in 3 address spaces"),
            std::string::npos)
      << Refused(words, "baseline");
}

// Six records at once, which was one more than there was room for.
TEST(Limits, ManyRecordsFit) {
  const auto scenario = lang::Parse(
      absl::StrCat(kHeader,
                   "filter openat\nmemory path = \"/ok\"\n"
                   "target T { openat(AT_FDCWD, path, O_RDONLY) }\n"
                   "target U { openat(AT_FDCWD, path, O_RDONLY) }\n"
                   "target V { openat(AT_FDCWD, path, O_RDONLY) }\n"
                   "supervisor A { n = recv(); pin(n, 1: cstring 16) }\n"
                   "supervisor B { n = recv(); pin(n, 1: cstring 16) }\n"
                   "supervisor C { n = recv(); pin(n, 1: cstring 16) }\n"
                   "supervisor D { n = recv(); pin(n, 1: cstring 16); n = recv()\n"
                   "  pin(n, 1: cstring 16); n = recv(); pin(n, 1: cstring 16) }\n"
                   "signals to T: 1, handler restarts\nsignals to U: 1, handler restarts\n"
                   "signals to V: 1, handler restarts\n"),
      "f");
  ASSERT_TRUE(scenario.ok()) << scenario.status();
  const auto question = Question::Make(*scenario, *model::FindProposal("pin_args"), {});
  ASSERT_TRUE(question.ok()) << question.status();
  const auto path = checker::PathFromString(
      "0:aaaaabbbbbcccccdddddddddeeeeeeeeefffffffffhijaaaaaaaaaaaabbbbbbbbbbbbccccccccccccgggggggg"
      "ggggggggggggggggggggggg");
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_TRUE(Trace((*question)->system(), *path).possible);
}

}  // namespace
}  // namespace knotcheck::verify::knowledge_test
