// SPDX-License-Identifier: Apache-2.0
//
// What is said of a proposal that lacks something, one thing at a time. Expected from the comments
// of model/proposal.h.

#include "model/proposal.h"

#include <gtest/gtest.h>

#include <string>

#include "model/kernel/kernel.h"

namespace knotcheck::model::proposal_test {
namespace {

Flow Nothing(Kernel& k) { return k.Return(0); }

Proposal Whole() {
  Proposal proposal;
  proposal.name = "example";
  proposal.revision = "v1";
  proposal.source = "a message";
  proposal.functions = {{"seccomp_notify_example", "kernel/seccomp.c", 2, Nothing, ".i"}};
  proposal.verbs = {{.name = "example",
                     .function = 0,
                     .ioctl = "SECCOMP_IOCTL_NOTIF_EXAMPLE",
                     .structure = "seccomp_notif_example"}};
  return proposal;
}

template <class Fn>
std::string Error(const Fn& change) {
  Proposal proposal = Whole();
  change(proposal);
  return ProposalError(proposal, AllProposals());
}

TEST(ProposalTest, TheOnesThatThereAreAreWhole) {
  EXPECT_EQ(ProposalError(Whole(), AllProposals()), "");
  for (const Proposal* proposal : AllProposals()) EXPECT_EQ(ProposalError(*proposal, {}), "");
  EXPECT_STREQ(AllProposals().front()->name, "baseline");
}

TEST(ProposalTest, WhatIsMissingIsNamed) {
  const std::string name = "found no name of small letters, digits and '_'";
  EXPECT_EQ(Error([](Proposal& p) { p.name = nullptr; }), name);
  EXPECT_EQ(Error([](Proposal& p) { p.name = ""; }), name);
  EXPECT_EQ(Error([](Proposal& p) { p.name = "pin args"; }), name);
  EXPECT_EQ(Error([](Proposal& p) { p.name = "pin_args"; }), "found a second one of this name");
  EXPECT_EQ(Error([](Proposal& p) { p.revision = ""; }), "found no revision");
  EXPECT_EQ(Error([](Proposal& p) { p.source = nullptr; }),
            "found no source: a message, a commit, a file");
  EXPECT_EQ(Error([](Proposal& p) { p.functions[0].run = nullptr; }),
            "found a function without name, file or code");
  EXPECT_EQ(Error([](Proposal& p) { p.functions[0].locals = "."; }),
            "found the locals of seccomp_notify_example(), expected one character a byte");
  EXPECT_EQ(Error([](Proposal& p) { p.functions.resize(17, p.functions[0]); }),
            "found 17 functions, expected at most 16");
  EXPECT_EQ(Error([](Proposal& p) { p.functions.resize(16, p.functions[0]); }), "");
  EXPECT_EQ(Error([](Proposal& p) { p.verbs[0].function = 1; }),
            "found the verb example without a function");
  EXPECT_EQ(Error([](Proposal& p) { p.verbs[0].name = ""; }), "found a verb without a name");
  EXPECT_EQ(Error([](Proposal& p) { p.state_bytes = [](const Program&, size_t*, size_t*) {}; }),
            "found fields of the state or their size, expected both or neither");
  EXPECT_EQ(
      Error([](Proposal& p) { p.run_task_work = [](Kernel&, uint8_t) { return Hook::kHandled; }; }),
      "found task_work without objects, expected fields and renumber()");
  EXPECT_EQ(Error([](Proposal& p) {
              p.verbs.clear();
              p.protection.verb = 0;
            }),
            "found protection by no verb, expected one that takes arguments");
  EXPECT_EQ(Error([](Proposal& p) { p.protection.verb = 0; }),
            "found protection by no verb, expected one that takes arguments");
  EXPECT_EQ(Error([](Proposal& p) { p.verbs[0].structure = nullptr; }),
            "found the verb example without an ioctl or a structure");
  EXPECT_EQ(Error([](Proposal& p) { p.verbs[0].fields.resize(5); }),
            "found the verb example with more than 4 fields");
}

TEST(ProposalTest, TogglesAndErrnosHaveNamesOfTheirOwn) {
  EXPECT_EQ(Error([](Proposal& p) {
              p.fixes = {{"not this", "x"}};
            }),
            "found 'not this', no name of a mutation or a fix");
  // A kernel's variant, a kernel's fix, another proposal's mutation, and its own.
  for (const char* taken : {"recv_garbage", "signal_takes_reply", "mutate_free_twice"}) {
    EXPECT_EQ(Error([taken](Proposal& p) {
                p.fixes = {{taken, "x"}};
              }),
              std::string("found a second toggle '") + taken + "'");
  }
  EXPECT_EQ(Error([](Proposal& p) {
              p.mutations = {{"mutate_example", "x"}};
              p.fixes = {{"mutate_example", "x"}};
            }),
            "found a second toggle 'mutate_example'");
  EXPECT_EQ(Error([](Proposal& p) {
              for (int i = 0; i < 49; ++i) p.fixes.push_back({"fix" + std::to_string(i), "x"});
            }),
            "found more than 64 mutations or 48 fixes");
  EXPECT_EQ(Error([](Proposal& p) {
              p.errnos = {{"f", "f", "EINVAL ENONSENSE"}};
            }),
            "found 'ENONSENSE' in the errors of f");
}

using ProposalDeathTest = ::testing::Test;
TEST(ProposalDeathTest, ASecondOneOfTheSameNameEndsTheProgram) {
  static const Proposal second = [] {
    Proposal proposal = Whole();
    proposal.name = "baseline";
    return proposal;
  }();
  EXPECT_EXIT(RegisterProposal(&second), ::testing::ExitedWithCode(70),
              "knotcheck: proposal 'baseline': found a second one of this name");
}

}  // namespace
}  // namespace knotcheck::model::proposal_test
