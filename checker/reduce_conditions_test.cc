// SPDX-License-Identifier: Apache-2.0
//
// For each condition that a reduction stands on, a model of a few instructions that goes wrong
// without it: the reduced search loses or invents something, ReductionCheck says so, and where the
// mistake shows as a step into what another thread holds, the self-check ends the program.

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "checker/explore.h"
#include "checker/reduce.h"
#include "checker/testing/check_reductions.h"
#include "checker/testing/reduced_graph.h"
#include "checker/testing/searches.h"
#include "checker/testing/shared_model.h"

namespace knotcheck::checker::reduce_conditions_test {
namespace {

using testing::Code;
using testing::Group;
using testing::Mistake;
using testing::Op;
using testing::ReductionCheck;
using testing::SharedModel;

constexpr Effects kBad{.violated = 1, .witnessed = 0};

// All that can be seen of a model: the bits that its steps show, the classes of its states at rest
// and what these break.
struct Seen {
  uint64_t violated = 0, witnessed = 0, at_rest = 0;
  std::set<std::vector<uint64_t>> rests;
  friend bool operator==(const Seen&, const Seen&) = default;
};

// Classes and what is wrong at rest are those of `right`, whoever's steps are looked at.
template <AnyModel M>
Seen SeenOf(const M& any, const SharedModel& right) {
  const auto& model = UntypedOf(any);
  StateStack scratch(model.StateWords());
  Seen seen;
  testing::ForEachState(model, [&](const uint64_t* state, bool at_rest) {
    if (at_rest) seen.at_rest |= Typed(right).AtRest(state);
    for (int t = 0; t < model.ThreadCount(); ++t) {
      model.ForEachSuccessor(state, t, scratch,
                             [&](Action, const uint64_t*, Outcome, const Effects& effects) {
                               seen.violated |= effects.violated;
                               seen.witnessed |= effects.witnessed;
                             });
    }
  });
  seen.rests = testing::Rests(model, right, kSymmetry | kRenumber);
  return seen;
}

std::string Fault(const SharedModel& model) {
  ReductionCheck<SharedModel> check(model);
  EXPECT_TRUE(check.Explore(2000));
  if (const auto error = check.Movers()) return *error;
  for (const uint32_t reductions : {uint32_t{kSymmetry}, uint32_t{kRenumber}}) {
    if (const auto error = check.Canonical(reductions)) return *error;
  }
  return "";
}

// With the mistake the reduction `by` sees something else than there is; without, all do not.
void ExpectNeeded(const std::vector<Group>& groups, int budget, Mistake mistake, uint32_t by) {
  const SharedModel right(groups, budget);
  const SharedModel wrong(groups, budget, mistake);
  const Seen all = SeenOf(right, right);
  EXPECT_EQ(Fault(right), "");
  for (uint32_t reductions = 1; reductions <= kAllReductions; ++reductions) {
    EXPECT_TRUE(SeenOf(Reduced(right, reductions | kSelfCheck), right) == all) << reductions;
  }
  EXPECT_FALSE(SeenOf(Reduced(wrong, by), right) == all);
  EXPECT_NE(Fault(wrong), "");
}

// A thread that looks twice, and another one that writes twice: the two reads are one transition
// only if nobody writes between them, which a read that is not declared does not ask.
const std::vector<Group>& LooksTwice() {
  static const auto* const groups = new std::vector<Group>{
      {Code{{.op = Op::kLoad, .a = 0},
            {.op = Op::kBranch, .value = 1, .target = 3},
            {.op = Op::kLoad, .a = 1, .show = kBad, .show_value = 1}}},
      {Code{{.op = Op::kStore, .a = 0, .value = 1}, {.op = Op::kStore, .a = 1, .value = 1}}}};
  return *groups;
}

TEST(ReduceConditions, AReadIsDeclared) {
  ExpectNeeded(LooksTwice(), 0, Mistake::kForgetRead, kMerge);
  ExpectNeeded(LooksTwice(), 0, Mistake::kForgetRead, kPersistent);
}

// The reader sees the first write without the second one.
TEST(ReduceConditions, AWriteIsDeclared) {
  const std::vector<Group> groups = {
      {Code{{.op = Op::kLoad, .a = 0},
            {.op = Op::kBranch, .value = 0, .target = 3},
            {.op = Op::kLoad, .a = 1, .show = kBad, .show_value = 0}}},
      {Code{{.op = Op::kStore, .a = 0, .value = 1}, {.op = Op::kStore, .a = 1, .value = 1}}}};
  ExpectNeeded(groups, 0, Mistake::kForgetWrite, kMerge);
}

// Nobody else may touch what is held: here both claim the same. Each access is somebody's step
// into what the other one holds, so the self-check sees the first.
TEST(ReduceConditionsDeathTest, WhatIsHeldIsTouchedByNobodyElse) {
  ExpectNeeded(LooksTwice(), 0, Mistake::kClaimShared, kMerge);
  const SharedModel wrong(LooksTwice(), 0, Mistake::kClaimShared);
  for (const uint32_t reductions : {uint32_t{kSelfCheck}, kSelfCheck | kAllReductions}) {
    EXPECT_EXIT(Explore(Reduced(wrong, reductions), Options()), ::testing::ExitedWithCode(70),
                "internal error: .*Breaks");
  }
}

// A hold lasts until its thread gives it up. The first thread reads without the lock and trusts
// that it is free; the second one takes it and then writes. The self-check cannot see it: in the
// reduced graph nobody stops where the hold is still relied on.
TEST(ReduceConditions, AHoldIsNotEndedByOthers) {
  const std::vector<Group> groups = {{Code{{.op = Op::kGet},
                                           {.op = Op::kBranch, .value = 1, .target = 4},
                                           {.op = Op::kBranch, .value = 2, .target = 4},
                                           {.op = Op::kGet, .show = kBad, .show_value = 2}}},
                                     {Code{{.op = Op::kLock},
                                           {.op = Op::kPut, .value = 1},
                                           {.op = Op::kPut, .value = 2},
                                           {.op = Op::kUnlock}}}};
  ExpectNeeded(groups, 0, Mistake::kFleetingHold, kMerge);
}

// After its first step the first thread is committed. If it takes the lock in the same breath, the
// second one, which that step made go on, never has it first.
const std::vector<Group>& LocksLater() {
  static const auto* const groups =
      new std::vector<Group>{{Code{{.op = Op::kStore, .value = 1},
                                   {.op = Op::kLock},
                                   {.op = Op::kGet, .show = kBad, .show_value = 1},
                                   {.op = Op::kUnlock}}},
                             {Code{{.op = Op::kLoad},
                                   {.op = Op::kBranch, .value = 0, .target = 5},
                                   {.op = Op::kLock},
                                   {.op = Op::kPut, .value = 1},
                                   {.op = Op::kUnlock}}}};
  return *groups;
}

TEST(ReduceConditions, AnAcquireDoesNotMoveLeft) {
  ExpectNeeded(LocksLater(), 0, Mistake::kAcquireBoth, kMerge);
  ExpectNeeded(LocksLater(), 0, Mistake::kAcquireLeft, kMerge);
}

// The same for a step that reads: what it does is declared, but not what may come next.
TEST(ReduceConditions, NothingButLeftMoversFollowsACommit) {
  const std::vector<Group> groups = {
      {Code{{.op = Op::kStore, .a = 0, .value = 1},
            {.op = Op::kLoad, .a = 1, .show = kBad, .show_value = 1}}},
      {Code{{.op = Op::kLoad, .a = 0},
            {.op = Op::kBranch, .value = 0, .target = 3},
            {.op = Op::kStore, .a = 1, .value = 1}}}};
  ExpectNeeded(groups, 0, Mistake::kNextIsNothing, kMerge);
}

// What decides about a visible effect is read by the step.
TEST(ReduceConditions, AnEffectIsARead) {
  const std::vector<Group> groups = {{Code{{.op = Op::kStore, .a = 1, .value = 1},
                                           {.op = Op::kPeek, .a = 0, .value = 1, .show = kBad}}},
                                     {Code{{.op = Op::kLoad, .a = 1},
                                           {.op = Op::kBranch, .value = 0, .target = 3},
                                           {.op = Op::kStore, .a = 0, .value = 1}}}};
  ExpectNeeded(groups, 0, Mistake::kForgetPeek, kMerge);
  ExpectNeeded(groups, 0, Mistake::kForgetPeek, kPersistent);
}

// Posting under a lock looks like a write to what is held. But it lets the second thread go on,
// which has no step at all before: it is a release, and no right mover.
TEST(ReduceConditions, WhatLetsOthersGoOnIsARelease) {
  const std::vector<Group> groups = {{Code{{.op = Op::kLock},
                                           {.op = Op::kPost},
                                           {.op = Op::kPeek, .value = 1, .show = kBad},
                                           {.op = Op::kUnlock}}},
                                     {Code{{.op = Op::kWait}, {.op = Op::kStore, .value = 1}}}};
  ExpectNeeded(groups, 0, Mistake::kPlainPost, kMerge);
}

// Nothing follows a fault, so it is not to be hastened: others may show something before.
TEST(ReduceConditions, AFaultDoesNotMove) {
  const std::vector<Group> groups = {
      {Code{{.op = Op::kStore, .value = 1}, {.op = Op::kFault, .value = 0}}},
      {Code{{.op = Op::kLoad, .show = kBad, .show_value = 1}}}};
  ExpectNeeded(groups, 0, Mistake::kFaultMoves, kMerge);
  ExpectNeeded(groups, 0, Mistake::kFaultMoves, kPersistent);
}

// Each thread fetches the name that it published under the same lock, which is its own. (Clarke,
// Enders, Filkorn, Jha 1996; Ip and Dill 1996: a permutation acts on all that names what it
// permutes.)
TEST(ReduceConditions, ReferencesAreExchangedWithTheThreads) {
  const std::vector<Group> groups = {{Code{{.op = Op::kTakeId},
                                           {.op = Op::kLock},
                                           {.op = Op::kPublish},
                                           {.op = Op::kFetch},
                                           {.op = Op::kUnlock},
                                           {.op = Op::kCompare, .show = kBad, .show_value = 1}},
                                      2}};
  ExpectNeeded(groups, 1, Mistake::kLoseReferences, kSymmetry);
}

TEST(ReduceConditions, ThreadsThatDifferAreNotExchanged) {
  const std::vector<Group> groups = {{Code{{}, {.op = Op::kStore, .value = 1}}}, {Code{{}}}};
  ExpectNeeded(groups, 0, Mistake::kMixGroups, kSymmetry);
}

TEST(ReduceConditions, WhatIsReadAgainIsNotCleared) {
  const std::vector<Group> groups = {
      {Code{{.op = Op::kChoose}, {.reg = 1, .show = kBad, .show_value = 1}}},
      {Code{{.op = Op::kStore, .value = 1}}}};
  ExpectNeeded(groups, 0, Mistake::kClearLive, kRenumber);
}

// The second thread takes its id after the first one has posted, so that of the first is smaller.
TEST(ReduceConditions, IdsKeepTheirOrder) {
  const std::vector<Group> groups = {{Code{{.op = Op::kTakeId},
                                           {.op = Op::kLock},
                                           {.op = Op::kPublish},
                                           {.op = Op::kPost},
                                           {.op = Op::kUnlock}}},
                                     {Code{{.op = Op::kWait},
                                           {.op = Op::kTakeId},
                                           {.op = Op::kLock},
                                           {.op = Op::kFetch},
                                           {.op = Op::kUnlock},
                                           {.op = Op::kCompare, .show = kBad, .show_value = 2}}}};
  ExpectNeeded(groups, 1, Mistake::kLoseOrder, kRenumber);
}

// Every step is the mover that it is said to be, and still the deadlock of two threads that take
// two locks in opposite orders is lost by whoever merges two acquires: each transition finds the
// second lock free.
TEST(ReduceConditions, WhoeverHoldsALockMayWaitForAnother) {
  const auto both = [](uint8_t first, uint8_t second) {
    return Group{Code{{.op = Op::kLock, .a = first},
                      {.op = Op::kSet, .value = 1},
                      {.op = Op::kLock, .a = second},
                      {.op = Op::kUnlock, .a = second},
                      {.op = Op::kUnlock, .a = first}}};
  };
  const SharedModel model({both(0, 1), both(1, 0)}, 0);
  EXPECT_EQ(Fault(model), "");
  const Seen all = SeenOf(model, model);
  EXPECT_EQ(all.rests.size(), 2U);
  for (uint32_t reductions = 1; reductions <= kAllReductions; ++reductions) {
    const Reduced reduced(model, reductions);
    EXPECT_TRUE(SeenOf(reduced, model) == all) << reductions;
    const Result result = Explore(reduced, Options());
    EXPECT_EQ(result.verdicts[6].status, Status::kViolated) << reductions;
    EXPECT_TRUE(Replay(model, result.verdicts[6].path).rested) << reductions;
  }
}

// A thread that goes round for ever by itself always moves left; what the other one shows must not
// wait for its end.
TEST(ReduceConditions, NothingIsPutOffForEver) {
  const std::vector<Group> groups = {
      {Code{{.op = Op::kSet, .value = 1}, {.op = Op::kBranch, .value = 1, .target = 0}}, 2},
      {Code{{.op = Op::kStore, .value = 1, .show = kBad}}}};
  const SharedModel model(groups, 0);
  const Seen all = SeenOf(model, model);
  EXPECT_EQ(all.violated, 1U);
  for (uint32_t reductions = 1; reductions <= kAllReductions; ++reductions) {
    EXPECT_TRUE(SeenOf(Reduced(model, reductions), model) == all) << reductions;
  }
}

// A transition of a thread that chooses for ever has more ends than anybody can count; it is cut
// before they multiply.
TEST(ReduceConditions, AnEndlessLoopWithChoicesEnds) {
  const std::vector<Group> groups = {{Code{{.op = Op::kChoose, .reg = 0},
                                           {.op = Op::kChoose, .reg = 1},
                                           {.op = Op::kBranch, .value = 0, .reg = 0, .target = 0},
                                           {.op = Op::kBranch, .value = 1, .reg = 0, .target = 0}},
                                      2}};
  const SharedModel model(groups, 0);
  const Seen all = SeenOf(model, model);
  for (uint32_t reductions = 1; reductions <= kAllReductions; ++reductions) {
    EXPECT_TRUE(SeenOf(Reduced(model, reductions), model) == all) << reductions;
  }
}

}  // namespace
}  // namespace knotcheck::checker::reduce_conditions_test
