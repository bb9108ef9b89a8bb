// SPDX-License-Identifier: Apache-2.0
//
// Each fix mends what it is for, and makes nothing else worse, in every scenario of the collection.

#include "verify/fixes.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"
#include "lang/claims.h"
#include "lang/parse.h"
#include "rapidcheck/gtest.h"
#include "verify/testing/random_scenario.h"

namespace knotcheck::verify::fixes_test {
namespace {

using Broken = std::set<std::string>;

FixSet BitOf(const std::string& fix) {
  for (const model::ToggleInfo& info : model::AllToggles()) {
    if (info.fix() && info.name == fix) return model::FixBit(info.toggle);
  }
  ADD_FAILURE() << "no fix " << fix;
  return 0;
}

FixSet BitsOf(const std::vector<std::string>& fixes) {
  FixSet bits = 0;
  for (const std::string& fix : fixes) bits |= BitOf(fix);
  return bits;
}

lang::Scenario Load(const std::string& name) {
  const std::string file = std::string(KNOTCHECK_SOURCE_DIR) + "/scenarios/" + name + ".scn";
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  auto scenario = lang::Parse(text.str(), file);
  EXPECT_TRUE(scenario.ok()) << file << ": " << scenario.status();
  return *std::move(scenario);
}

#ifdef __SANITIZE_ADDRESS__
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

// All scenarios; under the sanitizers without the hunts, which are most of the time.
std::vector<std::string> Collection() {
  const std::filesystem::path root = std::string(KNOTCHECK_SOURCE_DIR) + "/scenarios";
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.path().extension() != ".scn") continue;
    if (kSanitized && entry.path().parent_path().filename() == "hunt") continue;
    names.push_back(std::filesystem::relative(entry.path(), root).replace_extension("").string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Asks a scenario once for all sets of fixes that its answer does not tell apart.
class Asker {
 public:
  Asker(const lang::Scenario& scenario, const model::Proposal& proposal)
      : scenario_(scenario), proposal_(proposal) {}
  Broken Under(FixSet fixes) {
    for (const FixAnswer& answer : answers_) {
      if (answer.whole.Covers(fixes)) return BrokenBy(answer);
    }
    auto answer = AskUnderFixes(scenario_, proposal_, fixes, checker::Options());
    EXPECT_TRUE(answer.ok()) << answer.status();
    answers_.push_back(*std::move(answer));
    return BrokenBy(answers_.back());
  }
  static Broken BrokenBy(const FixAnswer& answer) {
    Broken broken;
    for (const Failure& failure : answer.failures) broken.insert(failure.property);
    return broken;
  }

 private:
  const lang::Scenario& scenario_;
  const model::Proposal& proposal_;
  std::vector<FixAnswer> answers_;
};

struct Row {
  const char* fix;
  const char* scenario;
  const char* property;
};

// The property is broken without the fix and holds with it alone.
const Row kRows[] = {
    {"recv_efault_keeps_reply", "notifier/fault_recv_two_threads", "one-reply"},
    {"signal_takes_reply", "notifier/signal", "reply-acted-on"},
    {"interrupted_starts_anew", "notifier/signal_eintr", "expectation"},
    {"clear_when_left", "attack/openat_path", "dies-with-call"},
    {"clear_when_left", "pin_args/answered_with_value", "fresh-pin"},
    {"clear_when_left", "pin_args/deny_then_reuse", "single-shot"},
    {"clear_when_left", "pin_args/handler_call", "toctou"},
    {"clear_queued_at_attach", "attack/openat_path", "dies-with-call"},
    {"clear_queued_at_attach", "pin_args/answered_with_value", "fresh-pin"},
    {"clear_queued_at_attach", "pin_args/deny_then_reuse", "single-shot"},
    {"clear_queued_at_attach", "pin_args/handler_call", "toctou"},
    {"pinned_needs_record", "pin_args/pinned_without_record", "fail-closed"},
    {"pinned_needs_record", "pin_args/stale_record_pinned", "single-shot"},
    {"count_from_record", "attack/execve_argv", "toctou"},
    {"count_from_record", "pin_args/fewer_entries", "toctou"},
    {"lookup_by_argument", "pin_args/execve_same_pointer", "toctou"},
    {"lookup_by_argument", "verdicts/aliased_names", "toctou"},
    {"argument_pinned_once", "pin_args/duplicate_descriptor", "toctou"},
    {"address_pinned_once", "pin_args/duplicate_descriptor", "toctou"},
    {"address_pinned_once", "pin_args/execve_same_pointer", "toctou"},
    {"address_copied_once", "pin_args/duplicate_descriptor", "toctou"},
    {"address_copied_once", "pin_args/execve_same_pointer", "toctou"},
    {"other_kind_fails", "pin_args/wrong_kind", "fail-closed"},
    {"pinnable_only", "pin_args/wrong_kind", "toctou"},
    {"pinnable_only", "promises/mount_source", "toctou"},
    {"pinnable_only", "pin_args/read_into_record", "read-data"},
    {"short_sockaddr_fails", "pin_args/bind_short_pin", "toctou"},
    {"short_sockaddr_fails", "pin_args/bind_as_string", "toctou"},
    {"short_sockaddr_fails", "pin_args/bind_null_address", "no-uninitialised-read"},
    {"sockaddr_zeroed", "pin_args/bind_short_pin", "no-uninitialised-read"},
    {"null_not_pinned", "pin_args/bind_null_address", "expectation"},
    {"source_only", "pin_args/read_into_record", "read-data"},
    {"legacy_write_fails", "attack/write_legacy_file", "fail-closed"},
    {"zeroed_buffers", "pin_args/array_gap_leak", "no-information-leak"},
    {"null_ends_table", "promises/array_shrinks", "expectation"},
    {"budget_checked", "pin_args/budget", "pin-budget"},
    {"charge_target", "pin_args/charge", "charge"},
    {"mm_of_the_call", "pin_args/reads_new_image", "own-image"},
    {"cut_is_told", "pin_args/exact_fit_truncated", "truncated-flag"},
    {"cut_is_told", "promises/exact_entries", "truncated-flag"},
};

// What a fix lays bare, and what mends that. Without the first four a wrong record served the call;
// with them there is none, and SEND takes CONTINUE_PINNED all the same. The last ones leave a gap
// in the table's header, as a string that does not fit does.
struct Exposure {
  const char* fix;
  const char* scenario;
  const char* property;
  const char* needs;
};
const Exposure kExposed[] = {
    {"clear_when_left", "pin_args/deny_then_reuse", "fail-closed", "pinned_needs_record"},
    {"clear_queued_at_attach", "pin_args/deny_then_reuse", "fail-closed", "pinned_needs_record"},
    {"argument_pinned_once", "pin_args/duplicate_descriptor", "fail-closed", "pinned_needs_record"},
    {"address_pinned_once", "pin_args/duplicate_descriptor", "fail-closed", "pinned_needs_record"},
    {"pinnable_only", "pin_args/bind_as_string", "fail-closed", "pinned_needs_record"},
    {"argument_pinned_once", "verdicts/pinned_as_a_table_too", "fail-closed",
     "pinned_needs_record"},
    {"address_pinned_once", "verdicts/pinned_as_a_table_too", "fail-closed", "pinned_needs_record"},
    {"pinnable_only", "verdicts/pinned_as_a_table_too", "fail-closed", "pinned_needs_record"},
    {"null_ends_table", "attack/execve_argv", "no-information-leak", "zeroed_buffers"},
    {"null_ends_table", "attack/execveat_argv", "no-information-leak", "zeroed_buffers"},
    {"null_ends_table", "promises/array_shrinks", "no-information-leak", "zeroed_buffers"},
    {"null_ends_table", "promises/execve_envp", "no-information-leak", "zeroed_buffers"},
};

TEST(Fixes, EachMendsWhatItIsFor) {
  std::set<std::string> used;
  for (const Row& row : kRows) {
    SCOPED_TRACE(std::string(row.fix) + ": " + row.scenario + ": " + row.property);
    used.insert(row.fix);
    const FixSet fix = BitOf(row.fix);
    const lang::Scenario scenario = Load(row.scenario);
    for (const model::Proposal* proposal : model::AllProposals()) {
      if ((FixesOf(*proposal) & fix) == 0) continue;
      if (lang::ClaimAbout(scenario.header, *proposal) == nullptr) continue;
      Asker asker(scenario, *proposal);
      EXPECT_EQ(asker.Under(0).count(row.property), 1u) << proposal->name;
      EXPECT_EQ(asker.Under(fix).count(row.property), 0u) << proposal->name;
    }
  }
  for (const model::ToggleInfo& info : model::AllToggles()) {
    EXPECT_EQ(used.count(info.name), info.fix() ? 1u : 0u) << info.name << " has no row";
  }
}

// With KNOT_WIDE, as ./dev test --all sets it, in the whole collection; else where one is known to,
// and in every fourth other scenario.
TEST(Fixes, NoneMakesAnythingWorse) {
  const bool all = std::getenv("KNOT_WIDE") != nullptr;
  size_t number = 0;
  std::set<std::tuple<std::string, std::string, std::string>> exposed;
  size_t questions = 0;
  for (const std::string& name : Collection()) {
    const bool known = std::any_of(std::begin(kExposed), std::end(kExposed),
                                   [&name](const Exposure& each) { return each.scenario == name; });
    if (!all && !known && number++ % 4 != 0) continue;
    const lang::Scenario scenario = Load(name);
    for (const lang::Claim& claim : scenario.header.results) {
      // What is said of one with fixes, or of another kernel, is none of these.
      if (model::FindProposal(claim.operand) == nullptr) continue;
      const model::Proposal& proposal = *model::FindProposal(claim.operand);
      Asker asker(scenario, proposal);
      const Broken before = asker.Under(0);
      const Broken with_all = asker.Under(FixesOf(proposal));
      ++questions;
      for (const std::string& property : with_all) {
        EXPECT_EQ(before.count(property), 1u)
            << name << " under " << claim.operand << " with all fixes: " << property;
      }
      for (const model::ToggleInfo* info : model::FixesFor(proposal)) {
        for (const std::string& property : asker.Under(model::FixBit(info->toggle))) {
          if (before.count(property) == 0) exposed.emplace(info->name, name, property);
        }
      }
      for (const Exposure& each : kExposed) {
        if (each.scenario != name) continue;
        EXPECT_EQ(asker.Under(BitsOf({each.fix, each.needs})).count(each.property), 0u)
            << each.fix << " with " << each.needs << ": " << name;
      }
    }
  }
  std::set<std::tuple<std::string, std::string, std::string>> expected;
  for (const Exposure& each : kExposed) {
    expected.emplace(each.fix, each.scenario, each.property);
  }
  EXPECT_EQ(exposed, expected);
  EXPECT_GE(questions, all ? 129u : 35u);
}

// An answer is kept for all sets of fixes that agree with the one that was asked on what it met.
TEST(Fixes, AnAnswerSpeaksForAllThatItCovers) {
  const model::Proposal& proposal = *model::FindProposal("pin_args");
  uint64_t seed = 1;
  size_t reused = 0;
  for (const char* name :
       {"attack/execve_argv", "pin_args/answered_with_value", "pin_args/bind_null_address",
        "pin_args/deny_then_reuse", "pin_args/duplicate_descriptor", "pin_args/handler_call",
        "pin_args/rearmed_after_fault", "pin_args/wrong_kind", "notifier/signal_eintr"}) {
    const lang::Scenario scenario = Load(name);
    std::vector<FixAnswer> answers;
    for (int round = 0; round < 30; ++round) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      // Few fixes at first, so that runs get far.
      const FixSet fixes = FixesOf(proposal) & seed & (seed << 17 | seed >> 47);
      const auto answer = AskUnderFixes(scenario, proposal, fixes, checker::Options());
      ASSERT_TRUE(answer.ok()) << answer.status();
      EXPECT_TRUE(answer->whole.Covers(fixes));
      for (const FixAnswer& before : answers) {
        if (before.whole.Covers(fixes)) {
          EXPECT_EQ(Asker::BrokenBy(before), Asker::BrokenBy(*answer)) << name;
          ++reused;
        }
        for (const Failure& failure : before.failures) {
          if (!failure.cube.Covers(fixes)) continue;
          EXPECT_EQ(Asker::BrokenBy(*answer).count(failure.property), 1u) << name;
          ++reused;
        }
      }
      answers.push_back(*answer);
    }
  }
  EXPECT_GT(reused, 300u);
}

// Scenarios that nobody wrote for a fix: with all of them, or all but those that refuse a request,
// what is promised of records, memory and replies holds. A script can still leave a task waiting,
// race after plain CONTINUE, install a descriptor for a call that is made anew, or have half of a
// call protected and be told that it is (verdicts/half_pinned_execve, for which there is no fix).
RC_GTEST_PROP(FixesProperty, HoldOnRandomScenarios, ()) {
  const auto numbers = *rc::gen::container<std::vector<uint8_t>>(24, rc::gen::arbitrary<uint8_t>());
  const std::string text = testing::MakeScenario(numbers).Text();
  const auto scenario = lang::Parse(text, "random.scn");
  RC_ASSERT(scenario.ok());
  const model::Proposal& proposal = *model::FindProposal("pin_args");
  const FixSet refusing =
      BitsOf({"argument_pinned_once", "address_pinned_once", "pinnable_only", "budget_checked"});
  checker::Options options;
  options.max_states = 50'000;
  for (const FixSet fixes : {FixesOf(proposal), FixesOf(proposal) & ~refusing}) {
    const auto answer = AskUnderFixes(*scenario, proposal, fixes, options);
    if (!answer.ok()) continue;
    for (const Failure& failure : answer->failures) {
      RC_ASSERT(failure.property == "progress" || failure.property == "toctou" ||
                failure.property == "addfd-once" || failure.property == "fail-closed");
    }
  }
}

std::vector<std::vector<std::string>> NamesOf(const model::Proposal& proposal,
                                              const FixSets& sets) {
  std::vector<std::vector<std::string>> names;
  for (const FixSet set : sets.smallest) {
    names.emplace_back();
    for (const model::ToggleInfo* info : model::FixesFor(proposal)) {
      if (set & model::FixBit(info->toggle)) names.back().push_back(info->name);
    }
  }
  return names;
}

// One fix closes both; or the short copy and the entry for NULL are closed apart. A NULL argument's
// entry has argument number 0, so looking for the argument's own does not find it either.
TEST(Fixes, SmallestSetsForBind) {
  const lang::Scenario null_address = Load("pin_args/bind_null_address");
  const lang::Scenario short_pin = Load("pin_args/bind_short_pin");
  const model::Proposal& proposal = *model::FindProposal("pin_args");
  const auto sets = SmallestFixSets({&null_address, &short_pin}, proposal, checker::Options());
  ASSERT_TRUE(sets.ok()) << sets.status();
  EXPECT_EQ(NamesOf(proposal, *sets),
            (std::vector<std::vector<std::string>>{{"short_sockaddr_fails"},
                                                   {"lookup_by_argument", "sockaddr_zeroed"},
                                                   {"sockaddr_zeroed", "null_not_pinned"}}));
  EXPECT_TRUE(sets->unmended.empty());
  ASSERT_EQ(sets->why.size(), 3u);
  EXPECT_EQ(sets->why[0].size(), 1u);
  EXPECT_EQ(sets->why[1].size(), 2u);
}

TEST(Fixes, WhatNoFixMendsIsSetApart) {
  const lang::Scenario race = Load("attack/openat_path");
  const auto sets = SmallestFixSets({&race}, *model::FindProposal("baseline"), checker::Options());
  ASSERT_TRUE(sets.ok()) << sets.status();
  EXPECT_EQ(sets->unmended, (std::vector<Obligation>{{0, "toctou"}}));
  EXPECT_EQ(sets->smallest, std::vector<FixSet>{0});
}

// In the whole collection: every set does, and no member can be left out.
TEST(Fixes, SmallestSetsOfTheCollection) {
  if (std::getenv("KNOT_WIDE") == nullptr) {
    GTEST_SKIP() << "minutes: ./dev test --all";
  }
  const model::Proposal& proposal = *model::FindProposal("pin_args");
  std::vector<std::unique_ptr<lang::Scenario>> loaded;
  std::vector<const lang::Scenario*> scenarios;
  std::vector<Asker> askers;
  for (const std::string& name : Collection()) {
    loaded.push_back(std::make_unique<lang::Scenario>(Load(name)));
    scenarios.push_back(loaded.back().get());
    askers.emplace_back(*scenarios.back(), proposal);
  }
  const auto sets = SmallestFixSets(scenarios, proposal, checker::Options());
  ASSERT_TRUE(sets.ok()) << sets.status();
  ASSERT_FALSE(sets->smallest.empty());
  const std::set<Obligation> unmended(sets->unmended.begin(), sets->unmended.end());
  const auto failing = [&](FixSet fixes) {
    std::set<Obligation> found;
    for (size_t q = 0; q < scenarios.size(); ++q) {
      for (const std::string& property : askers[q].Under(fixes)) {
        if (unmended.count({q, property}) == 0) found.emplace(q, property);
      }
    }
    return found;
  };
  for (size_t i = 0; i < sets->smallest.size(); ++i) {
    const FixSet set = sets->smallest[i];
    EXPECT_EQ(failing(set), std::set<Obligation>());
    size_t member = 0;
    for (FixSet rest = set; rest != 0; rest &= rest - 1, ++member) {
      const FixWitness& witness = sets->witnesses[sets->why[i][member]];
      EXPECT_EQ(failing(set & ~(rest & -rest)).count({witness.scenario, witness.property}), 1u);
    }
  }
}

}  // namespace
}  // namespace knotcheck::verify::fixes_test
