// SPDX-License-Identifier: Apache-2.0

#include "conform/force/follow.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "verify/testing/collection.h"

namespace knotcheck::conform::follow_test {
namespace {

struct Asked {
  lang::Scenario scenario;
  const model::Proposal* proposal = nullptr;
  std::unique_ptr<verify::Question> question;
  checker::Path path;  // the shortest counterexample, with real stores
  uint64_t property = 0;
};

// A scenario of the collection, and its counterexample to `property`.
Asked Ask(const std::string& name, const std::string& proposal, const std::string& property) {
  Asked asked;
  asked.scenario = verify::testing::Collected(name);
  asked.proposal = model::FindProposal(proposal);
  const auto answer = verify::Check(asked.scenario, *asked.proposal, {});
  EXPECT_TRUE(answer.ok()) << answer.status();
  auto free = verify::Question::Make(asked.scenario, *asked.proposal, {});
  EXPECT_TRUE(free.ok()) << free.status();
  for (const verify::PropertyVerdict& verdict : answer->properties) {
    if (verdict.info.name != property) continue;
    asked.path = verdict.path;
    if ((*free)->program().general_peer) {
      auto concrete =
          Concretise(asked.scenario, *asked.proposal, {}, **free, verdict.path, property);
      EXPECT_TRUE(concrete.ok()) << concrete.status();
      asked.path = concrete->path;
      asked.question = std::move(concrete->question);
    } else {
      asked.question = *std::move(free);
    }
  }
  EXPECT_TRUE(asked.question != nullptr) << "no verdict about " << property;
  const auto& properties = asked.question->system().properties();
  for (size_t i = 0; i < properties.size(); ++i) {
    if (properties[i].name == property) asked.property = uint64_t{1} << i;
  }
  return asked;
}

std::vector<std::string> Words(const verify::Question& question, const Witnessed& run) {
  std::vector<std::string> words;
  for (const Deed& deed : run.deeds) words.push_back(DeedText(question.program(), deed));
  return words;
}

// "T openat(...) < a store of ...": what was over before what, in the run followed or, with "!", in
// the forced one.
std::vector<std::string> Moved(const verify::Question& question, const Witnessed& run,
                               const Followed& followed) {
  std::vector<std::string> words;
  for (const Followed::Moved& moved : followed.moved) {
    words.push_back(absl::StrCat(moved.wanted ? "" : "!",
                                 DeedText(question.program(), run.deeds[moved.first]), " < ",
                                 DeedText(question.program(), run.deeds[moved.second])));
  }
  return words;
}

const char* const kOpenat = "T openat(AT_FDCWD, path, O_RDONLY)";
const char* const kStoreEvil = "a store of \"/evil\" to path";

// T sleeps in its call until SEND, S looks before the peer stores: so it stands in the scenario.
// The shortest run has no step to spare, so ID_VALID and SEND come before the store or after it;
// the forced run has to do as the counterexample does.
TEST(Follow, ARacedPath) {
  const Asked asked = Ask("attack/openat_path", "baseline", "toctou");
  const auto run = Witness(*asked.question, asked.path);
  ASSERT_TRUE(run.ok()) << run.status();
  std::vector<std::string> words = Words(*asked.question, *run);
  ASSERT_EQ(words.size(), 6);
  EXPECT_EQ(words[0], kOpenat);
  EXPECT_EQ(run->deeds[0].ends, Deed::kNever);  // the counterexample ends where it reads the path
  const auto store = std::find(words.begin(), words.end(), kStoreEvil);
  ASSERT_NE(store, words.end());
  EXPECT_LT(std::find(words.begin(), words.end(), "S reads the arguments"), store);
  const auto found = Follow(*asked.question, *run, asked.property, {});
  ASSERT_FALSE(found.empty());
  const Followed& best = found.front();
  EXPECT_NE(best.run.violated & asked.property, 0);
  EXPECT_EQ(best.different.size() + best.moved.size() + best.added, 0);
  // The store among the starts of operations, as among the deeds.
  std::vector<Order::Kind> kinds;
  for (const Order& order : best.run.orders) {
    if (order.kind == Order::Kind::kStart || order.kind == Order::Kind::kStore) {
      kinds.push_back(order.kind);
    }
  }
  ASSERT_GE(kinds.size(), words.size());
  EXPECT_EQ(kinds[static_cast<size_t>(store - words.begin())], Order::Kind::kStore);
}

// The peer's store comes between two words that the supervisor reads: a point in the kernel at
// which nobody can be held. The store must come before the read or after it.
TEST(Follow, NotWhereNobodyCanBeHeld) {
  const Asked asked = Ask("attack/execve_argv", "baseline", "toctou");
  const auto run = Witness(*asked.question, asked.path);
  ASSERT_TRUE(run.ok()) << run.status();
  const auto found = Follow(*asked.question, *run, asked.property, {});
  ASSERT_FALSE(found.empty());
  EXPECT_TRUE(found.front().different.empty());
  EXPECT_EQ(found.front().added, 0);
  EXPECT_EQ(Moved(*asked.question, *run, found.front()),
            std::vector<std::string>{"!a store of \"\" to argv < S reads the arguments"});
}

// A store that is wanted before all else would be seen by the supervisor. So it has to be late: in
// T's call instead of before it, and after RECV and the look instead of before them.
TEST(Follow, CountsWhatHasToMove) {
  const Asked asked = Ask("attack/openat_path", "baseline", "toctou");
  auto run = Witness(*asked.question, asked.path);
  ASSERT_TRUE(run.ok()) << run.status();
  for (Deed& deed : run->deeds) {
    if (deed.kind == Deed::Kind::kStore) deed.begins = deed.ends = 0;
  }
  auto found = Follow(*asked.question, *run, asked.property, {});
  ASSERT_FALSE(found.empty());
  EXPECT_TRUE(found.front().different.empty());
  EXPECT_EQ(Moved(*asked.question, *run, found.front()),
            (std::vector<std::string>{absl::StrCat(kStoreEvil, " < ", kOpenat),
                                      absl::StrCat("!S ioctl(RECV) < ", kStoreEvil),
                                      absl::StrCat("!S reads the arguments < ", kStoreEvil)}));
  // With two stores more nothing has to move: one brings /ok back, the other takes it away again
  // when SEND has returned, which is the end of what is followed.
  lang::CompileOptions options;
  options.explicit_writes = 3;
  const auto more = verify::Question::Make(asked.scenario, *asked.proposal, {}, options);
  ASSERT_TRUE(more.ok()) << more.status();
  found = Follow(**more, *run, asked.property, {});
  ASSERT_FALSE(found.empty());
  EXPECT_TRUE(found.front().moved.empty());
  EXPECT_EQ(found.front().added, 1);
}

// A run with other results is told from one that has those of the run followed.
TEST(Follow, ResultsAreThoseOfTheRun) {
  const Asked asked = Ask("attack/openat_path", "baseline", "toctou");
  auto run = Witness(*asked.question, asked.path);
  ASSERT_TRUE(run.ok()) << run.status();
  // Nobody gets this from SEND.
  for (const Deed& deed : run->deeds) {
    if (DeedText(asked.question->program(), deed) == "S ioctl(SEND, CONTINUE)") {
      run->results[deed.task][deed.number].ret = -77;
    }
  }
  const auto found = Follow(*asked.question, *run, asked.property, {});
  ASSERT_FALSE(found.empty());
  ASSERT_EQ(found.front().different.size(), 1);
  EXPECT_EQ(DeedText(asked.question->program(), run->deeds[found.front().different[0]]),
            "S ioctl(SEND, CONTINUE)");
}

// The signal has to come when the target has left its wait and has not taken notify_lock: nobody
// can be held there.
TEST(Follow, NoRunBreaksIt) {
  const Asked asked = Ask("notifier/signal", "baseline", "reply-acted-on");
  const auto run = Witness(*asked.question, asked.path);
  ASSERT_TRUE(run.ok()) << run.status();
  const auto words = Words(*asked.question, *run);
  EXPECT_NE(std::find(words.begin(), words.end(), "a signal to T"), words.end());
  EXPECT_TRUE(Follow(*asked.question, *run, asked.property, {}).empty());
}

// A call that a signal interrupts ends when the handler has returned, in a trace as in a run:
// nothing is moved for that alone.
TEST(Follow, AHandler) {
  const Asked asked = Ask("pin_args/handler_call", "pin_args", "single-shot");
  const auto run = Witness(*asked.question, asked.path);
  ASSERT_TRUE(run.ok()) << run.status();
  const auto of_handler = std::find_if(run->deeds.begin(), run->deeds.end(), [](const Deed& deed) {
    return deed.kind == Deed::Kind::kOperation && deed.task == 0 && (deed.call & 0x80);
  });
  ASSERT_NE(of_handler, run->deeds.end());
  EXPECT_LT(run->deeds[0].begins, of_handler->begins);
  EXPECT_GE(run->deeds[0].ends, of_handler->ends);
  const auto found = Follow(*asked.question, *run, asked.property, {});
  ASSERT_FALSE(found.empty());
  for (const Followed::Moved& moved : found.front().moved) {
    EXPECT_NE(moved.first, 0) << DeedText(asked.question->program(), run->deeds[moved.second]);
  }
}

// What is forced is what the orders give when they are taken alone.
TEST(Follow, OrdersGiveTheOutcome) {
  for (const auto& [scenario, property] : {std::pair("attack/openat_path", "dies-with-call"),
                                           {"attack/execve_argv", "fail-closed"},
                                           {"attack/write_legacy_file", "toctou"}}) {
    SCOPED_TRACE(scenario);
    const Asked asked = Ask(scenario, "pin_args", property);
    const auto run = Witness(*asked.question, asked.path);
    ASSERT_TRUE(run.ok()) << run.status();
    const auto found = Follow(*asked.question, *run, asked.property, {});
    ASSERT_FALSE(found.empty());
    for (const Followed& followed : found) {
      const Predicted predicted = Predict(*asked.question, followed.run.orders);
      EXPECT_EQ(predicted.stuck, 0);
      EXPECT_EQ(ObservedText(asked.question->program(), predicted.outcome),
                ObservedText(asked.question->program(), followed.run.outcome));
    }
  }
}

TEST(Witness, RefusesAPathThatCannotBeTaken) {
  const Asked asked = Ask("attack/openat_path", "baseline", "toctou");
  checker::Path path = asked.path;
  path.actions.resize(1);
  path.actions[0].thread = 25;
  EXPECT_TRUE(absl::IsInvalidArgument(Witness(*asked.question, path).status()));
  path = asked.path;
  path.initial = 1;
  EXPECT_TRUE(absl::IsInvalidArgument(Witness(*asked.question, path).status()));
}

}  // namespace
}  // namespace knotcheck::conform::follow_test
