// SPDX-License-Identifier: Apache-2.0

#include "conform/variants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "conform/testing/fake_runner.h"
#include "model/kernel/toggles.h"

namespace knotcheck::conform::variants_test {
namespace {

using model::Toggle;
using model::Toggles;
using testing::Answer;
using ::testing::HasSubstr;
using testing::LinesOf;

using Kind = Order::Kind;

// "start 1 3 park", as an order line has it. No probe stores, holds an object, or begins an
// operation of a handler.
Order OrderOf(const std::vector<std::string>& words) {
  static const auto* const waits = new std::map<std::string, Kind>{{"done", Kind::kWaitDone},
                                                                   {"asleep", Kind::kWaitAsleep},
                                                                   {"parked", Kind::kWaitParked},
                                                                   {"dead", Kind::kWaitDead}};
  static const auto* const others = new std::map<std::string, Kind>{{"start", Kind::kStart},
                                                                    {"hold", Kind::kHold},
                                                                    {"resume", Kind::kResume},
                                                                    {"signal", Kind::kSignal}};
  Order order;
  int task = 0;
  EXPECT_TRUE(absl::SimpleAtoi(words[1], &task)) << words[1];
  order.task = static_cast<uint8_t>(task);
  order.kind = words[0] == "wait" ? waits->at(words[2]) : others->at(words[0]);
  if (order.kind == Kind::kStart) {
    const bool handler = words[2][0] == 'h';
    int call = 0;
    EXPECT_TRUE(absl::SimpleAtoi(words[2].substr(handler ? 1 : 0), &call)) << words[2];
    order.call = static_cast<uint8_t>(call | (handler ? 0x80 : 0));
  }
  for (size_t i = 2; i < words.size(); ++i) {
    order.park |= words[i] == "park";
    order.fault |= words[i] == "fault";
    order.fatal |= words[i] == "fatal";
  }
  return order;
}

// A kernel that does in every probe what the model says of one with these variants.
class FakeKernel {
 public:
  FakeKernel(const std::string& release, Toggles toggles) : release_(release), toggles_(toggles) {}

  absl::StatusOr<TargetOutput> Run(const std::string& plans) {
    ++runs;
    TargetOutput output;
    output.complete = true;
    output.lines = {absl::StrCat("probe release ", release_)};
    std::string name;
    std::string lacking;
    std::vector<Order> orders;
    for (const absl::string_view line : absl::StrSplit(plans, '\n')) {
      const std::vector<std::string> words = absl::StrSplit(line, ' ');
      if (words[0] == "plan") {
        name = words[1];
        lacking = "";
        orders.clear();
      } else if (words[0] == "needs") {
        for (const std::string& need : words) {
          const bool lacks =
              (need == "addfd" && toggles_.Has(model::Variant::no_addfd)) ||
              (need == "wait_killable" && toggles_.Has(model::Variant::no_wait_killable));
          if (lacks) lacking = need;
        }
      } else if (words[0] == "order" && words[1] != "finish") {
        orders.push_back(OrderOf({words.begin() + 1, words.end()}));
      } else if (words[0] == "end") {
        asked.insert(name);
        for (std::string& said : Say(name, lacking, orders)) output.lines.push_back(said);
      }
    }
    return output;
  }

  int runs = 0;
  std::set<std::string> asked;
  // Plans to which it gives an answer that is no model's.
  std::set<std::string> odd;

 private:
  std::vector<std::string> Say(const std::string& name, const std::string& lacking,
                               const std::vector<Order>& orders) {
    if (!lacking.empty()) return Answer(name, {}, absl::StrCat("skipped ", lacking, ": no"));
    absl::string_view variant = name;
    EXPECT_TRUE(absl::ConsumePrefix(&variant, "probe/"));
    for (const model::ToggleInfo& info : model::AllToggles()) {
      if (info.name != variant) continue;
      const lang::Scenario scenario = testing::Parsed(ProbeScenario(info.toggle));
      const auto question =
          verify::Question::Make(scenario, *model::FindProposal("baseline"), toggles_);
      EXPECT_TRUE(question.ok()) << question.status();
      const Predicted predicted = Predict(**question, orders);
      std::vector<std::string> lines = LinesOf(predicted.outcome);
      if (odd.count(name) != 0) return Answer(name, {"done 0 0 -71"});
      if (predicted.stuck != 0) lines.push_back(absl::StrCat("stuck ", predicted.stuck));
      return Answer(name, lines);
    }
    ADD_FAILURE() << "a plan of no variant: " << name;
    return {};
  }

  std::string release_;
  Toggles toggles_;
};

Variants Found(FakeKernel* kernel, Toggles given = {}, bool search = true) {
  const auto found = ProbeVariants(
      given, search, [kernel](const std::string& plans) { return kernel->Run(plans); });
  EXPECT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(kernel->runs, 1);
  return found.ok() ? *found : Variants();
}

std::vector<std::string> NamesIn(Toggles toggles) {
  std::vector<std::string> names;
  for (const model::ToggleInfo& info : model::AllToggles()) {
    if (toggles.Has(info.toggle)) names.push_back(info.name);
  }
  return names;
}

Toggles Of(int version, int patchlevel, int sublevel = 0) {
  const auto toggles = model::VariantsOf({version, patchlevel, sublevel});
  EXPECT_TRUE(toggles.has_value());
  return toggles.value_or(Toggles());
}

// A kernel that calls itself 6.12.117, whose number says that it has no variants, and has one:
// exactly that one is found, but for those that no forced run shows.
TEST(Variants, EachIsFoundByItsRun) {
  const std::set<Toggle> untold = {
      model::Variant::wait_killable_fast_reply, model::Variant::recv_efault_no_wake,
      model::Variant::no_wait_killable, model::Variant::dup_listener_race};
  for (const model::ToggleInfo& info : model::AllToggles()) {
    if (info.mutation() || info.fix()) continue;
    SCOPED_TRACE(info.name);
    Toggles toggles;
    toggles.Set(info.toggle);
    FakeKernel kernel("6.12.117", toggles);
    const Variants found = Found(&kernel);
    const bool can = untold.count(info.toggle) == 0;
    EXPECT_EQ(NamesIn(found.toggles),
              can ? std::vector<std::string>{info.name} : std::vector<std::string>());
    EXPECT_EQ(can, !absl::StrContains(found.how, info.name)) << found.how;
  }
}

// The kernel of 6.12.117 has none, whatever its number says: runs go before numbers.
TEST(Variants, RunsGoBeforeTheNumber) {
  FakeKernel kernel("6.18.0", {});
  const Variants found = Found(&kernel);
  EXPECT_FALSE(found.toggles.Has(model::Variant::addfd_send_interrupted));
  EXPECT_EQ(found.probe.at("release"), "6.18.0");
}

// 6.18 has one variant, and a run tells it; what follows the number in the release is the
// distribution's.
TEST(Variants, Of618) {
  FakeKernel kernel("6.18.44-fc-v657", Of(6, 18, 44));
  const Variants found = Found(&kernel);
  EXPECT_EQ(NamesIn(found.toggles), std::vector<std::string>{"addfd_send_interrupted"});
}

// All that a release has, by runs or by its number. Several variants at once must not hide each
// other.
TEST(Variants, OfOlderReleases) {
  for (const auto& [version, patchlevel] : {std::pair{5, 10}, {5, 15}, {6, 1}, {5, 0}, {6, 12}}) {
    const std::string release = absl::StrCat(version, ".", patchlevel, ".0");
    SCOPED_TRACE(release);
    FakeKernel kernel(release, Of(version, patchlevel));
    EXPECT_EQ(NamesIn(Found(&kernel).toggles), NamesIn(Of(version, patchlevel)));
  }
}

// A distributor's kernel: the number says 5.10, but the filter is left in do_exit() already. And
// one whose number says that it has nothing, with two variants.
TEST(Variants, OfNoRelease) {
  Toggles mended = Of(5, 10);
  mended.Clear(model::Variant::release_late);
  FakeKernel old("5.10.0-33-amd64", mended);
  EXPECT_EQ(NamesIn(Found(&old).toggles), NamesIn(mended));

  Toggles two;
  two.Set(model::Variant::recv_blocks_forever);
  two.Set(model::Variant::lifo_notifications);
  FakeKernel today("6.12.117", two);
  EXPECT_EQ(NamesIn(Found(&today).toggles), NamesIn(two));
}

// A probe whose run shows neither what the variant does nor what 6.12.117 does tells nothing.
TEST(Variants, NeitherWay) {
  FakeKernel kernel("5.10.0", Of(5, 10));
  kernel.odd = {"probe/lifo_notifications"};
  const Variants found = Found(&kernel);
  EXPECT_THAT(found.how, HasSubstr("lifo_notifications"));
  EXPECT_TRUE(found.toggles.Has(model::Variant::lifo_notifications));  // by 5.10's number

  FakeKernel today("6.12.117", Of(5, 10));
  today.odd = kernel.odd;
  EXPECT_FALSE(Found(&today).toggles.Has(model::Variant::lifo_notifications));
}

TEST(Variants, AReleaseThatNobodyRead) {
  FakeKernel kernel("7.3.1", {});
  const Variants found = Found(&kernel);
  EXPECT_TRUE(NamesIn(found.toggles).empty());
  EXPECT_THAT(found.how, HasSubstr("the release is not known"));
}

// Without a search nothing is asked but what the kernel is, and what was given stays.
TEST(Variants, NotSearched) {
  FakeKernel kernel("5.10.0", Of(5, 10));
  Toggles given;
  given.Set(model::Variant::no_set_flags);
  const Variants found = Found(&kernel, given, false);
  EXPECT_EQ(NamesIn(found.toggles), std::vector<std::string>{"no_set_flags"});
  EXPECT_TRUE(kernel.asked.empty());
}

TEST(Variants, WhatIsGivenStays) {
  FakeKernel kernel("6.12.117", {});
  Toggles given;
  given.Set(model::Mutation::wrong_errno);
  EXPECT_EQ(NamesIn(Found(&kernel, given).toggles), std::vector<std::string>{"mutate_wrong_errno"});
}

TEST(Variants, ATargetThatSaysNothing) {
  const auto found = ProbeVariants({}, true, [](const std::string&) {
    TargetOutput output;
    output.ended = "QEMU ended with status 1: no memory";
    output.console = "some words";
    return output;
  });
  EXPECT_TRUE(absl::IsUnavailable(found.status()));
  EXPECT_THAT(std::string(found.status().message()), HasSubstr("no memory"));
  EXPECT_THAT(std::string(found.status().message()), HasSubstr("some words"));
}

TEST(Variants, ATargetThatTalksNonsense) {
  const auto found = ProbeVariants({}, true, [](const std::string&) {
    TargetOutput output;
    output.lines = {"probe release 6.12.117", "good morning"};
    return output;
  });
  EXPECT_TRUE(absl::IsInvalidArgument(found.status()));
}

}  // namespace
}  // namespace knotcheck::conform::variants_test
