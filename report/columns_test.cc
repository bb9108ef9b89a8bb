// SPDX-License-Identifier: Apache-2.0

#include "report/columns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "trace/testing/example.h"

namespace knotcheck::report::columns_test {
namespace {

using trace::ExampleSubject;
using trace::ExampleTrace;
using trace::Trace;
using trace::TraceLine;

using testing::HasSubstr;
using testing::Not;

std::vector<std::string> Lines(const std::string& text) { return absl::StrSplit(text, '\n'); }

TraceLine Step(int thread, const std::string& function, const std::string& statement,
               std::vector<std::string> notes = {}, std::vector<std::string> violated = {}) {
  TraceLine line;
  line.thread = thread;
  line.function = function;
  line.statement = statement;
  line.notes = std::move(notes);
  line.violated = std::move(violated);
  return line;
}

// Made by hand, so that a change of the model does not change the layout that is tested.
Trace ByHand() {
  Trace trace;
  trace.subject = ExampleSubject();
  trace.property = "toctou";
  trace.sentence = "the kernel acts on the bytes that the supervisor approved";
  trace.source = "seccomp_unotify(2), NOTES";
  trace.path.actions = {{0, 0}, {0, 0}, {1, 0}, {1, 0}, {1, 0}, {1, 0}, {1, 0}, {0, 1}};
  trace.threads = {{"T", "target"}, {"S", "supervisor"}, {"signal to T", ""}, {"P", "peer"}};
  trace.lines = {
      Step(0, "user_mode", "(user mode)", {"openat(AT_FDCWD, path, O_RDONLY)"}),
      Step(0, "seccomp_do_user_notification", "mutex_lock(&match->notify_lock)",
           {"knotif 1: INIT"}),
      Step(0, "seccomp_do_user_notification", "mutex_unlock(&match->notify_lock)"),
      Step(1, "supervisor_mode", "(user mode)", {"ioctl(RECV)"}),
      Step(1, "recv_wait_event", "if (refcount_read(&filter->users) == 0)"),
      Step(1, "seccomp_notify_recv", "mutex_lock(&filter->notify_lock)", {"knotif 1: SENT"}),
      Step(1, "seccomp_notify_recv", "mutex_unlock(&filter->notify_lock)", {"= 0"}),
      Step(1, "supervisor_mode", "(user mode)", {"policy: allow", "ioctl(SEND, CONTINUE)"}),
      Step(1, "seccomp_notify_send", "mutex_lock(&filter->notify_lock)", {"knotif 1: REPLIED"}),
      Step(3, "(user mode)", "store", {"path = \"/evil\""}),
      Step(1, "seccomp_notify_send", "mutex_unlock(&filter->notify_lock)", {"= 0"}),
      Step(0, "getname_flags", "strncpy_from_user(kname, filename, EMBEDDED_NAME_MAX)",
           {"reads \"/evil\"", "<-- approved \"/ok\""}, {"toctou"}),
  };
  return trace;
}

TEST(Columns, At80) {
  EXPECT_EQ(Columns(ByHand(), {}),
            R"(test/example: toctou violated under baseline, 10 of 12 steps shown
"the kernel acts on the bytes that the supervisor approved"
  seccomp_unotify(2), NOTES
kernel: 6.12.117; knotcheck 0.1.0
replay: knotcheck replay --scenario dir/example.scn --proposal baseline \
  --property toctou 0:aabbbbba1

 T (target)                           S (supervisor)             P (peer)
 -----------------------------------  -------------------------  --------------
 openat(AT_FDCWD, path, O_RDONLY)
 seccomp_do_user_notification()
   knotif 1: INIT
                                      ioctl(RECV) = 0
                                      seccomp_notify_recv()
                                        knotif 1: SENT
                                      policy: allow
                                      ioctl(SEND, CONTINUE)
                                      seccomp_notify_send()
                                        knotif 1: REPLIED
                                                                 path = "/evil"
                                      ioctl(SEND, CONTINUE) = 0
 getname_flags()
   reads "/evil"  <-- approved "/ok"
)");
}

TEST(Columns, At40IsStacked) {
  ColumnsOptions options;
  options.width = 40;
  options.trace_file = "traces/example.json";
  EXPECT_EQ(Columns(ByHand(), options),
            R"(test/example: toctou violated under
  baseline, 10 of 12 steps shown
"the kernel acts on the bytes that the
  supervisor approved"
  seccomp_unotify(2), NOTES
kernel: 6.12.117; knotcheck 0.1.0
replay: knotcheck replay \
  traces/example.json

 T (target)
   openat(AT_FDCWD, path, O_RDONLY)
   seccomp_do_user_notification()
     knotif 1: INIT
 S (supervisor)
   ioctl(RECV) = 0
   seccomp_notify_recv()
     knotif 1: SENT
   policy: allow
   ioctl(SEND, CONTINUE)
   seccomp_notify_send()
     knotif 1: REPLIED
 P (peer)
   path = "/evil"
 S (supervisor)
   ioctl(SEND, CONTINUE) = 0
 T (target)
   getname_flags()
     reads "/evil"  <-- approved "/ok"
)");
}

TEST(Columns, AllShowsEveryStatementInOrder) {
  ColumnsOptions options;
  options.all = true;
  options.width = 200;
  const std::string text = Columns(ByHand(), options);
  EXPECT_THAT(text, HasSubstr("12 of 12 steps shown"));
  size_t at = 0;
  for (const TraceLine& line : ByHand().lines) {
    if (line.statement == "(user mode)" || line.statement == "store") continue;
    at = text.find("| " + line.statement, at);
    ASSERT_NE(at, std::string::npos) << line.statement;
    ++at;
  }
}

// A folded step of another function ends the one before: its name is said again.
TEST(Columns, FoldedStepsKeepTheOrderOfFunctions) {
  Trace trace = ByHand();
  trace.lines = {Step(0, "f", "one", {"first"}), Step(0, "g", "two"),
                 Step(0, "f", "three", {"second"}), Step(0, "f", "four", {"third"})};
  EXPECT_THAT(Columns(trace, {}), HasSubstr(" f()\n   first\n f()\n   second\n   third\n"));
}

TEST(Columns, AViolationWithoutAMarkGetsOne) {
  Trace trace = ByHand();
  trace.lines.back().notes = {"reads \"/evil\""};
  ColumnsOptions options;
  options.width = 200;
  EXPECT_THAT(Columns(trace, options),
              HasSubstr("reads \"/evil\"  <-- expected: the kernel acts on the bytes"));
  // Also in a step that says nothing else, of whatever kind.
  for (const char* function : {"user_mode", "f"}) {
    trace.lines = {Step(1, "f", "s", {"note"}), Step(0, function, "s", {}, {"toctou"})};
    EXPECT_THAT(Columns(trace, options), HasSubstr("<-- expected: the kernel acts")) << function;
  }
}

TEST(Columns, ACallThatFailsAtOnceHasItsResultBesideIt) {
  Trace trace = ByHand();
  trace.lines = {Step(1, "supervisor_mode", "(user mode)", {"ioctl(SEND)", "= -EINVAL"}),
                 Step(1, "supervisor_mode", "(user mode)", {"reads the arguments"}),
                 Step(1, "process_vm_rw_core", "s", {"= 0"}),
                 Step(1, "supervisor_mode", "(user mode)", {"reads the arguments"}),
                 Step(1, "process_vm_rw_core", "s", {"= -ESRCH"})};
  EXPECT_THAT(Columns(trace, {}), HasSubstr(" ioctl(SEND) = -EINVAL\n reads the arguments\n"
                                            " reads the arguments: -ESRCH\n"));
}

TEST(Columns, RestSaysWhoWaits) {
  Trace trace = ByHand();
  trace.lines.pop_back();
  trace.at_rest = {"T waits in f(): schedule()"};
  EXPECT_THAT(Columns(trace, {}),
              HasSubstr("\n then nothing more can happen:\n   T waits in f(): schedule()\n"
                        " <-- expected: the kernel acts"));
}

TEST(Columns, ColourIsOnlyPaint) {
  ColumnsOptions options;
  options.color = true;
  std::string text = Columns(ByHand(), options);
  for (const char* code : {"\x1b[1m", "\x1b[31m", "\x1b[0m"}) {
    EXPECT_THAT(text, HasSubstr(code));
    for (size_t at = text.find(code); at != std::string::npos; at = text.find(code)) {
      text.erase(at, std::string(code).size());
    }
  }
  EXPECT_EQ(text, Columns(ByHand(), {}));
}

// Long names, many threads, bytes that no terminal should see: at every width.
TEST(Columns, NothingExceedsTheWidthAndAllIsAscii) {
  Trace hostile = ByHand();
  hostile.subject.scenario.header.name = std::string(90, 'n') + "\x1b[2J\xff\n";
  hostile.subject.file = "a directory/with a long name/" + std::string(60, 'x') + "\n.scn";
  hostile.path.actions.assign(300, {1, 12});
  hostile.threads[0].name = std::string(70, 't');
  hostile.lines[0].notes = {"path = \"" + std::string(100, 'y') + "\x07\""};
  hostile.at_rest = {std::string(120, 'w')};
  Trace crowd = ByHand();
  for (int i = 0; i < 12; ++i) {
    crowd.threads.push_back({absl::StrCat("Q", i), "peer"});
    crowd.lines.push_back(
        Step(static_cast<int>(crowd.threads.size()) - 1, "a_function", "statement", {"note"}));
  }
  for (const Trace& trace : {ByHand(), hostile, crowd, ExampleTrace("baseline", "toctou")}) {
    for (size_t width = kMinWidth; width < 140; ++width) {
      for (const bool all : {false, true}) {
        ColumnsOptions options;
        options.width = width;
        options.all = all;
        const std::string text = Columns(trace, options);
        EXPECT_TRUE(std::all_of(text.begin(), text.end(),
                                [](char c) { return c == '\n' || (c >= 0x20 && c < 0x7f); }));
        for (const std::string& line : Lines(text)) {
          ASSERT_LE(line.size(), width) << line;
          ASSERT_FALSE(absl::EndsWith(line, " ")) << line;
        }
      }
    }
  }
}

// The peer's store stands just before the read that needs it.
TEST(Columns, TheMostGeneralPeerIsShownAsARealOne) {
  const Trace trace = ExampleTrace("baseline", "toctou");
  ASSERT_TRUE(trace.concrete.has_value());
  EXPECT_EQ(trace.concrete->writes, 1);
  ASSERT_GE(trace.lines.size(), 2u);
  const TraceLine& store = trace.lines[trace.lines.size() - 2];
  EXPECT_EQ(trace.threads[static_cast<size_t>(store.thread)].name, "P");
  EXPECT_EQ(store.notes, std::vector<std::string>{"path = \"/evil\""});
  const std::string text = Columns(trace, {});
  EXPECT_THAT(text, HasSubstr("P (peer)"));
  EXPECT_THAT(text, HasSubstr("<-- approved \"/ok\""));
  EXPECT_THAT(text, Not(HasSubstr("mutex_lock")));
}

// A made-up livelock: what comes before it, and three steps that come again and again.
Trace Livelock() {
  Trace trace = ByHand();
  trace.property = "resumes";
  trace.sentence = "every trapped task resumes";
  trace.lines.resize(6);
  trace.lines.push_back(Step(1, "supervisor_mode", "(user mode)", {"ioctl(ID_VALID)"}));
  trace.lines.push_back(Step(1, "seccomp_notify_id_valid", "mutex_lock(&filter->notify_lock)"));
  trace.lines.push_back(
      Step(1, "seccomp_notify_id_valid", "mutex_unlock(&filter->notify_lock)", {"= 0"}));
  trace.path.actions.resize(6);
  trace.at_rest = {"T waits in seccomp_do_user_notification(): err = wait()"};
  Trace::Forever forever;
  forever.starved = {"T"};
  forever.lasso = {trace.path, {{1, 0}, {1, 0}, {1, 0}}};
  forever.first_line = 6;
  trace.forever = forever;
  return trace;
}

TEST(Columns, MarksWhatComesAgainForEver) {
  const Trace trace = Livelock();
  for (const size_t width : {80, 30, 20}) {
    ColumnsOptions options;
    options.width = width;
    const std::string text = Columns(trace, options);
    for (const std::string& line : Lines(text)) EXPECT_LE(line.size(), width) << line;
    const size_t mark = text.find("from here for");
    ASSERT_NE(mark, std::string::npos) << text;
    EXPECT_EQ(text.find("from here for", mark + 1), std::string::npos);
    EXPECT_LT(text.find("SENT"), mark);
    EXPECT_GT(text.find("ID_VALID"), mark);
    EXPECT_LT(mark, text.find("all the while:"));
    EXPECT_THAT(text, Not(HasSubstr("nothing more")));
  }
  const std::string text = Columns(trace, {});
  EXPECT_THAT(text, HasSubstr(" from here for ever:\n"));
  EXPECT_THAT(text, HasSubstr("'0:aabbbb(bbb)'"));
  EXPECT_THAT(text, HasSubstr("<-- expected: every trapped task resumes"));
}

TEST(Columns, ACallIsNotJoinedAcrossTheBeginningOfTheCycle) {
  Trace trace = Livelock();
  // The RECV before it has not returned; its result comes once, and not for ever.
  trace.lines.erase(trace.lines.begin() + 5);
  trace.forever->first_line = 5;
  trace.lines[5].notes = {"policy: allow", "= 0"};
  const std::string text = Columns(trace, {});
  EXPECT_GT(text.find("= 0"), text.find("from here for ever:"));
  EXPECT_LT(text.find("ioctl(RECV)\n"), text.find("from here for ever:"));
}

TEST(Columns, ACycleThatSaysNothingIsShownStepByStep) {
  Trace trace = Livelock();
  for (size_t i = 6; i < trace.lines.size(); ++i) trace.lines[i].notes.clear();
  const std::string text = Columns(trace, {});
  EXPECT_GT(text.find("| mutex_lock(&filter"), text.find("from here for ever:"));
  EXPECT_LT(text.find("| mutex_lock(&filter"), std::string::npos);
}

TEST(Columns, ARunThatStopsMayOnlyBeLeftByWhoNeedNotAct) {
  Trace trace = Livelock();
  trace.lines.resize(6);
  trace.forever->lasso.cycle.clear();
  const std::string text = Columns(trace, {});
  EXPECT_THAT(text, HasSubstr("then nothing more need happen:"));
  EXPECT_THAT(text, Not(HasSubstr("for ever:")));
}

}  // namespace
}  // namespace knotcheck::report::columns_test
