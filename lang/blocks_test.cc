// SPDX-License-Identifier: Apache-2.0
//
// loop, leave and if: how they are read, what they become, and what of them is refused or told.
// Expected from docs/language.md.

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "lang/compile.h"
#include "lang/parse.h"
#include "model/proposal.h"

namespace knotcheck::lang::blocks_test {
namespace {

constexpr char kHeader[] = "# name: n\n# question: q\n# source: s\n# result: baseline=?\n";

// What is wrong with a declaration on line 5; "" when nothing is.
std::string ParseError(const std::string& declaration) {
  const auto scenario = Parse(kHeader + declaration + "\n", "f");
  return scenario.ok() ? "" : std::string(scenario.status().message());
}

absl::StatusOr<model::Program> Compiled(const std::string& rest) {
  const auto scenario = Parse(kHeader + rest, "f");
  if (!scenario.ok()) return scenario.status();
  return Compile(*scenario, *model::FindProposal("baseline"));
}

// A supervisor's script, which begins in line 7, column 16.
std::string OfSupervisor(const std::string& script) {
  return "filter umask\ntarget T { umask() }\nsupervisor S { " + script + " }\n";
}
// A target's, in line 6, column 12.
std::string OfTarget(const std::string& script) {
  return "filter umask\ntarget T { " + script +
         " }\nsupervisor S { n = recv(); send(n, value 1) }\n";
}

std::string Refusal(const std::string& rest) {
  const auto program = Compiled(rest);
  return program.ok() ? "" : std::string(program.status().message());
}
std::string Refused(const std::string& script) { return Refusal(OfSupervisor(script)); }
std::string TargetRefused(const std::string& script) { return Refusal(OfTarget(script)); }

std::vector<std::string> Notes(const std::string& rest) {
  const auto program = Compiled(rest);
  EXPECT_TRUE(program.ok()) << program.status();
  return program.ok() ? program->notes : std::vector<std::string>();
}

TEST(Blocks, AreReadAndPrinted) {
  const std::string text =
      "supervisor S {\n  loop {\n    n = recv()\n    if result == ENOENT { leave } else if n is "
      "openat {\n      send(n, continue)\n      poll()\n    } else { send(n, error EACCES) }\n"
      "    if result != 3 {}\n  }\n}\n";
  const auto scenario = Parse(kHeader + text, "f");
  ASSERT_TRUE(scenario.ok()) << scenario.status();
  const auto& supervisor = std::get<Supervisor>(scenario->declarations[0]);
  ASSERT_EQ(supervisor.body.size(), 1u);
  const auto& loop = std::get<Loop>(supervisor.body[0]);
  ASSERT_EQ(loop.body.size(), 3u);
  const auto& branch = std::get<If>(loop.body[1]);
  EXPECT_EQ(branch.test.kind, BranchTest::Kind::kResult);
  EXPECT_FALSE(branch.test.negated);
  EXPECT_EQ(branch.test.value.text, "ENOENT");
  EXPECT_TRUE(std::holds_alternative<Leave>(branch.then[0]));
  const auto& other = std::get<If>(branch.otherwise[0]);
  EXPECT_EQ(other.test.kind, BranchTest::Kind::kCall);
  EXPECT_EQ(other.test.variable, "n");
  EXPECT_EQ(other.test.value.text, "openat");
  EXPECT_EQ(other.then.size(), 2u);
  EXPECT_EQ(other.otherwise.size(), 1u);
  EXPECT_TRUE(std::get<If>(loop.body[2]).test.negated);
  const std::string printed = Print(*scenario);
  EXPECT_EQ(printed.substr(printed.size() - text.size()), text);
}

// None of the words is reserved.
TEST(Blocks, TheirWordsAreNames) {
  const auto scenario =
      Parse(std::string(kHeader) + "target T { if(); loop = 1; leave[2] = a; else = is() }\n", "f");
  ASSERT_TRUE(scenario.ok()) << scenario.status();
  const auto& task = std::get<Task>(scenario->declarations[0]);
  EXPECT_TRUE(std::holds_alternative<Call>(task.body[0]));
  EXPECT_TRUE(std::holds_alternative<Store>(task.body[1]));
  EXPECT_TRUE(std::holds_alternative<Store>(task.body[2]));
  EXPECT_TRUE(std::holds_alternative<Call>(task.body[3]));
}

TEST(Blocks, WhatIsNotRead) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"target T { loop a() }", "f:5:17: found 'a', expected '{'"},
      {"target T { leave a() }", "f:5:18: found 'a', expected ';', '}' or the end of the line"},
      {"target T { if { } }",
       "f:5:15: found '{', expected 'result', or the name of a notification"},
      {"target T { if result = 3 { } }", "f:5:22: found '=', expected '==', '!=' or 'is'"},
      {"target T { if n == 3 { } }", "f:5:17: found '==', expected 'is'"},
      {"target T { if result == \"x\" { } }",
       "f:5:25: found '\"x\"', expected a number or the name of an errno"},
      {"target T { if n is 3 { } }", "f:5:20: found '3', expected the name of a call"},
      {"target T { if result == 3 a() }", "f:5:27: found 'a', expected '{'"},
      {"target T { if result == 3 { a() } els { } }",
       "f:5:35: found 'els', expected 'else', ';', '}' or the end of the line, did you mean "
       "'else'?"},
      {"target T { if result == 3 { a() }\n else { } }",
       "f:6:2: found 'else', expected it behind the '}' of an 'if', on the same line"},
      {"target T { if result == 3 { a() } else b() }", "f:5:40: found 'b', expected 'if' or '{'"},
      {"target T { if (result == 3) { a() } }",
       "f:5:15: found '(', expected 'result' without brackets around the test"},
      {"target T { a(); break }",
       "f:5:17: found 'break', expected 'leave', which ends the innermost loop"},
      {"target T { while { a() } }", "f:5:12: found 'while', expected 'loop', which 'leave' ends"},
      {"target T { any of { if result == 3 { } } }",
       "f:5:21: found 'if', expected a call, a store or 'nothing'"},
      {"target T { any of { leave } }",
       "f:5:21: found 'leave', expected a call, a store or 'nothing'"},
  };
  for (const auto& [text, expected] : rows) EXPECT_EQ(ParseError(text), expected) << text;
}

TEST(Blocks, NestSoDeep) {
  const auto nested = [](int depth) {
    std::string text = "target T { ";
    for (int i = 0; i < depth; ++i) text += "loop { ";
    for (int i = 0; i <= depth; ++i) text += "} ";
    return text;
  };
  const auto chain = [](int depth) {
    std::string text = "target T { if result == 1 { }";
    for (int i = 1; i < depth; ++i) text += " else if result == 1 { }";
    return text + " }";
  };
  EXPECT_EQ(ParseError(nested(12)), "");
  EXPECT_EQ(ParseError(nested(13)),
            "f:5:96: found more than 12 'loop' and 'if' within each other, expected at most 12");
  EXPECT_EQ(ParseError(chain(12)), "");
  EXPECT_NE(ParseError(chain(13)), "");
}

// One behind the other they are as many as one likes.
TEST(Blocks, AreLeftAgain) {
  std::string text = "target T { ";
  for (int i = 0; i < 50; ++i) text += "loop { a() }; if result == 1 { } else { }; ";
  EXPECT_EQ(ParseError(text + "}"), "");
}

std::vector<model::OpCode> Codes(const std::vector<model::Op>& ops) {
  std::vector<model::OpCode> codes;
  for (const model::Op& op : ops) codes.push_back(op.code);
  return codes;
}

// A test jumps to what is done when it is met, over what is done when it is not.
TEST(Blocks, BecomeJumps) {
  using model::OpCode;
  const auto program = Compiled(OfSupervisor(
      "loop { n = recv(); if result == ENOENT { leave }; if n is umask { send(n, continue) } else "
      "{ id_valid(n) } }; poll()"));
  ASSERT_TRUE(program.ok()) << program.status();
  const std::vector<model::Op>& ops = program->tasks[1].ops;
  ASSERT_EQ(Codes(ops),
            (std::vector<OpCode>{OpCode::kRecv, OpCode::kJumpIfResult, OpCode::kJump, OpCode::kJump,
                                 OpCode::kJumpIfCall, OpCode::kIdValid, OpCode::kJump,
                                 OpCode::kSend, OpCode::kJump, OpCode::kPoll, OpCode::kEnd}));
  EXPECT_EQ(ops[1].expected, -model::kENOENT);
  EXPECT_EQ(ops[1].target, 3);
  EXPECT_EQ(ops[2].target, 4);  // nothing to do when it is not met
  EXPECT_EQ(ops[3].target, 9);  // leave
  EXPECT_EQ(ops[4].nr, model::Nr::kUmask);
  EXPECT_EQ(ops[4].target, 7);
  EXPECT_EQ(ops[6].target, 8);
  EXPECT_EQ(ops[8].target, 0);

  const auto target =
      Compiled(OfTarget("umask(); if result != EINTR { close(sock) } else { exit() }"));
  ASSERT_TRUE(target.ok()) << target.status();
  const std::vector<model::Op>& calls = target->tasks[0].ops;
  ASSERT_EQ(Codes(calls),
            (std::vector<OpCode>{OpCode::kSyscall, OpCode::kJumpIfResult, OpCode::kSyscall,
                                 OpCode::kJump, OpCode::kSyscall, OpCode::kEnd}));
  EXPECT_EQ(calls[1].target, 4);
  EXPECT_EQ(calls[2].nr, model::Nr::kClose);
  EXPECT_EQ(calls[3].target, 5);
}

TEST(Blocks, LoopsAreSupervisors) {
  const std::string only =
      "found 'loop', expected it in a supervisor's script only: what a target calls may be "
      "trapped, and its calls would never end";
  EXPECT_EQ(TargetRefused("loop { umask() }"), "f:6:12: " + only);
  EXPECT_EQ(Refusal("filter umask\ntarget T { umask() }\npeer P shares memory with T { loop { "
                    "umask() } }\n"),
            "f:7:31: " + only);
  EXPECT_EQ(Refusal("filter umask\ntarget T { umask() }\nsignals to T: 1, handler { loop { "
                    "umask() } }\n"),
            "f:7:28: " + only);
  EXPECT_EQ(Refused("loop { recv() }"), "");
}

TEST(Blocks, WhatNothingReachesIsRefused) {
  const std::string nothing =
      "found a statement that nothing reaches, expected none here: what stands before it is left, "
      "or never ends";
  EXPECT_EQ(Refused("loop { recv(); if result == EINTR { leave; poll() } }"), "f:7:59: " + nothing);
  EXPECT_EQ(Refused("loop { recv() }; poll()"), "f:7:33: " + nothing);
  EXPECT_EQ(Refused("loop { recv(); if result == EINTR { leave } }; poll()"), "");
  EXPECT_EQ(Refused("recv(); loop { poll(); if result == EINTR { leave } else { loop { recv() } }; "
                    "poll() }"),
            "f:7:94: " + nothing);
  EXPECT_EQ(Refused("leave"), "f:7:16: found 'leave' outside of a loop, expected it in one");
  EXPECT_EQ(
      Refused("loop { recv(); leave }"),
      "f:7:16: found a loop that never goes round, expected a way to its end without 'leave'");
  EXPECT_EQ(Refused("recv(); if result == EINTR { }"),
            "f:7:24: found an 'if' with nothing in it, expected statements");
}

// Else one step would never end.
TEST(Blocks, ALoopCallsOnEveryWay) {
  const std::string none =
      "f:7:24: found a loop that may go round without a call (a store and kill() are none), "
      "expected one on every way through it";
  EXPECT_EQ(Refused("recv(); loop { }"), none);
  EXPECT_EQ(Refused("recv(); loop { kill(T) }"), none);
  EXPECT_EQ(Refused("recv(); loop { any of { recv(); nothing } }"), none);
  EXPECT_EQ(Refused("n = recv(); loop { m = after(n) }"), "f:7:28" + none.substr(6));
  EXPECT_EQ(Refused("recv(); loop { if result == EINTR { recv() } }"), none);
  EXPECT_EQ(Refused("recv(); loop { if result == EINTR { recv() } else { poll() } }"), "");
  EXPECT_EQ(Refused("recv(); loop { if result == EINTR { leave } else { poll() } }"), "");
  EXPECT_EQ(Refused("recv(); loop { any of { recv(); poll() } }"), "");
}

TEST(Blocks, AResultIsOfACall) {
  const std::string none =
      "found 'result' where perhaps nothing was called, expected a call before it on every way";
  const std::string lost =
      "found 'result' behind a store, kill() or 'nothing', expected it right behind a call, whose "
      "result is kept no longer";
  EXPECT_EQ(Refused("if result == 0 { recv() }"), "f:7:19: " + none);
  EXPECT_EQ(Refused("loop { if result == EINTR { leave }; recv() }"), "f:7:26: " + none);
  EXPECT_EQ(Refused("any of { recv(); nothing }; if result == 0 { poll() }"), "f:7:47: " + none);
  EXPECT_EQ(Refused("recv(); kill(T); if result == 0 { poll() }"), "f:7:36: " + lost);
  EXPECT_EQ(Refused("recv(); any of { poll(); nothing }; if result == 0 { poll() }"), "");
  EXPECT_EQ(Refused("n = recv(); m = after(n); if result == 0 { poll() }"), "");
  EXPECT_EQ(TargetRefused("if result == 0 { umask() }"), "f:6:15: " + none);
  EXPECT_EQ(TargetRefused("umask(); kill(T); if result == 0 { umask() }"), "f:6:33: " + lost);
  // The call has returned when the choice is made, and nobody keeps what.
  EXPECT_EQ(TargetRefused("umask(); any of { umask(); nothing }; if result == 0 { umask() }"),
            "f:6:53: " + lost);
  EXPECT_EQ(TargetRefused("umask(); any of { umask(); close(sock) }; if result == 0 { umask() }"),
            "");
  EXPECT_EQ(TargetRefused("umask(); if result == 3 { close(sock) }; if result == 0 { umask() }"),
            "");
}

TEST(Blocks, ATestCanBeMetAndNotMet) {
  EXPECT_EQ(Refused("set_flags(0); if result == ENOENT { poll() }"),
            "f:7:43: found 'ENOENT', which nothing before it returns, expected one of: EINVAL, "
            "EBADF, EINTR, 0");
  EXPECT_EQ(Refused("set_flags(0); if result == EINVAL { poll() }"), "");
  EXPECT_EQ(
      Refused("close(listener); if result == EBADF { poll() } else if result != 0 { poll() }"),
      "f:7:71: found a test whose 'result' is always 0, expected none");
  EXPECT_EQ(Refused("n = recv(); if result == EINTR { if result == ENOENT { poll() } }"),
            "f:7:62: found 'ENOENT', which nothing before it returns, expected one of: EINTR");
  EXPECT_EQ(Refused("recv(); if result == 3 { poll() }"),
            "f:7:37: found '3', which nothing before it returns, expected one of: EINVAL, EBADF, "
            "EINTR, ENOENT, 0");
  EXPECT_EQ(Refused("recv(); if result == ERESTARTSYS { poll() }"),
            "f:7:37: found 'ERESTARTSYS', expected what a call returns: a program never sees that "
            "a call starts anew");
  EXPECT_EQ(Refused("recv(); if result == ENOWHERE { poll() }").substr(0, 58),
            "f:7:37: found 'ENOWHERE', expected a number or an error's ");
  EXPECT_EQ(Refused("recv(); if result == 200 { poll() }"),
            "f:7:37: expected a result from 0 to 127, or an error's name");
}

TEST(Blocks, ANotificationIsOfACallThatIsTrapped) {
  EXPECT_EQ(Refused("n = recv(); if n is umask { poll() }"), "");
  EXPECT_EQ(Refused("n = recv(); if n is openat { poll() }"),
            "f:7:36: found 'openat', of which n never is here, expected a call that the filter "
            "traps and that was not asked for before");
  EXPECT_EQ(Refused("n = recv(); if n is umask { } else if n is umask { poll() }"),
            "f:7:59: found 'umask', of which n never is here, expected a call that the filter "
            "traps and that was not asked for before");
  EXPECT_EQ(Refused("n = recv(); if n is umask { if n is umask { poll() } }"),
            "f:7:47: found a test of n, which is always umask here, expected none");
  EXPECT_EQ(Refused("n = recv(); m = after(n); if m is umask { poll() }").substr(0, 29),
            "f:7:50: found 'umask', of whi");
  EXPECT_EQ(Refused("recv(); if n is umask { poll() }").substr(0, 67),
            "f:7:27: found 'n', expected a notification that recv() set before: ");
  EXPECT_EQ(TargetRefused("umask(); if n is umask { umask() }"),
            "f:6:24: found 'n is', expected it in a supervisor's script, which has notifications");
}

TEST(Blocks, WhatTheScenarioDecidesIsTold) {
  const std::string asks =
      "filter umask\ntarget T { umask() }\nsupervisor S { n = recv(); if result == EINTR { poll() "
      "} "
      "else if result == EBADF { poll() } }\n";
  EXPECT_EQ(Notes(asks),
            (std::vector<std::string>{"f:7:31: note: never EINTR: no signal comes to S",
                                      "f:7:66: note: never EBADF: nothing closes the listener"}));
  EXPECT_EQ(Notes(asks + "signals to S: 1, handler\nlistener closes\n"),
            std::vector<std::string>());
  EXPECT_EQ(Notes("filter umask\nfilter close\ntarget T { umask() }\nsupervisor S { n = recv(); if "
                  "n is close { poll() } }\n"),
            (std::vector<std::string>{"f:6:1: note: no task with the filter calls close()",
                                      "f:8:31: note: no task with the filter calls close()"}));
}

// 'progress' is judged at rest.
TEST(Blocks, ALoopThatNeverSleepsIsTold) {
  const std::string rest =
      ": then nothing comes to rest, where 'progress' and 'hangup' are judged; 'never resumes' is "
      "judged all the same";
  const std::string awake = "f:7:16: note: this loop may go round without waiting in recv()" + rest;
  const std::string closed =
      "f:7:16: note: this loop goes round for ever once the listener is closed" + rest;
  const auto notes = [](const std::string& script, const std::string& more = "") {
    const std::vector<std::string> all = Notes(OfSupervisor(script) + more);
    return all.empty() ? "" : all[0];
  };
  EXPECT_EQ(notes("loop { poll(nowait) }"), awake);
  EXPECT_EQ(notes("loop { recv(null) }"), awake);
  EXPECT_EQ(notes("loop { recv(garbage) }"), awake);
  // It says at once that there is something, until somebody takes it.
  EXPECT_EQ(notes("loop { poll() }"), awake);
  EXPECT_EQ(notes("loop { poll(); if result == 1 { n = recv(); send(n, value 1) } }"), awake);
  EXPECT_EQ(notes("n = recv(); loop { id_valid(n); if result == ENOENT { leave }; if result == 0 { "
                  "send(n, value 1); leave } }"),
            "");
  EXPECT_EQ(notes("loop { n = recv(); send(n, value 1) }"), "");
  const std::string repeats =
      "loop { n = recv(); loop { send(n, value 1); if result != EINTR { leave } } }";
  EXPECT_EQ(notes(repeats, "signals to S: 1, handler\n"), "");
  EXPECT_EQ(notes(repeats, "signals to S: any, handler\n"), awake);
  EXPECT_EQ(notes("loop { recv() }", "signals to S: any, handler\n"), awake);
  EXPECT_EQ(notes("loop { recv() }", "listener closes\n"), closed);
  EXPECT_EQ(notes("loop { recv(); if result == EBADF { leave } }", "listener closes\n"), "");
  EXPECT_EQ(notes("loop { poll(); if result == 32 { leave } }", "listener closes\n"), awake);
  // Whichever way the test is asked, a name is known behind its recv().
  for (const char* test : {"==", "!="}) {
    EXPECT_EQ(Refused(std::string("loop { poll(); if result ") + test +
                      " 1 { n = recv() } else { send(n, value 1) } }"),
              "")
        << test;
  }
}

// As many as a script holds, wherever they stand.
TEST(Blocks, AreNoLongerThanAScript) {
  const auto script = [](int calls) {
    std::string text = "recv(); loop { ";
    for (int i = 0; i < calls; ++i) text += "poll(); ";
    return text + "}";
  };
  EXPECT_EQ(Refused(script(118)), "");
  EXPECT_EQ(Refused(script(119)), "f:7:24: expected at most 120 statements");
  EXPECT_NE(Refused(script(400)), "");
}

}  // namespace
}  // namespace knotcheck::lang::blocks_test
