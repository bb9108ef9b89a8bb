// SPDX-License-Identifier: Apache-2.0

#include "conform/force/forced.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "model/kernel/toggles.h"
#include "verify/testing/collection.h"

namespace knotcheck::conform::forced_test {
namespace {

struct Asked {
  std::unique_ptr<lang::Scenario> scenario;
  std::unique_ptr<verify::Question> explicit_peer;
  std::unique_ptr<verify::Question> free;
};

Asked Ask(const std::string& name, const std::string& proposal, model::Toggles toggles = {}) {
  Asked asked;
  asked.scenario = std::make_unique<lang::Scenario>(verify::testing::Collected(name));
  lang::CompileOptions options;
  options.explicit_writes = 2;
  auto made =
      verify::Question::Make(*asked.scenario, *model::FindProposal(proposal), toggles, options);
  EXPECT_TRUE(made.ok()) << made.status();
  asked.explicit_peer = *std::move(made);
  made = verify::Question::Make(*asked.scenario, *model::FindProposal(proposal), toggles);
  EXPECT_TRUE(made.ok()) << made.status();
  asked.free = *std::move(made);
  return asked;
}

std::set<std::string> TextsOf(const verify::Question& question, const Outcomes& outcomes) {
  std::set<std::string> texts;
  for (const Outcomes::One& one : outcomes.outcomes) {
    texts.insert(ObservedText(question.program(), one.observed));
  }
  return texts;
}

std::string Names(const verify::Question& question, uint64_t bits) {
  std::string names;
  const auto& properties = question.system().properties();
  for (size_t i = 0; i < properties.size(); ++i) {
    if (bits >> i & 1) names += properties[i].name + " ";
  }
  return names;
}

// The supervisor allows what it read if that was /ok. So either it read /evil and the call is
// refused, or it read /ok and the call opens what the memory holds by then: nothing else.
TEST(AllOutcomes, OfARacedPath) {
  const Asked asked = Ask("attack/openat_path", "baseline");
  const Outcomes all = AllOutcomes(*asked.free, 100'000);
  EXPECT_TRUE(all.complete);
  const std::string allowed = "S[0=0 3=0:r1=2f6f6b 5=0 8=0]";
  EXPECT_EQ(TextsOf(*asked.free, all),
            (std::set<std::string>{"T[0=-13] S[0=0 3=0:r1=2f6576696c 5=0 10=0]",
                                   "T[0=6:used=2f6576696c] " + allowed,
                                   "T[0=6:used=2f6f6b] " + allowed}));
  for (const Outcomes::One& one : all.outcomes) {
    const std::string text = ObservedText(asked.free->program(), one.observed);
    const bool raced = text.find("used=2f6576696c") != std::string::npos;
    EXPECT_EQ(Names(*asked.free, one.violated).find("toctou") != std::string::npos, raced) << text;
  }
}

// The signal comes while the call waits for its reply, and WAIT_KILLABLE_RECV keeps it back: the
// call has 9, then the handler's call is trapped and has 9. What the first one returned shows when
// the handler has returned, and not before.
TEST(FindForcedRuns, AHandlersCallsStandInsideTheOneItInterrupts) {
  const Asked asked = Ask("notifier/wait_killable_handler", "baseline");
  const ForcedRuns found = FindForcedRuns(*asked.explicit_peer, {});
  EXPECT_TRUE(found.complete);
  size_t handled = 0;
  for (const ForcedRun& run : found.runs) {
    const std::string text = ObservedText(asked.explicit_peer->program(), run.outcome);
    SCOPED_TRACE(text);
    std::vector<Order> of_target;
    for (const Order& order : run.orders) {
      if (order.task == 0 && order.kind != Order::Kind::kHold) of_target.push_back(order);
    }
    const auto handler = std::find_if(of_target.begin(), of_target.end(), [](const Order& order) {
      return order.kind == Order::Kind::kWaitHandler;
    });
    if (handler == of_target.end()) continue;
    ++handled;
    ASSERT_GE(of_target.end() - handler, 5);
    EXPECT_EQ(handler[1].kind, Order::Kind::kStart);
    EXPECT_EQ(handler[1].call, 0x80);
    EXPECT_EQ(handler[2].kind, Order::Kind::kWaitAsleep);
    if (text.find("T[0=9 h0=9]") == std::string::npos) continue;  // nobody has answered one of them
    EXPECT_EQ(
        std::count_if(of_target.begin(), handler,
                      [](const Order& order) { return order.kind == Order::Kind::kWaitDone; }),
        0);
    EXPECT_EQ(
        std::count_if(handler, of_target.end(),
                      [](const Order& order) { return order.kind == Order::Kind::kWaitDone; }),
        2);
  }
  EXPECT_GT(handled, 0);
}

// An ioctl whose fdput() is left has not returned, and its supervisor does not go round: that
// nobody has the filter any more keeps it from nothing but the next RECV.
TEST(AllOutcomes, WhoHasRepliedReturns) {
  const Asked asked = Ask("pin_args/listener_closes", "pin_args");
  const Outcomes all = AllOutcomes(*asked.free, 400'000);
  ASSERT_TRUE(all.complete);
  for (const std::string& text : TextsOf(*asked.free, all)) {
    EXPECT_EQ(text.find("14=asleep"), std::string::npos) << text;  // send(n, error EACCES)
    EXPECT_EQ(text.find("9=asleep"), std::string::npos) << text;   // send(n, continue pinned)
  }
  EXPECT_EQ(all.outcomes.size(), 10u);  // those of the kernel's C, docs/source-mode.md
}

// Each outcome has a run that shows it.
TEST(AllOutcomes, HaveTheirPaths) {
  const Asked asked = Ask("attack/openat_path", "baseline");
  const Outcomes all = AllOutcomes(*asked.free, 100'000);
  ASSERT_FALSE(all.outcomes.empty());
  for (const Outcomes::One& one : all.outcomes) {
    const verify::Run run = verify::Trace(asked.free->system(), one.path);
    EXPECT_TRUE(run.possible);
    EXPECT_EQ(one.violated & ~run.violated, 0u);
    const auto opens = [](const verify::RunStep& step) {
      return std::any_of(step.shown.notes.begin(), step.shown.notes.end(),
                         [](const std::string& note) { return note.find("opens") == 0; });
    };
    const std::string text = ObservedText(asked.free->program(), one.observed);
    EXPECT_EQ(std::any_of(run.steps.begin(), run.steps.end(), opens),
              text.find("used=") != std::string::npos)
        << text;
  }
}

TEST(AllOutcomes, StopAtTheLimit) {
  const Asked asked = Ask("attack/openat_path", "baseline");
  EXPECT_FALSE(AllOutcomes(*asked.free, 50).complete);
}

// The store comes when the supervisor has looked and before the kernel reads: with a sleeper that
// is kept from running, that can be made to happen.
TEST(Forced, TheRaceOfAPath) {
  const Asked asked = Ask("attack/openat_path", "baseline");
  const ForcedRuns found = FindForcedRuns(*asked.explicit_peer, {});
  ASSERT_FALSE(found.runs.empty());
  const ForcedRun& race = found.runs[0];
  EXPECT_NE(Names(*asked.explicit_peer, race.violated).find("toctou"), std::string::npos);
  const auto at = [&race](Order::Kind kind, int task) {
    return std::find_if(race.orders.begin(), race.orders.end(), [kind, task](const Order& o) {
      return o.kind == kind && (task < 0 || o.task == task);
    });
  };
  const auto store = at(Order::Kind::kStore, -1);
  const auto resume = at(Order::Kind::kResume, 0);
  ASSERT_NE(store, race.orders.end());
  ASSERT_NE(resume, race.orders.end());
  EXPECT_LT(store, resume);
  const bool late = std::any_of(race.orders.begin(), store, [&asked](const Order& order) {
    return order.kind == Order::Kind::kStart && order.task == 1 &&
           OpOf(asked.explicit_peer->program(), 1, order.call).code == model::OpCode::kReadArgs;
  });
  EXPECT_TRUE(late);
}

// A sleeper that somebody wakes before its turn is held, and one that nobody wakes is not.
TEST(Forced, HoldsWhoeverIsWokenTooEarly) {
  const Asked asked = Ask("notifier/addfd_send", "baseline");
  const ForcedRuns found = FindForcedRuns(*asked.explicit_peer, {});
  ASSERT_EQ(found.runs.size(), 1u);
  // ADDFD wakes the target, which installs the descriptor only when the supervisor sleeps.
  EXPECT_TRUE(found.runs[0].holds);
  const Asked plain = Ask("notifier/basic", "baseline");
  for (const ForcedRun& run : FindForcedRuns(*plain.explicit_peer, {}).runs) {
    EXPECT_FALSE(run.holds);
  }
}

// Forced runs are runs: what they show is among what all runs show, and the same orders give the
// same again.
TEST(Forced, RunsAreAllowedAndPredicted) {
  for (const char* name :
       {"attack/openat_path", "attack/execve_filename", "notifier/signal", "notifier/addfd_send",
        "notifier/fault_recv_two_threads", "notifier/kill_in_middle", "notifier/filter_empty",
        "coverage/interrupted_poll", "pin_args/stale_record_pinned", "promises/array_shrinks",
        "pin_args/two_pins_race"}) {
    SCOPED_TRACE(name);
    const Asked asked = Ask(name, "pin_args");
    const ForcedRuns found = FindForcedRuns(*asked.explicit_peer, {});
    EXPECT_FALSE(found.runs.empty());
    const Outcomes all = AllOutcomes(*asked.explicit_peer, 2'000'000);
    ASSERT_TRUE(all.complete);
    const std::set<std::string> allowed = TextsOf(*asked.explicit_peer, all);
    for (const ForcedRun& run : found.runs) {
      const std::string text = ObservedText(asked.explicit_peer->program(), run.outcome);
      EXPECT_EQ(allowed.count(text), 1u) << text;
      const Predicted again = Predict(*asked.explicit_peer, run.orders);
      EXPECT_EQ(again.stuck, 0u) << text;
      EXPECT_EQ(ObservedText(asked.explicit_peer->program(), again.outcome), text);
    }
  }
}

// poll(2) asks for events before it looks for signals, so a supervisor that is both woken and
// signalled hears of the event (do_poll()).
TEST(Forced, PollPrefersEventsToSignals) {
  const Asked asked = Ask("coverage/interrupted_poll", "baseline");
  const ForcedRuns found = FindForcedRuns(*asked.explicit_peer, {});
  bool interrupted = false;
  for (const ForcedRun& run : found.runs) {
    const std::string text = ObservedText(asked.explicit_peer->program(), run.outcome);
    const auto signal = std::find_if(run.orders.begin(), run.orders.end(),
                                     [](const Order& o) { return o.kind == Order::Kind::kSignal; });
    if (text.find("S[0=-4") == std::string::npos) continue;
    interrupted = true;
    // Nobody was told anything between S's sleep and the signal.
    ASSERT_NE(signal, run.orders.end());
    EXPECT_EQ(std::prev(signal)->kind, Order::Kind::kWaitAsleep) << text;
  }
  EXPECT_TRUE(interrupted);
}

// Orders that were found for one kernel, on another that does otherwise.
TEST(Predict, SaysWhereAnotherKernelCannotFollow) {
  const Asked today = Ask("history/first_in_first_out", "baseline");
  model::Toggles lifo;
  lifo.Set(model::Variant::lifo_notifications);
  const Asked then = Ask("history/first_in_first_out", "baseline", lifo);
  const ForcedRuns found = FindForcedRuns(*today.explicit_peer, {});
  bool differs = false;
  for (const ForcedRun& run : found.runs) {
    const Predicted old = Predict(*then.explicit_peer, run.orders);
    differs |= old.stuck != 0 || !Matches(run.outcome, old.outcome);
  }
  EXPECT_TRUE(differs);
}

TEST(Observed, MatchesWhatIsPredictedAndNoMore) {
  Token predicted;
  predicted.returned = true;
  predicted.ret = 6;
  predicted.details["used"] = "2f??";
  Token observed = predicted;
  observed.details["used"] = "2f41";
  observed.details["r1"] = "00";
  EXPECT_TRUE(Matches(predicted, observed));
  observed.details["used"] = "2e41";
  EXPECT_FALSE(Matches(predicted, observed));
  observed.details["used"] = "2f4141";
  EXPECT_FALSE(Matches(predicted, observed));
  observed.details.erase("used");
  EXPECT_FALSE(Matches(predicted, observed));
  predicted.details["used"] = "*";
  EXPECT_FALSE(Matches(predicted, observed));
  predicted.details.clear();
  EXPECT_TRUE(Matches(predicted, observed));
  observed.ret = 7;
  EXPECT_FALSE(Matches(predicted, observed));
  predicted.any_result = true;
  EXPECT_TRUE(Matches(predicted, observed));
}

// The interrupted umask() never returns, and the new image ends with the handler that made it.
TEST(ForcedRuns, OfAHandlerThatExecutes) {
  const Asked asked = Ask("coverage/exec_in_handler", "baseline");
  const ForcedRuns runs = FindForcedRuns(*asked.explicit_peer, {});
  const bool abandoned = std::any_of(runs.runs.begin(), runs.runs.end(), [&](const ForcedRun& run) {
    const std::string text = ObservedText(asked.explicit_peer->program(), run.outcome);
    return text.rfind("T[0=asleep h0=0", 0) == 0 && text.find(" dead]") != std::string::npos;
  });
  EXPECT_TRUE(abandoned);
}

}  // namespace
}  // namespace knotcheck::conform::forced_test
