// SPDX-License-Identifier: Apache-2.0
//
// What the kernel model says of its steps and of its canonical forms is needed: with one part of
// it left out, the check of what reductions stand on finds a fault in a scenario. And the orbits of
// identical tasks make up all states.

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "checker/explore.h"
#include "checker/reduce.h"
#include "checker/testing/check_reductions.h"
#include "checker/testing/reduced_graph.h"
#include "gtest/gtest.h"
#include "lang/parse.h"
#include "verify/check.h"
#include "verify/kernel_model.h"
#include "verify/search.h"

namespace knotcheck::verify::reduction_mistakes_test {
namespace {

using checker::testing::ReductionCheck;

constexpr char kHead[] =
    "# name: inline\n# question: q\n# source: s\n# result: baseline=? pin_args=?\n# why: w\n";

std::unique_ptr<Question> Ask(const std::string& text) {
  const auto scenario = lang::Parse(kHead + text, "inline.scn");
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  if (!scenario.ok()) return nullptr;
  const model::Proposal* baseline = nullptr;
  for (const model::Proposal* proposal : model::AllProposals()) {
    if (std::string(proposal->name) == "baseline") baseline = proposal;
  }
  auto question = Question::Make(*scenario, *baseline, {});
  EXPECT_TRUE(question.ok()) << question.status();
  return question.ok() ? *std::move(question) : nullptr;
}

enum class Mistake : uint8_t {
  kNone,
  kForgetCompletes,  // complete() touches nothing that others see
  kForgetRequests,   // nor does the count of requests
  kForgetLocks,      // notify_lock is neither taken nor given back
  kClaimSignals,     // each task's signals are its own, whoever may still send one
  kClearIds,         // a supervisor forgets what it received
  kExchangeTasks,    // the first two targets are exchanged without what names them
};

class Mistaken : public KernelModel {
 public:
  Mistaken(const model::System& system, Mistake mistake) : KernelModel(system), mistake_(mistake) {}

  checker::Footprint FootprintOf(const uint64_t* words, int thread) const {
    checker::Footprint footprint = KernelModel::FootprintOf(words, thread);
    if (thread >= static_cast<int>(system().program().tasks.size())) return footprint;
    model::Kernel kernel(system().program(), system().proposal(), system().config());
    const model::StepInfo* step = kernel.NextStep(View(words), thread);
    const uint32_t touches = step == nullptr ? 0 : step->touches;
    // All that the step touches: it must not be found by another of its bits.
    const auto forgets = [&](Mistake mistake, uint32_t bit) {
      if (mistake_ == mistake && (touches & bit)) footprint = {};
    };
    forgets(Mistake::kForgetCompletes, model::kCompletes);
    forgets(Mistake::kForgetRequests, model::kRequests);
    forgets(Mistake::kForgetLocks, model::kLocks | model::kLocksInterruptibly | model::kUnlocks);
    return footprint;
  }
  checker::Hold HoldOf(const uint64_t* words, int thread) const {
    checker::Hold hold = KernelModel::HoldOf(words, thread);
    // Signals() and Fatal() of model/footprint.cc.
    if (mistake_ == Mistake::kClaimSignals && thread < 8) {
      hold.exclusive |= uint64_t{0x101} << thread;
    }
    return hold;
  }
  void Canonicalize(uint64_t* words, uint32_t reductions) const {
    KernelModel::Canonicalize(words, reductions);
    model::State state = View(words);
    for (size_t t = 0; t < state.layout().tasks; ++t) {
      if (mistake_ != Mistake::kClearIds || !(reductions & checker::kRenumber)) break;
      model::Task& task = state.tasks[t];
      std::fill(std::begin(task.variable_id), std::end(task.variable_id), uint8_t{0});
    }
    if (mistake_ != Mistake::kExchangeTasks || !(reductions & checker::kSymmetry)) return;
    // So that either is the form of both.
    model::StateValue other = state;
    std::swap(other.tasks[0], other.tasks[1]);
    if (std::memcmp(other.words(), words, state.layout().bytes) < 0) state = other;
  }

 private:
  Mistake mistake_;
};

// The first fault, or "".
std::string Fault(const Question& question, Mistake mistake) {
  const Mistaken model(question.system(), mistake);
  ReductionCheck<Mistaken> check(model);
  EXPECT_TRUE(check.Explore(20'000));
  if (const auto error = check.Movers()) return *error;
  for (const uint32_t reductions : {uint32_t{checker::kSymmetry}, uint32_t{checker::kRenumber}}) {
    if (const auto error = check.Canonical(reductions)) return *error;
  }
  return "";
}

constexpr char kOne[] = "target T { umask() }\nsupervisor S { policy: allow umask, else EACCES }\n";
constexpr char kSignal[] =
    "target T { umask() }\nsignals to T: 1, handler\n"
    "supervisor S { policy: allow umask, else EACCES }\n";
constexpr char kTwo[] =
    "target T { umask() }\ntarget U { umask() }\nsupervisor S { policy: allow umask, else EACCES "
    "}\n";
constexpr char kTwice[] =
    "target T { umask() }\nsupervisor S[2] { policy: allow umask, else EACCES }\n";

TEST(ReductionMistakes, AreFoundInTheKernelModel) {
  struct Row {
    Mistake mistake;
    const char* text;
  };
  // complete() lets the trapped task go on, atomic_inc() the supervisor; the lock keeps one task
  // from what another one sees; a sender writes what the task looks at; a supervisor answers by the
  // id that it received, and its variables name the tasks.
  const Row rows[] = {
      {Mistake::kForgetCompletes, kOne}, {Mistake::kForgetRequests, kTwice},
      {Mistake::kForgetLocks, kTwo},     {Mistake::kClaimSignals, kSignal},
      {Mistake::kClearIds, kOne},        {Mistake::kExchangeTasks, kTwo},
  };
  for (const Row& row : rows) {
    const auto question = Ask(row.text);
    ASSERT_NE(question, nullptr) << row.text;
    EXPECT_EQ(Fault(*question, Mistake::kNone), "") << row.text;
    EXPECT_NE(Fault(*question, row.mistake), "") << static_cast<int>(row.mistake);
  }
}

// A sender steps into what its task claims.
TEST(ReductionMistakesDeathTest, TheSelfCheckSeesASignal) {
  const auto question = Ask(kSignal);
  ASSERT_NE(question, nullptr);
  const Mistaken model(question->system(), Mistake::kClaimSignals);
  EXPECT_EXIT(checker::Explore(checker::Reduced<Mistaken>(model, checker::kSelfCheck), {}),
              ::testing::ExitedWithCode(70), "internal error: .*Breaks");
}

// Clarke, Enders, Filkorn, Jha 1996: the classes are the orbits of the permutations.
TEST(KernelOrbits, MakeUpAllStates) {
  const std::string path = "memory path = \"/ok\" | \"/evil\"\n";
  const std::string texts[] = {
      kTwo, kTwice,
      path +
          "target T { openat(AT_FDCWD, path, O_RDONLY) }\n"
          "target U { openat(AT_FDCWD, path, O_RDONLY) }\n"
          "supervisor S { policy: allow openat if path == \"/ok\", else EACCES }\n",
      "target T { umask() }\ntarget U { umask() }\nsupervisor S[2] { policy: allow umask, else "
      "EACCES }\n"};
  for (const std::string& text : texts) {
    const auto question = Ask(text);
    ASSERT_NE(question, nullptr) << text;
    EXPECT_FALSE(question->system().canonical().classes().empty()) << text;
    const KernelModel model(question->system());
    const uint64_t states = checker::Explore(model, {}).states;
    EXPECT_EQ(checker::testing::StatesByOrbits(model), states) << text;
    EXPECT_LT(checker::Explore(checker::Reduced<KernelModel>(model, checker::kSymmetry), {}).states,
              states)
        << text;
  }
}

}  // namespace
}  // namespace knotcheck::verify::reduction_mistakes_test
