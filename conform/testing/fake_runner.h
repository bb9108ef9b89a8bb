// SPDX-License-Identifier: Apache-2.0
//
// What tests of campaigns need in place of a kernel: scenarios, and a runner's lines.

#pragma once

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "conform/force/forced.h"
#include "conform/force/observed.h"
#include "gtest/gtest.h"
#include "lang/parse.h"
#include "verify/check.h"

namespace knotcheck::conform::testing {

inline lang::Scenario Parsed(const std::string& text) {
  auto scenario = lang::Parse(text, "test.scn");
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  return scenario.ok() ? *std::move(scenario) : lang::Scenario();
}

// A scenario "test/it" from what follows the header.
inline lang::Scenario ParsedBody(const std::string& body) {
  return Parsed(
      absl::StrCat("# name: test/it\n# question: q\n# source: s\n"
                   "# result: baseline=? pin_args=?\n# why: a test\n",
                   body));
}

// One of the collection.
inline lang::Scenario Collected(const std::string& name) {
  std::ifstream file(absl::StrCat(KNOTCHECK_SOURCE_DIR, "/scenarios/", name, ".scn"));
  std::stringstream text;
  text << file.rdbuf();
  return Parsed(text.str());
}

// What the runner prints between "begin" and "end" when the run goes as it is predicted. What
// nobody can predict becomes zeros.
inline std::vector<std::string> LinesOf(const Observed& outcome) {
  std::vector<std::string> lines;
  for (size_t t = 0; t < outcome.tasks.size(); ++t) {
    for (const Token& token : outcome.tasks[t]) {
      const std::string what = absl::StrCat(t, " ", CallName(token.call));
      if (!token.returned) {
        lines.push_back(absl::StrCat("asleep ", what));
        continue;
      }
      std::string line = absl::StrCat("done ", what, " ", token.ret);
      for (const auto& [key, value] : token.details) {
        std::string known = value == "*" ? "00" : value;
        std::replace(known.begin(), known.end(), '?', '0');
        absl::StrAppend(&line, " ", key, "=", known);
      }
      lines.push_back(line);
    }
    if (outcome.dead[t]) lines.push_back(absl::StrCat("dead ", t));
  }
  return lines;
}

// The names of the plans in a file of them, in order.
inline std::vector<std::string> NamesOf(const std::string& plans) {
  std::vector<std::string> names;
  for (const absl::string_view line : absl::StrSplit(plans, '\n')) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    if (words.size() == 2 && words[0] == "plan") names.push_back(words[1]);
  }
  return names;
}

// `lines` as the answer to a plan.
inline std::vector<std::string> Answer(const std::string& plan, std::vector<std::string> lines,
                                       const std::string& end = "ok") {
  lines.insert(lines.begin(), absl::StrCat("begin ", plan));
  lines.push_back(absl::StrCat("end ", plan, " ", end));
  return lines;
}

}  // namespace knotcheck::conform::testing
