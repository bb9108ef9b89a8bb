// SPDX-License-Identifier: Apache-2.0
//
// Scripts that branch: which way they go, by results that are expected on one way and missed on the
// other; and that reductions and the second judge follow them. What holds was said beforehand, from
// docs/language.md and the kernel's source.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "checker/explore.h"
#include "checker/reduce.h"
#include "gtest/gtest.h"
#include "lang/parse.h"
#include "verify/check.h"
#include "verify/kernel_model.h"
#include "verify/testing/compare_judges.h"
#include "verify/testing/compare_reductions.h"

namespace knotcheck::verify::blocks_test {
namespace {

using Names = std::set<std::string>;

std::unique_ptr<Question> Ask(const std::string& text, const char* proposal = "baseline") {
  const auto scenario = lang::Parse(
      "# name: n\n# question: q\n# source: s\n# result: baseline=? pin_args=?\n" + text, "f");
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  if (!scenario.ok()) return nullptr;
  auto question = Question::Make(*scenario, *model::FindProposal(proposal), {});
  EXPECT_TRUE(question.ok()) << question.status();
  return question.ok() ? *std::move(question) : nullptr;
}

// What is violated, by every set of reductions.
Names Violated(const std::string& text, const char* proposal = "baseline") {
  const auto question = Ask(text, proposal);
  if (question == nullptr) return {"nothing was asked"};
  checker::Options options;
  options.max_states = 200'000;
  const checker::Result whole = checker::Explore(KernelModel(question->system()), options);
  EXPECT_EQ(whole.end, checker::End::kExhausted);
  for (uint32_t reductions = 1; reductions <= checker::kAllReductions; ++reductions) {
    EXPECT_EQ(testing::Compared(*question, whole, reductions, options), "") << reductions;
  }
  constexpr uint32_t kChecked = checker::kAllReductions | checker::kSelfCheck;
  EXPECT_EQ(testing::Compared(*question, whole, kChecked, options), "");
  EXPECT_EQ(testing::StateByState(*question, 20'000), "");
  for (uint64_t seed = 0; seed < 20; ++seed) {
    for (const testing::Difference& each : testing::CompareWalk(*question, seed)) {
      ADD_FAILURE() << each.ToString();
    }
  }
  Names names;
  for (size_t i = 0; i < whole.verdicts.size(); ++i) {
    if (whole.verdicts[i].status != checker::Status::kViolated) continue;
    names.insert(question->system().properties()[i].name);
  }
  return names;
}

constexpr char kCall[] = "filter umask\ntarget T { umask() == 3 }\n";

std::string Supervisor(const std::string& script) { return "supervisor S { " + script + " }\n"; }

TEST(Blocks, ASupervisorGoesByItsResult) {
  const std::string met = "send(n, value 3)";
  const std::string not_met = "send(n, value 4)";
  const auto with = [&](const std::string& test, const std::string& then,
                        const std::string& otherwise) {
    return Violated(kCall + Supervisor("n = recv(); if result " + test + " { " + then +
                                       " } else { " + otherwise + " }"));
  };
  EXPECT_EQ(with("== 0", met, not_met), Names());
  EXPECT_EQ(with("!= 0", not_met, met), Names());
  EXPECT_EQ(with("== ENOENT", not_met, met), Names());
  EXPECT_EQ(with("!= ENOENT", met, not_met), Names());
  EXPECT_EQ(with("== 0", not_met, met), Names({"expectation"}));
  EXPECT_EQ(with("!= ENOENT", not_met, met), Names({"expectation"}));
}

// id_valid() in between asks, a name that is guessed and a choice of nothing do not.
TEST(Blocks, AResultIsTheLastOne) {
  EXPECT_EQ(Violated(kCall + Supervisor("n = recv(); send(n, null); if result == EFAULT { send(n, "
                                        "value 3) } else { send(n, value 4) }")),
            Names());
  EXPECT_EQ(Violated(kCall + Supervisor("n = recv(); send(n, null); m = after(n); any of { "
                                        "poll(nowait); nothing }; if result == EFAULT { send(n, "
                                        "value 3) } else if result == 4 { send(n, value 3) } else "
                                        "{ send(n, value 4) }")),
            Names());
  EXPECT_EQ(Violated(kCall + Supervisor("n = recv(); send(n, bad_flags); id_valid(n); if result == "
                                        "EINVAL { send(n, value 4) } else { send(n, value 3) }")),
            Names());
}

// RECV that fails leaves n as it is: it names nothing, then what it named before.
TEST(Blocks, ASupervisorGoesByTheCall) {
  const std::string two =
      "filter umask\nfilter close\ntarget T { umask() == 1; close(sock) == 2 }\n";
  const auto dispatch = [&](const std::string& first, const std::string& second) {
    return Violated(two + Supervisor("loop { n = recv(); if result == ENOENT { leave }; if n is " +
                                     first + " { send(n, value 1) } else if n is " + second +
                                     " { send(n, value 2) } }"));
  };
  EXPECT_EQ(dispatch("umask", "close"), Names());
  EXPECT_EQ(dispatch("close", "umask"), Names({"expectation"}));
  EXPECT_EQ(
      Violated(two + Supervisor("recv(null); n = recv(null); if n is umask { kill(T) } else { n "
                                "= recv(); send(n, value 1); n = recv(null); if n is close { "
                                "kill(T) } else { n = recv(); send(n, value 2) } }")),
      Names());
}

// Of two names, each with the other's call: neither is dead before its test.
TEST(Blocks, NamesAreKeptForTheirTests) {
  const std::string text =
      "filter umask\nfilter close\ntarget T { umask() == 1 }\ntarget U { close(sock) == 2 }\n" +
      Supervisor(
          "m = recv(); n = recv(); if m is umask { send(m, value 1); send(n, value 2) } else if n "
          "is umask { send(n, value 1); send(m, value 2) } else { kill(T) }");
  EXPECT_EQ(Violated(text), Names());
  EXPECT_EQ(Violated(text, "pin_args"), Names());
}

TEST(Blocks, LeaveLeavesTheInnermostLoop) {
  const std::string twice = "filter umask\ntarget T { umask() == 3; umask() == 3 }\n";
  const std::string inner = "loop { send(n, value 3); if result != EINTR { leave } }";
  EXPECT_EQ(Violated(twice + Supervisor("loop { n = recv(); if result == ENOENT { leave }; " +
                                        inner + " }; set_flags(1) == 0")),
            Names());
  EXPECT_EQ(Violated(twice + Supervisor("n = recv(); " + inner + "; set_flags(1) == 0")),
            Names({"progress"}));
  // It goes round: the third call is answered as the first.
  EXPECT_EQ(Violated("filter umask\ntarget T { umask() == 3; umask() == 3; umask() == 3 }\n" +
                     Supervisor("loop { n = recv(); send(n, value 3) }")),
            Names());
}

TEST(Blocks, ATargetGoesByItsResult) {
  const std::string answers =
      Supervisor("n = recv(); any of { send(n, value 3); send(n, error EPERM) }");
  const auto with = [&](const std::string& script) {
    return Violated("filter umask\ntarget T { umask(); " + script + " }\n" + answers);
  };
  // 30 is no descriptor.
  const std::string fails = "close(30) == 0";
  const std::string works = "close(sock) == 0";
  EXPECT_EQ(with("if result == 3 { " + works + " } else if result == EPERM { " + works +
                 " } else { " + fails + " }"),
            Names());
  EXPECT_EQ(with("if result == 3 { " + works + " } else if result != EPERM { " + fails + " }"),
            Names());
  EXPECT_EQ(with("if result != 3 { " + fails + " }"), Names({"expectation"}));
  EXPECT_EQ(with("if result == 3 { " + fails + " }"), Names({"expectation"}));
  // Where only one of the answers comes, the other way is not gone.
  for (const auto& [reply, met, other] :
       {std::tuple("value 3", "3", "EPERM"), std::tuple("error EPERM", "EPERM", "3")}) {
    const auto one = [&](const std::string& script) {
      return Violated("filter umask\ntarget T { umask(); " + script + " }\n" +
                      Supervisor(std::string("n = recv(); send(n, ") + reply + ")"));
    };
    EXPECT_EQ(one(std::string("if result == ") + met + " { " + works + " } else { " + fails + " }"),
              Names());
    EXPECT_EQ(one(std::string("if result == ") + other + " { " + fails + " }"), Names());
    EXPECT_EQ(one(std::string("if result != ") + met + " { " + fails + " }"), Names());
  }
  // The second test is of close() on one way, of umask() on the other.
  EXPECT_EQ(with("if result == 3 { close(30) }; if result == EBADF { " + works +
                 " } else if result == EPERM { " + works + " } else { " + fails + " }"),
            Names());
  // A choice that ends in a jump.
  EXPECT_EQ(with("if result == 3 { any of { " + works + "; nothing } } else { " + works + " }"),
            Names());
}

TEST(Blocks, HandlersThreadsChildrenAndPeersBranch) {
  const std::string branch = "umask(); if result == 3 { close(sock) == 0 } else { close(30) == 0 }";
  const std::string answers = Supervisor("loop { n = recv(); send(n, value 3) }");
  EXPECT_EQ(
      Violated("filter umask\ntarget T { fork(C) }\nchild C of T { " + branch + " }\n" + answers),
      Names());
  EXPECT_EQ(Violated("filter umask\ntarget T { close(file) }\nthread U of T { " + branch + " }\n" +
                     answers),
            Names());
  EXPECT_EQ(Violated("filter umask\ntarget T { close(file) }\nsignals to T: 1, handler { " +
                     branch + " }\n" + answers),
            Names());
  EXPECT_EQ(
      Violated("filter close\ntarget T { close(file) }\npeer P shares files with T { dup2(sock, "
               "7); if result == 7 { close(7) == 0 } else { close(30) == 0 } }\n" +
               answers),
      Names());
}

// A signal ends a call that waits: the way that a program takes then is the one of EINTR.
TEST(Blocks, ATargetThatIsInterruptedGoesOn) {
  const std::string target =
      "filter umask\ntarget T { umask(); if result == EINTR { close(30) == EBADF } else { "
      "close(sock) "
      "== 0 } }\nsignals to T: 1, handler\n";
  EXPECT_EQ(
      Violated(target + Supervisor("loop { n = recv(); if n is umask { send(n, value 3) } }")),
      Names({"reply-acted-on"}));
}

// 'progress' is judged at rest: of runs that never come there it says nothing, T's waiting
// included.
TEST(Blocks, WhereALoopNeverSleepsProgressIsNotReached) {
  const auto says = [](const std::string& script, const std::string& more = "") -> std::string {
    const auto scenario =
        lang::Parse("# name: n\n# question: q\n# source: s\n# result: baseline=?\n" +
                        std::string(kCall) + Supervisor(script) + more,
                    "f");
    EXPECT_TRUE(scenario.ok()) << scenario.status();
    const auto answer = Check(*scenario, *model::FindProposal("baseline"), {});
    EXPECT_TRUE(answer.ok()) << answer.status();
    const auto has = [](const std::vector<std::string>& names) {
      return std::find(names.begin(), names.end(), "progress") != names.end();
    };
    return has(answer->violated) ? "violated" : has(answer->unreached) ? "not reached" : "holds";
  };
  EXPECT_EQ(says("loop { poll(nowait) }"), "not reached");
  EXPECT_EQ(says("loop { n = recv(); send(n, value 3) }"), "holds");
  EXPECT_EQ(says("loop { n = recv() }"), "violated");
  EXPECT_EQ(says("loop { n = recv(); send(n, value 3) }", "listener closes\n"), "not reached");
  // A RECV that starts anew for ever never comes to rest either.
  const std::string holds_back = "n = recv(); m = recv(); send(n, value 3)";
  EXPECT_EQ(says(holds_back, "signals to S: 2, handler restarts\n"), "violated");
  EXPECT_EQ(says(holds_back, "signals to S: any, handler\n"), "violated");
  EXPECT_EQ(says(holds_back, "signals to S: any, handler restarts\n"), "not reached");
}

}  // namespace
}  // namespace knotcheck::verify::blocks_test
