// SPDX-License-Identifier: Apache-2.0
//
// Counterexamples of the most general peer with real stores: the fewest, by the right peer, and
// next to the stores that scripts and the kernel make themselves.

#include <string>

#include "gtest/gtest.h"
#include "lang/parse.h"
#include "verify/check.h"

namespace knotcheck::verify::concretise_test {
namespace {

constexpr char kHeader[] =
    "# name: test\n# question: q\n# source: s\n# result: baseline=?\n# why: w\n";

// The number of stores in the concrete counterexample to toctou under the baseline.
int Stores(const std::string& body) {
  const auto scenario = lang::Parse(kHeader + body, "test.scn");
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  const model::Proposal& baseline = *model::FindProposal("baseline");
  const auto answer = Check(*scenario, baseline, {});
  EXPECT_TRUE(answer.ok()) << answer.status();
  const auto question = Question::Make(*scenario, baseline, {});
  for (const PropertyVerdict& property : answer->properties) {
    if (property.info.name != "toctou") continue;
    EXPECT_EQ(property.status, checker::Status::kViolated);
    const auto concrete = Concretise(*scenario, baseline, {}, **question, property.path, "toctou");
    EXPECT_TRUE(concrete.ok()) << concrete.status();
    return concrete.ok() ? concrete->writes : -1;
  }
  return -1;
}

constexpr char kPolicy[] =
    "supervisor S { policy: allow openat if path == \"/ok\", else EACCES }\n";

TEST(Concretise, OneStoreIsEnoughForOneRace) {
  EXPECT_EQ(Stores(std::string("memory path = \"/ok\" | \"/evil\"\n"
                               "target T { openat(AT_FDCWD, path, O_RDONLY) }\n"
                               "peer P shares memory with T\n") +
                   kPolicy),
            1);
}

TEST(Concretise, TheTargetsOwnStoreCounts) {
  // The target makes the path evil, so the peer must make it good for the look and evil again.
  EXPECT_EQ(Stores(std::string("memory path = \"/ok\" | \"/evil\"\n"
                               "target T {\n  path = \"/evil\"\n"
                               "  openat(AT_FDCWD, path, O_RDONLY)\n}\n"
                               "peer P shares memory with T\n") +
                   kPolicy),
            2);
}

TEST(Concretise, AnotherPeersBudgetIsItsOwn) {
  EXPECT_EQ(Stores(std::string("memory path = \"/ok\" | \"/evil\"\n"
                               "target T { openat(AT_FDCWD, path, O_RDONLY) }\n"
                               "peer P shares memory with T\n"
                               "peer Q shares memory with T, writes 1\n") +
                   kPolicy),
            1);
}

TEST(Concretise, WhatReadDeliversCounts) {
  EXPECT_GE(Stores("filter write\nmemory buf = bytes \"aaaaaaaa\" | \"bbbbbbbb\"\n"
                   "target T {\n  read(file, buf, 8)\n  write(file, buf, 8)\n}\n"
                   "peer P shares memory with T\n"
                   "supervisor S {\n  n = recv()\n  read(n)\n  send(n, continue)\n}\n"),
            1);
}

}  // namespace
}  // namespace knotcheck::verify::concretise_test
