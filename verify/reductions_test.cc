// SPDX-License-Identifier: Apache-2.0
//
// What the kernel model says of its steps and of its canonical forms, held against the steps
// themselves: in every state of every scenario that is small enough, and of random ones. Then the
// verdicts of every set of reductions.

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "checker/explore.h"
#include "checker/reduce.h"
#include "gtest/gtest.h"
#include "lang/parse.h"
#include "rapidcheck/gtest.h"
#include "verify/check.h"
#include "verify/kernel_model.h"
#include "verify/search.h"
#include "verify/testing/compare_reductions.h"
#include "verify/testing/random_scenario.h"

namespace knotcheck::verify::reductions_test {
namespace {

using testing::Compared;
using testing::StateByState;

#ifdef __SANITIZE_ADDRESS__
constexpr bool kSlow = true;
#else
constexpr bool kSlow = false;
#endif
// States up to which every pair of steps is tried.
constexpr size_t kSmall = kSlow ? 500 : 1200;
// States up to which verdicts are compared.
constexpr uint64_t kMedium = kSlow ? 2000 : 6000;

struct Case {
  std::string name;
  std::unique_ptr<Question> question;
};

// Every scenario of the collection under both proposals, and under each kernel variant; also with
// all fixes, and with all but those that refuse a request before it does anything.
std::vector<Case> Collection(bool variants) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(
           std::string(KNOTCHECK_SOURCE_DIR) + "/scenarios")) {
    if (entry.path().extension() == ".scn") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<model::Toggles> toggles(1);
  for (const model::ToggleInfo& info : model::AllToggles()) {
    if (info.mutation() || info.fix() || !variants) continue;
    toggles.emplace_back();
    toggles.back().Set(info.toggle);
  }
  model::Toggles fixed;
  model::Toggles lenient;
  for (const model::ToggleInfo& info : model::AllToggles()) {
    if (!info.fix()) continue;
    fixed.Set(info.toggle);
    if (info.what.find("PIN_ARGS refuses") == std::string::npos) lenient.Set(info.toggle);
  }
  toggles.push_back(fixed);
  toggles.push_back(lenient);
  std::vector<Case> cases;
  for (const std::string& file : files) {
    std::ifstream in(file);
    std::stringstream text;
    text << in.rdbuf();
    const auto scenario = lang::Parse(text.str(), file);
    EXPECT_TRUE(scenario.ok()) << file;
    for (const model::Proposal* proposal : model::AllProposals()) {
      for (const model::Toggles& toggle : toggles) {
        auto question = Question::Make(*scenario, *proposal, toggle);
        if (!question.ok()) continue;
        std::string name = file + " " + proposal->name;
        for (const model::ToggleInfo& info : model::AllToggles()) {
          if (toggle.Has(info.toggle)) name += " " + info.name;
        }
        cases.push_back(Case{name, *std::move(question)});
      }
    }
  }
  return cases;
}

checker::Options Bounded() {
  checker::Options options;
  options.max_states = kMedium;
  return options;
}

TEST(ReductionsTest, EveryStepOfEverySmallScenarioIsTheMoverThatItIsSaidToBe) {
  for (const Case& c : Collection(false))
    EXPECT_EQ(StateByState(*c.question, kSmall), "") << c.name;
}

// Every fourth case with all reductions, and with one of the other sets, which take turns; with
// KNOT_WIDE, as ./dev test --all sets it, all cases with each.
TEST(ReductionsTest, NoReductionChangesAVerdict) {
  const bool each = std::getenv("KNOT_WIDE") != nullptr;
  const std::vector<Case> cases = Collection(!kSlow);
  for (size_t i = 0; i < cases.size(); ++i) {
    const Case& c = cases[i];
    // Nor always the same kernel variants.
    if (!each && (i + i / 7) % 4 != 0) continue;
    const auto whole = checker::Explore(KernelModel(c.question->system()), Bounded());
    // Random models try all sets (checker/reduce_random_test.cc).
    constexpr uint32_t kForms = checker::kSymmetry | checker::kRenumber;
    constexpr std::array kSets{uint32_t{checker::kMerge},
                               uint32_t{checker::kSymmetry},
                               uint32_t{checker::kRenumber},
                               uint32_t{checker::kPersistent},
                               checker::kMerge | checker::kPersistent,
                               checker::kMerge | kForms};
    for (size_t set = 0; set < kSets.size(); ++set) {
      // The kernel variants of a scenario are beside each other, and not to meet the same set
      // always.
      if (!each && set != (i / 4 + i / kSets.size()) % kSets.size()) continue;
      EXPECT_EQ(Compared(*c.question, whole, kSets[set], Bounded()), "")
          << c.name << " " << kSets[set];
    }
    // A step that took what another thread holds would end the program.
    constexpr uint32_t kChecked = checker::kAllReductions | checker::kSelfCheck;
    EXPECT_EQ(Compared(*c.question, whole, kChecked, Bounded()), "") << c.name;
  }
}

RC_GTEST_PROP(ReductionsProperty, HoldOnRandomScenarios, ()) {
  const auto numbers = *rc::gen::container<std::vector<uint8_t>>(24, rc::gen::arbitrary<uint8_t>());
  const auto scenario = lang::Parse(testing::MakeScenario(numbers).Text(), "random.scn");
  RC_ASSERT(scenario.ok());
  for (const model::Proposal* proposal : model::AllProposals()) {
    const auto question = Question::Make(*scenario, *proposal, {});
    if (!question.ok()) continue;
    RC_ASSERT(StateByState(**question, 300) == "");
    const auto whole = checker::Explore(KernelModel((*question)->system()), Bounded());
    RC_ASSERT(Compared(**question, whole, checker::kAllReductions, Bounded()) == "");
    RC_ASSERT(Compared(**question, whole, checker::kMerge, Bounded()) == "");
  }
}

}  // namespace
}  // namespace knotcheck::verify::reductions_test
