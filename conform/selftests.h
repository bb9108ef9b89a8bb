// SPDX-License-Identifier: Apache-2.0
//
// The kernel's selftests, run on a kernel and judged by the model.
//
// An outcome passes a scenario if its forced run (conform/force/forced.h) does not violate
// `expectation`, and every operation with an `==` has returned in it, but for tasks that were
// killed. A test takes one order and a scenario all of them. So the model passes a test if each of
// its scenarios is passed by all outcomes, fails it if one is passed by none, and otherwise it
// depends on the order: then either result of the kernel agrees.

#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lang/ast.h"
#include "model/config.h"
#include "model/proposal.h"

namespace knotcheck::conform {

// A line of conform/selftests.tsv.
struct Selftest {
  std::string test;                    // without the fixture's "global."
  std::vector<std::string> scenarios;  // their names
  const model::Proposal* proposal = nullptr;
  std::string why;  // nothing is compared; empty if there are scenarios
};

// InvalidArgument: FILE:LINE: found ..., expected ...
absl::StatusOr<std::vector<Selftest>> ParseSelftests(const std::string& text,
                                                     const std::string& file);

enum class Tap : uint8_t { kAbsent, kPass, kFail, kSkip };

// The results among a selftest's lines, by name: "global.user_notification_basic".
std::map<std::string, Tap> ReadTap(const std::vector<std::string>& lines);

struct ModelVerdict {
  size_t runs = 0;     // forced runs, one for each outcome
  size_t passing = 0;  // those that show what the scenario expects
  bool complete = true;
};

// InvalidArgument: the scenario expects nothing, or is wrong.
absl::StatusOr<ModelVerdict> JudgeScenario(const lang::Scenario& scenario,
                                           const model::Proposal& proposal,
                                           const model::Toggles& toggles);

struct SelftestResult {
  const Selftest* selftest = nullptr;
  Tap kernel = Tap::kAbsent;
  std::vector<ModelVerdict> model;  // of each scenario

  bool Compared() const;
  bool MayPass() const;
  bool MayFail() const;
  bool Agrees() const { return kernel == Tap::kPass ? MayPass() : MayFail(); }
};

std::string SelftestsText(const std::vector<SelftestResult>& results);
std::string SelftestsMarkdown(const std::vector<SelftestResult>& results,
                              const std::string& kernel);

}  // namespace knotcheck::conform
