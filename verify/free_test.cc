// SPDX-License-Identifier: Apache-2.0
//
// Actors that nobody scripted: choices in scripts, supervisors that may do anything, policies that
// are followed in any order.

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "checker/explore.h"
#include "checker/reduce.h"
#include "gtest/gtest.h"
#include "lang/parse.h"
#include "verify/check.h"
#include "verify/kernel_model.h"
#include "verify/search.h"

namespace knotcheck::verify::free_test {
namespace {

using model::Op;
using model::OpCode;

constexpr char kHeader[] = "# name: n\n# question: q\n# source: s\n# result: baseline=?\n";

absl::StatusOr<std::unique_ptr<Question>> Made(const std::string& text, const char* proposal) {
  const auto scenario = lang::Parse(kHeader + text, "f");
  if (!scenario.ok()) return scenario.status();
  return Question::Make(*scenario, *model::FindProposal(proposal), {});
}

std::unique_ptr<Question> Ask(const std::string& text, const char* proposal = "baseline") {
  auto question = Made(text, proposal);
  EXPECT_TRUE(question.ok()) << question.status();
  return question.ok() ? *std::move(question) : nullptr;
}

std::string Refused(const std::string& text, const char* proposal = "baseline") {
  return std::string(Made(text, proposal).status().message());
}

std::set<std::string> Violated(const Question& question,
                               uint32_t reductions = checker::kAllReductions) {
  checker::Options options;
  options.max_states = 3'000'000;
  const KernelModel kernel_model(question.system());
  const checker::Result result =
      reductions == 0
          ? checker::Explore(kernel_model, options)
          : checker::Explore(checker::Reduced<KernelModel>(kernel_model, reductions), options);
  EXPECT_EQ(result.end, checker::End::kExhausted);
  std::set<std::string> names;
  for (size_t i = 0; i < result.verdicts.size(); ++i) {
    if (result.verdicts[i].status == checker::Status::kViolated) {
      names.insert(question.system().properties()[i].name);
    }
  }
  return names;
}

// Every state that can be reached without reductions, and every step between two of them.
template <class Fn>
void ForEachStep(const Question& question, Fn&& fn) {
  const KernelModel kernel_model(question.system());
  std::vector<model::StateValue> states = {question.system().initial()};
  std::set<std::string> known;
  const auto bytes = [](const model::State& state) {
    return std::string(reinterpret_cast<const char*>(state.words()), state.layout().bytes);
  };
  known.insert(bytes(states[0]));
  checker::StateStack scratch(kernel_model.StateWords());
  for (size_t i = 0; i < states.size(); ++i) {
    ASSERT_LT(i, 100'000u);
    const model::StateValue from = states[i];
    for (int thread = 0; thread < kernel_model.ThreadCount(); ++thread) {
      kernel_model.ForEachSuccessor(
          from.words(), thread, scratch,
          [&](checker::Action, const uint64_t* words, checker::Outcome, const checker::Effects&) {
            const model::State& next = kernel_model.View(words);
            fn(from, next);
            if (known.insert(bytes(next)).second) states.emplace_back(next);
          });
    }
  }
}

TEST(ChoiceTest, EveryAlternativeIsTaken) {
  const auto question = Ask(
      "filter umask\n"
      "memory a = \"/a\"\n"
      "target T {\n"
      "  any of { openat(AT_FDCWD, any(a, NULL, dangling), O_RDONLY); nothing; close(any(6, 7)) }\n"
      "  close(3)\n"
      "}\n");
  const std::vector<Op>& ops = question->program().tasks[0].ops;
  ASSERT_EQ(ops[0].code, OpCode::kChoose);
  ASSERT_EQ(ops[0].alternatives.size(), 6u);
  // The choice, five calls (nothing is none), and what follows all of them.
  ASSERT_EQ(ops[0].target, 6);
  std::set<int> chosen;
  std::set<int> results;
  ForEachStep(*question, [&](const model::State& from, const model::State& to) {
    const model::Task& before = from.tasks[0];
    const model::Task& after = to.tasks[0];
    if (after.status == model::kDead) return;
    if (before.op == 0 && after.op != 0) chosen.insert(after.op);
    if (before.op != 0 && after.op != before.op) {
      EXPECT_TRUE(after.op == 6 || (before.op == 6 && after.op == 7)) << int{after.op};
    }
    if (before.op != 6 && after.op == 6) results.insert(before.ret);
  });
  EXPECT_EQ(chosen, (std::set<int>{1, 2, 3, 4, 5, 6}));
  // The file's number, the two bad addresses, and a descriptor that is not there.
  EXPECT_EQ(results.count(-model::kEFAULT), 1u);
  EXPECT_EQ(results.count(-model::kEBADF), 1u);
}

TEST(ChoiceTest, TheChosenCallIsMadeAgain) {
  const auto question =
      Ask("filter umask\n"
          "target T { any of { umask(); umask(1) }; umask() }\n"
          "signals to T: 1, handler restarts { any of { close(3); nothing } }\n"
          "supervisor S { n = recv(); send(n, value 1) }\n");
  ASSERT_NE(question, nullptr);
  bool restarted = false;
  std::set<int> handled;
  ForEachStep(*question, [&](const model::State& from, const model::State& to) {
    const model::Task& before = from.tasks[0];
    const model::Task& after = to.tasks[0];
    if (before.op == 0) {
      EXPECT_NE(after.op, 3);
    } else if (before.op < 3) {
      EXPECT_TRUE(after.op == before.op || after.op == 3);
    }
    // The handler runs and the call is still the chosen one.
    if ((after.flags & model::kInHandler) && (after.op == 1 || after.op == 2)) restarted = true;
    if (before.flags & after.flags & model::kInHandler) handled.insert(after.handler_op);
  });
  EXPECT_TRUE(restarted);
  EXPECT_EQ(handled, (std::set<int>{0, 1, 2}));
}

TEST(ChoiceTest, CountsTheNotificationsOfOneAlternative) {
  const auto question =
      Ask("filter umask\n"
          "target T { any of { umask(); umask(); umask() }; umask() }\n");
  EXPECT_EQ(question->program().max_id, 2);
}

TEST(ChoiceTest, ScriptsOfSupervisorsChoose) {
  const std::string target = "filter umask\ntarget T { umask() == 3 }\n";
  EXPECT_EQ(Violated(*Ask(target + "supervisor S { n = recv(); send(n, value 3) }")),
            (std::set<std::string>{}));
  EXPECT_EQ(Violated(*Ask(target + "supervisor S { n = recv(); any of { send(n, value 3); "
                                   "send(n, value 4) } }")),
            (std::set<std::string>{"expectation"}));
  EXPECT_EQ(Violated(*Ask(target + "supervisor S { n = recv(); any of { send(n, value 3); "
                                   "nothing } }")),
            (std::set<std::string>{"progress"}));
}

TEST(ChoiceTest, SaysWhatIsWrong) {
  EXPECT_EQ(Refused("filter umask\ntarget T { any of { umask(); umsk() } }\n").substr(0, 28),
            "f:6:30: found 'umsk', expect");
  EXPECT_EQ(Refused("target T { umask() }\nmemory dangling = \"a\"\n"),
            "f:6:1: found a second 'dangling', expected another name");
  std::string many = "filter umask\nmemory a = \"a\"\ntarget T { openat(any(1";
  for (int i = 0; i < 15; ++i) many += ", 1";
  EXPECT_NE(Refused(many + "), a, any(1, 1, 1, 1, 1, 1, 1, 1, 1)) }\n").find("more than 120"),
            std::string::npos);
}

TEST(FreeSupervisorTest, IsRefusedWhatMeansNothing) {
  const std::string target = "filter umask\ntarget T { umask() }\n";
  EXPECT_EQ(Refused(target + "supervisor S { anything but sent }\n").substr(0, 42),
            "f:7:29: found 'sent', expected an ioctl: r");
  EXPECT_NE(Refused(target + "supervisor S[3] { anything }\n").find("addfd()"), std::string::npos);
  EXPECT_EQ(Refused(target + "supervisor S[3] { anything but addfd }\n"), "");
  EXPECT_EQ(Refused(target + "signals to T: any, handler\n"), "");
  EXPECT_NE(Refused(target + "signals to T: any, ignored\n").find("signals without end"),
            std::string::npos);
}

// What scripts find, written by people who knew what they were looking for.
TEST(FreeSupervisorTest, FindsWhatScriptsFind) {
  struct Case {
    const char* proposal;
    const char* before;
    const char* scripted;
    const char* free;
    std::set<std::string> found;
  };
  const Case cases[] = {
      // notifier/fault_recv_two_threads
      {"baseline",
       "filter umask\ntarget T { umask() }\n",
       "supervisor S { n = recv(fault); n = recv(); send(n, value 3) }\n"
       "supervisor R { n = recv(fault); m = after(n); send(n, value 2) }\n",
       "supervisor S[2] { anything but addfd }\n",
       {}},
      {"baseline",
       "filter umask\ntarget T { umask(); umask() }\n",
       "supervisor S { n = recv() == 0; m = after(n); send(n, value 1) == 0; send(m, value 2) }\n"
       "supervisor R { n = recv(fault); n = recv(); send(n, value 3) }\n",
       "supervisor S[2] { anything but addfd, set_flags, pin }\n",
       {"one-reply"}},
      // pin_args/pinned_without_record, and a reply with a value that keeps the record
      {"pin_args",
       "filter openat\nmemory path = \"/ok\"\n"
       "target T { openat(AT_FDCWD, path, O_RDONLY) }\n",
       "supervisor S { n = recv(); any of { send(n, continue pinned); pin(n, 1: cstring 4096) }; "
       "send(n, value 1) }\n",
       "supervisor S { anything but addfd }\n",
       {"dies-with-call", "fail-closed"}},
      // notifier/addfd_send_interrupted and notifier/signal
      {"baseline",
       "filter umask\ntarget T { umask() }\nsignals to T: 1, handler restarts\n",
       "supervisor S { n = recv(); addfd(n); send(n, value 1) }\n",
       "supervisor S { anything }\n",
       {"addfd-once", "reply-acted-on"}},
  };
  for (const Case& c : cases) {
    const auto scripted = Violated(*Ask(absl::StrCat(c.before, c.scripted), c.proposal));
    const auto free = Violated(*Ask(absl::StrCat(c.before, c.free), c.proposal));
    for (const std::string& name : c.found) EXPECT_EQ(scripted.count(name), 1u) << name;
    // Expectations are the script's own.
    for (const std::string& name : scripted) {
      if (name == "expectation") continue;
      EXPECT_EQ(free.count(name), 1u) << name << " " << c.free;
    }
  }
}

TEST(FreeSupervisorTest, ClosingFreesEveryTask) {
  // A signal ends RECV, which holds the listener's file as long as it sleeps.
  const std::string target = "filter umask\ntarget T { umask() }\n";
  const std::string free = "supervisor S { anything but addfd }\n";
  EXPECT_EQ(Violated(*Ask(target + free)).count("progress"), 1u);
  EXPECT_EQ(Violated(*Ask(target + free + "signals to S: any, handler\n")).count("progress"), 0u);
}

TEST(FreeSupervisorTest, ReductionsChangeNoVerdict) {
  for (const char* free :
       {"supervisor S { anything but addfd }\n", "supervisor S { anything but recv, addfd }\n",
        "supervisor S[2] { anything but addfd, recv }\n"}) {
    const auto question =
        Ask(absl::StrCat("filter umask\ntarget T { umask() }\n", free), "pin_args");
    EXPECT_EQ(Violated(*question), Violated(*question, 0)) << free;
    EXPECT_EQ(Violated(*question, checker::kMerge | checker::kSelfCheck), Violated(*question, 0));
  }
}

// Free in all but what is allowed: today's race and no other way to the wrong bytes.
TEST(GeneralPolicyTest, AllowsWhatItSawOnly) {
  const std::string before =
      "memory path = \"/ok\" | \"/evil\"\n"
      "target T { openat(AT_FDCWD, path, O_RDONLY) }\n";
  const std::string after =
      "listener closes\n"
      "supervisor S { policy: allow openat if path == \"/ok\", else EACCES; in any order }\n";
  const std::string peer = "peer P shares memory with T\n";
  EXPECT_EQ(Violated(*Ask(before + after, "baseline")).count("toctou"), 0u);
  EXPECT_EQ(Violated(*Ask(before + peer + after, "baseline")).count("toctou"), 1u);
  EXPECT_EQ(Violated(*Ask(before + peer + after, "pin_args")).count("toctou"), 0u);
  EXPECT_EQ(Violated(*Ask(before + peer + after, "pin_args")).count("fail-closed"), 0u);
}

}  // namespace
}  // namespace knotcheck::verify::free_test
