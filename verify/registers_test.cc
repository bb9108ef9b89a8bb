// SPDX-License-Identifier: Apache-2.0
//
// Registers as part of the state, which they are under a proposal that writes them. Where it does
// not write any, nothing changes but the size of a state; where it does, the call that runs is the
// one that the registers say.

#include <memory>
#include <string>
#include <vector>

#include "checker/explore.h"
#include "checker/reduce.h"
#include "gtest/gtest.h"
#include "lang/compile.h"
#include "lang/parse.h"
#include "model/kernel/kernel.h"
#include "verify/kernel_model.h"
#include "verify/search.h"
#include "verify/testing/collection.h"

namespace knotcheck::verify::registers_test {
namespace {

using model::Kernel;
using model::Proposal;

#ifdef __SANITIZE_ADDRESS__
constexpr size_t kOneIn = 12;
#else
constexpr size_t kOneIn = 1;
#endif

model::Proposal WithRegisters(const std::string& name) {
  Proposal proposal = *model::FindProposal(name);
  proposal.writes_registers = true;
  return proposal;
}

struct Asked {
  explicit Asked(const lang::Scenario& scenario, const Proposal& of) : proposal(of) {
    auto compiled = lang::Compile(scenario, proposal, {});
    if (!compiled.ok()) return;
    program = *std::move(compiled);
    system = std::make_unique<model::System>(program, proposal, model::Toggles());
  }
  checker::Result Explore(uint32_t reductions, uint64_t most = 5'000) const {
    const KernelModel model(*system);
    checker::Options options;
    options.max_states = most;
    return checker::Explore(checker::Reduced<KernelModel>(model, reductions), options);
  }
  const Proposal& proposal;
  model::Program program;
  std::unique_ptr<model::System> system;
};

// A call's registers are those of its op as long as nobody writes them, so each state has one more
// part that follows from the rest: as many states, steps and violations.
TEST(Registers, NothingElseChangesWhereNobodyWritesThem) {
  int compared = 0;
  for (const char* name : {"baseline", "pin_args"}) {
    const Proposal with = WithRegisters(name);
    const std::vector<std::string> names = testing::CollectedNames();
    for (size_t n = 0; n < names.size(); n += kOneIn) {
      const std::string& path = names[n];
      SCOPED_TRACE(path);
      SCOPED_TRACE(name);
      const lang::Scenario scenario = testing::Collected(path);
      const Asked plain(scenario, *model::FindProposal(name));
      const Asked asked(scenario, with);
      ASSERT_EQ(plain.system == nullptr, asked.system == nullptr);
      if (plain.system == nullptr) continue;
      EXPECT_GT(asked.system->layout().bytes, plain.system->layout().bytes);
      for (const uint32_t reductions :
           {uint32_t{checker::kNoReduction}, checker::kAllReductions | checker::kSelfCheck}) {
        const checker::Result before = plain.Explore(reductions);
        if (before.end != checker::End::kExhausted) continue;
        const checker::Result after = asked.Explore(reductions);
        // Which of two like states stands for both, their bytes decide.
        if (reductions == checker::kNoReduction) {
          EXPECT_EQ(after.states, before.states);
          EXPECT_EQ(after.transitions, before.transitions);
        }
        ASSERT_EQ(after.verdicts.size(), before.verdicts.size());
        for (size_t i = 0; i < after.verdicts.size(); ++i) {
          EXPECT_EQ(after.verdicts[i].status, before.verdicts[i].status);
          EXPECT_EQ(after.verdicts[i].path.actions.size(), before.verdicts[i].path.actions.size());
        }
        ++compared;
      }
    }
  }
  EXPECT_GT(compared, 300 / static_cast<int>(kOneIn));
}

constexpr char kHead[] =
    "# name: inline\n# question: q\n# source: s\n# result: baseline=?\n# why: w\n"
    "filter openat\n"
    "memory path = \"/ok\"\n"
    "memory other = \"/evil\"\n"
    "target U { access(other, 0) }\n";

// Puts the address of `other` into the second argument.
void Redirect(Kernel& k, int task) {
  for (size_t i = 0; i < k.p.registers.size(); ++i) {
    const model::Register& each = k.p.registers[i];
    if (!each.is_address || k.p.values[each.address].text != "&other") continue;
    k.s->registers[static_cast<size_t>(task)].now.args[1] = static_cast<uint8_t>(i + 1);
  }
}

checker::Status Expectation(const Proposal& proposal, const std::string& text) {
  const auto scenario = lang::Parse(kHead + text, "inline.scn");
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  const Asked asked(*scenario, proposal);
  EXPECT_NE(asked.system, nullptr);
  const checker::Result result = asked.Explore(checker::kNoReduction, 100'000);
  EXPECT_EQ(result.end, checker::End::kExhausted);
  for (size_t i = 0; i < result.verdicts.size(); ++i) {
    if (asked.system->properties()[i].name == std::string("expectation")) {
      return result.verdicts[i].status;
    }
  }
  ADD_FAILURE();
  return checker::Status::kViolated;
}

TEST(Registers, TheCallThatRunsIsTheOneThatTheySay) {
  constexpr char kText[] =
      "target T { openat(AT_FDCWD, path, O_RDONLY) uses \"/evil\" }\n"
      "supervisor S { n = recv(); send(n, continue) }\n";
  EXPECT_EQ(Expectation(WithRegisters("baseline"), kText), checker::Status::kViolated);
  Proposal redirects = WithRegisters("baseline");
  redirects.send_stored = [](Kernel& k, int target, uint16_t) {
    Redirect(k, target);
    return model::Hook::kNotHandled;
  };
  EXPECT_EQ(Expectation(redirects, kText), checker::Status::kHolds);
}

// A wait that a signal ends writes them. The handler makes a call of its own; what then starts anew
// is the call that was written. Only that one is answered: S has two notifications by then.
TEST(Registers, AHandlerLeavesThemAsTheyWere) {
  constexpr char kText[] =
      "target T { openat(AT_FDCWD, path, O_RDONLY) uses \"/evil\" }\n"
      "signals to T: 1, handler restarts { access(path, 0) == 0 }\n"
      "supervisor S { n = recv(); m = recv(); send(m, continue) }\n";
  EXPECT_EQ(Expectation(WithRegisters("baseline"), kText), checker::Status::kViolated);
  Proposal redirects = WithRegisters("baseline");
  redirects.leave = [](Kernel& k, uint8_t flags) {
    if (flags == 0) Redirect(k, k.cur);
    return model::Hook::kNotHandled;
  };
  EXPECT_EQ(Expectation(redirects, kText), checker::Status::kHolds);
}

}  // namespace
}  // namespace knotcheck::verify::registers_test
