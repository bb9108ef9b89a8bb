// SPDX-License-Identifier: Apache-2.0
//
// A scenario with a known counterexample, for tests.

#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "lang/parse.h"
#include "trace/trace.h"
#include "verify/check.h"

namespace knotcheck::trace {

// The classic race: violated(toctou) under the baseline.
inline TraceSubject ExampleSubject() {
  TraceSubject subject;
  subject.file = "dir/example.scn";
  subject.text =
      "# name:     test/example\n"
      "# question: Can a peer change the path?\n"
      "# source:   none\n"
      "# result:   baseline=violated(toctou) pin_args=?\n"
      "\n"
      "memory path = \"/ok\" | \"/evil\"\n"
      "target T { openat(AT_FDCWD, path, O_RDONLY) }\n"
      "peer P shares memory with T\n"
      "supervisor S { policy: allow openat if path == \"/ok\", else EACCES }\n"
      "never toctou\n";
  auto scenario = lang::Parse(subject.text, subject.file);
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  if (scenario.ok()) subject.scenario = *std::move(scenario);
  subject.proposal = model::FindProposal("baseline");
  return subject;
}

// The shortest counterexample to `property` under `proposal`; a failed test if there is none.
inline Trace ExampleTrace(const std::string& proposal, const std::string& property) {
  TraceSubject subject = ExampleSubject();
  subject.proposal = model::FindProposal(proposal);
  const auto answer = verify::Check(subject.scenario, *subject.proposal, {});
  EXPECT_TRUE(answer.ok()) << answer.status();
  if (!answer.ok()) return {};
  for (const verify::PropertyVerdict& verdict : answer->properties) {
    if (verdict.info.name != property) continue;
    EXPECT_EQ(verdict.status, checker::Status::kViolated);
    const auto trace = MakeTrace(subject, verdict.path, property);
    EXPECT_TRUE(trace.ok()) << trace.status();
    if (trace.ok()) return *trace;
  }
  ADD_FAILURE() << "no counterexample to " << property;
  return {};
}

}  // namespace knotcheck::trace
