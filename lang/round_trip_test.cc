// SPDX-License-Identifier: Apache-2.0
//
// What holds for every scenario and every text, on random ones.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/text.h"
#include "lang/parse.h"
#include "lang/testing/generate.h"

namespace knotcheck::lang::round_trip_test {
namespace {

constexpr char kHeader[] = "# name: n\n# question: q\n# source: s\n# result: p=?\n";

// Parse gives back what was printed, and printing that gives the same bytes.
void ExpectRoundTrip(const Scenario& scenario) {
  const std::string text = Print(scenario);
  const absl::StatusOr<Scenario> again = Parse(text, "f");
  if (!again.ok()) RC_FAIL(again.status().ToString() + "\n" + text);
  RC_ASSERT(*again == scenario);
  RC_ASSERT(Print(*again) == text);
}

RC_GTEST_PROP(RoundTripTest, RoundTrip, ()) { ExpectRoundTrip(*AnyScenario()); }

// Whatever the text: a scenario that survives the round trip, or an error of the promised form at
// a place within the text.
void ExpectSane(const std::string& text) {
  const absl::StatusOr<Scenario> scenario = Parse(text, "f");
  if (scenario.ok()) return ExpectRoundTrip(*scenario);
  const std::string message(scenario.status().message());
  const std::vector<std::string> parts = absl::StrSplit(message, absl::MaxSplits(": ", 1));
  RC_ASSERT(parts.size() == 2U);
  RC_ASSERT(absl::StartsWith(parts[1], "found ") && absl::StrContains(parts[1], ", expected "));
  RC_ASSERT(std::all_of(message.begin(), message.end(), [](char c) { return c >= 32 && c < 127; }));

  const std::vector<std::string> place = absl::StrSplit(parts[0], ':');
  int line = 0;
  int column = 0;
  RC_ASSERT(place.size() == 3U && place[0] == "f");
  RC_ASSERT(absl::SimpleAtoi(place[1], &line) && absl::SimpleAtoi(place[2], &column));
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  RC_ASSERT(line >= 1 && static_cast<size_t>(line) <= lines.size());
  RC_ASSERT(column >= 1 && static_cast<size_t>(column) <= lines[line - 1].size() + 1);
}

RC_GTEST_PROP(RoundTripTest, RandomBytes, (const std::string& bytes)) {
  ExpectSane(bytes);
  ExpectSane(kHeader + bytes);
  ExpectSane(absl::StrCat(kHeader, "target T {", bytes));
}

RC_GTEST_PROP(RoundTripTest, MutatedTexts, ()) {
  std::string text = Print(*AnyScenario());
  const auto place = [&text] {
    return static_cast<size_t>(generate::Pick(static_cast<int>(text.size()) + 1));
  };
  for (int left = 1 + generate::Pick(5); left > 0; --left) {
    const size_t at = place();
    switch (generate::Pick(4)) {
      case 0:
        text.erase(at, static_cast<size_t>(generate::Pick(12)));
        break;
      case 1:
        text.insert(at, text.substr(place(), static_cast<size_t>(generate::Pick(12))));
        break;
      case 2:
        text.insert(at,
                    generate::OneOf({"\n", ";",  "{",  "}", "(",   ")",    "[",       "]",
                                     "|",  "=",  "==", ",", ":",   "-",    "\"",      "\\",
                                     "#",  " 1", "\r", "?", "on ", "\r\n", "# why: ", "policy:"}));
        break;
      default:
        text.insert(at, 1, static_cast<char>(generate::Pick(256)));
    }
  }
  ExpectSane(text);
}

RC_GTEST_PROP(RoundTripTest, CutTexts, ()) {
  const std::string text = Print(*AnyScenario());
  for (size_t length = 0; length <= text.size(); ++length) ExpectSane(text.substr(0, length));
}

// The definition, slowly: the fewest single edits, found by breadth-first search over words.
RC_GTEST_PROP(NearestTest, AgreesWithTheDistance, ()) {
  const std::string a = generate::Word("ab", "ab").substr(0, 6);
  const std::string b = generate::Word("ab", "ab").substr(0, 6);
  std::vector<std::string> front = {a};
  std::set<std::string> seen = {a};
  size_t distance = 0;
  while (seen.count(b) == 0) {
    ++distance;
    std::vector<std::string> next;
    const auto reach = [&](std::string word) {
      if (word.size() <= 7 && seen.insert(word).second) next.push_back(std::move(word));
    };
    for (const std::string& word : front) {
      for (size_t i = 0; i <= word.size(); ++i) {
        for (const char c : {'a', 'b'}) {
          reach(word.substr(0, i) + c + word.substr(i));
          if (i < word.size()) reach(word.substr(0, i) + c + word.substr(i + 1));
        }
        if (i < word.size()) reach(word.substr(0, i) + word.substr(i + 1));
        if (i + 1 < word.size()) {
          std::string swapped = word;
          std::swap(swapped[i], swapped[i + 1]);
          reach(swapped);
        }
      }
    }
    front = std::move(next);
  }
  RC_ASSERT(base::Nearest(a, {b}) == (distance <= std::max<size_t>(1, a.size() / 3) ? b : ""));
}

}  // namespace
}  // namespace knotcheck::lang::round_trip_test
