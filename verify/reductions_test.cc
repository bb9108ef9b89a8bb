// SPDX-License-Identifier: Apache-2.0
//
// What the kernel model says of its steps and of its canonical forms, held against the steps
// themselves: in every state of every scenario that is small enough, and of random ones. Then the
// verdicts of every set of reductions.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "checker/explore.h"
#include "checker/reduce.h"
#include "checker/testing/check_reductions.h"
#include "gtest/gtest.h"
#include "lang/parse.h"
#include "rapidcheck/gtest.h"
#include "verify/check.h"
#include "verify/kernel_model.h"
#include "verify/testing/random_scenario.h"

namespace knotcheck::verify {
namespace {

using checker::Reduced;
using checker::testing::ReductionCheck;

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
    if (info.mutation || info.fix() || !variants) continue;
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
      for (const model::Toggles toggle : toggles) {
        auto question = Question::Make(*scenario, *proposal, toggle);
        if (!question.ok()) continue;
        cases.push_back(Case{file + " " + proposal->name + " " + std::to_string(toggle.bits),
                             *std::move(question)});
      }
    }
  }
  return cases;
}

// The error with the step at which each task stands.
std::string Explained(const Question& question, const ReductionCheck<KernelModel>& check,
                      const std::string& error) {
  std::string text = error.substr(0, 400);
  const size_t at = error.find("state ");
  if (at == std::string::npos) return text;
  const model::State& state = check.states()[std::stoul(error.substr(at + 6))];
  const model::System& system = question.system();
  for (int t = 0; t < static_cast<int>(system.program().tasks.size()); ++t) {
    model::Kernel kernel(system.program(), system.proposal(), system.toggles());
    const model::StepInfo* step = kernel.NextStep(state, t);
    if (step != nullptr) {
      text += "\n  " + system.ThreadName(t) + ": " + step->function + ": " + step->statement;
    }
  }
  return text;
}

std::string Checked(const Question& question, size_t limit) {
  const KernelModel kernel_model(question.system());
  ReductionCheck<KernelModel> check(kernel_model);
  if (!check.Explore(limit)) return "";
  if (auto error = check.Movers()) return Explained(question, check, *error);
  for (const uint32_t reductions : {uint32_t{checker::kSymmetry}, uint32_t{checker::kRenumber},
                                    checker::kSymmetry | checker::kRenumber}) {
    if (auto error = check.Canonical(reductions)) return Explained(question, check, *error);
  }
  return "";
}

checker::Options Bounded() {
  checker::Options options;
  options.max_states = kMedium;
  return options;
}

// "" when the reductions change no verdict and each of their counterexamples replays. `whole` is
// the result without any.
std::string Compared(const Question& question, const checker::Result& whole, uint32_t reductions) {
  if (whole.end != checker::End::kExhausted) return "";
  const KernelModel kernel_model(question.system());
  const checker::Options options = Bounded();
  const checker::Result reduced =
      checker::Explore(Reduced<KernelModel>(kernel_model, reductions), options);
  const bool exact = (reductions & checker::kMerge) == 0;
  if (reduced.end != checker::End::kExhausted) return "not exhausted";
  if (reduced.states > whole.states) return "more states";
  if (exact && reduced.depth > whole.depth) return "deeper";
  for (size_t i = 0; i < whole.verdicts.size(); ++i) {
    const std::string& name = question.system().properties()[i].name;
    const checker::Verdict& a = whole.verdicts[i];
    const checker::Verdict& b = reduced.verdicts[i];
    if (a.status != b.status) return "another verdict: " + name;
    if ((a.witnesses > 0) != (b.witnesses > 0)) return "another witness: " + name;
    if (a.status != checker::Status::kViolated) continue;
    if (exact && a.path.actions.size() != b.path.actions.size()) return "another length: " + name;
    const auto replayed = checker::Replay(kernel_model, b.path);
    if (!replayed.possible || !(replayed.violated >> i & 1)) return "does not replay: " + name;
  }
  return "";
}

TEST(ReductionsTest, EveryStepOfEverySmallScenarioIsTheMoverThatItIsSaidToBe) {
  for (const Case& c : Collection(false)) EXPECT_EQ(Checked(*c.question, kSmall), "") << c.name;
}

TEST(ReductionsTest, NoReductionChangesAVerdict) {
  for (const Case& c : Collection(!kSlow)) {
    const auto whole = checker::Explore(KernelModel(c.question->system()), Bounded());
    for (uint32_t reductions = 1; reductions <= checker::kAllReductions; ++reductions) {
      if (kSlow && reductions != checker::kMerge && reductions != checker::kAllReductions) continue;
      EXPECT_EQ(Compared(*c.question, whole, reductions), "") << c.name << " " << reductions;
    }
    // A step that took what another thread holds would end the program.
    constexpr uint32_t kChecked = checker::kAllReductions | checker::kSelfCheck;
    EXPECT_EQ(Compared(*c.question, whole, kChecked), "") << c.name;
  }
}

RC_GTEST_PROP(ReductionsProperty, HoldOnRandomScenarios, ()) {
  const auto numbers = *rc::gen::container<std::vector<uint8_t>>(24, rc::gen::arbitrary<uint8_t>());
  const auto scenario = lang::Parse(testing::MakeScenario(numbers).Text(), "random.scn");
  RC_ASSERT(scenario.ok());
  for (const model::Proposal* proposal : model::AllProposals()) {
    const auto question = Question::Make(*scenario, *proposal, {});
    if (!question.ok()) continue;
    RC_ASSERT(Checked(**question, 300) == "");
    const auto whole = checker::Explore(KernelModel((*question)->system()), Bounded());
    RC_ASSERT(Compared(**question, whole, checker::kAllReductions) == "");
    RC_ASSERT(Compared(**question, whole, checker::kMerge) == "");
  }
}

}  // namespace
}  // namespace knotcheck::verify
