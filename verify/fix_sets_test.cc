// SPDX-License-Identifier: Apache-2.0
//
// The smallest sets of fixes, on problems small enough to try every set.

#include "verify/fix_sets.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace knotcheck::verify::fix_sets_test {
namespace {

// A question that fails where `fails` says so, and depends on `asked`.
struct Toy {
  FixSet asked;
  std::function<bool(FixSet)> fails;
};

FixSearch::Ask AskOf(const std::vector<Toy>& toys) {
  return [&toys](size_t question, FixSet fixes) -> absl::StatusOr<FixAnswer> {
    const Toy& toy = toys[question];
    FixAnswer answer;
    answer.whole = Cube{toy.asked, fixes & toy.asked};
    if (toy.fails(fixes & toy.asked)) answer.failures.push_back({"p", answer.whole});
    return answer;
  };
}

// The same by trying every set.
std::vector<FixSet> ByTrying(const std::vector<Toy>& toys, int fixes) {
  std::vector<bool> mendable(toys.size(), false);
  for (FixSet set = 0; set < FixSet{1} << fixes; ++set) {
    for (size_t q = 0; q < toys.size(); ++q) {
      if (!toys[q].fails(set & toys[q].asked)) mendable[q] = true;
    }
  }
  std::vector<FixSet> good;
  for (FixSet set = 0; set < FixSet{1} << fixes; ++set) {
    bool holds = true;
    for (size_t q = 0; q < toys.size(); ++q) {
      holds = holds && !(mendable[q] && toys[q].fails(set & toys[q].asked));
    }
    if (holds) good.push_back(set);
  }
  std::vector<FixSet> smallest;
  for (const FixSet set : good) {
    bool least = true;
    for (const FixSet other : good) least = least && (other == set || (other & set) != other);
    if (least) smallest.push_back(set);
  }
  return smallest;
}

TEST(FixSets, AlternativesAndWhatNothingMends) {
  const std::vector<Toy> toys = {
      {0b0011, [](FixSet s) { return s == 0; }},       // either of two
      {0b0100, [](FixSet s) { return s == 0; }},       // one
      {0b1000, [](FixSet s) { return s != 0; }},       // one that only does harm
      {0b1111, [](FixSet) { return true; }},           // none
      {0b0110, [](FixSet s) { return s == 0b0010; }},  // one needs another
  };
  FixSearch search(toys.size(), 0b1111, AskOf(toys));
  ASSERT_TRUE(search.Run().ok());
  EXPECT_TRUE(search.Exclusive().empty());
  EXPECT_EQ(search.smallest(), (std::vector<FixSet>{0b0101, 0b0110}));
  EXPECT_EQ(search.Unmended(), (std::vector<Obligation>{{3, "p"}}));
  const auto failing = search.Failing(0b0010);
  ASSERT_TRUE(failing.ok());
  ASSERT_EQ(failing->size(), 2u);
  EXPECT_EQ((*failing)[0].first, Obligation(1, "p"));
  EXPECT_EQ((*failing)[1].first, Obligation(4, "p"));
}

// Where fixes undo each other, a set can do what a larger one does not, and not be the only one.
TEST(FixSets, MoreNeedNotBeBetter) {
  const std::vector<Toy> toys = {
      {0b111, [](FixSet s) { return !(s == 0b001 || s == 0b110); }},
  };
  FixSearch search(toys.size(), 0b111, AskOf(toys));
  ASSERT_TRUE(search.Run().ok());
  EXPECT_EQ(search.smallest(), (std::vector<FixSet>{0b001, 0b110}));
}

TEST(FixSets, NoSetWhenTwoPromisesExcludeEachOther) {
  const std::vector<Toy> toys = {
      {0b10, [](FixSet s) { return s == 0; }},
      {0b01, [](FixSet s) { return s == 0; }},
      {0b01, [](FixSet s) { return s != 0; }},
  };
  FixSearch search(toys.size(), 0b11, AskOf(toys));
  ASSERT_TRUE(search.Run().ok());
  EXPECT_TRUE(search.smallest().empty());
  EXPECT_TRUE(search.Unmended().empty());
  EXPECT_EQ(search.Exclusive(), (std::vector<Obligation>{{1, "p"}, {2, "p"}}));
}

TEST(FixSets, NothingToMendNeedsNothing) {
  const std::vector<Toy> toys = {{0, [](FixSet) { return false; }}};
  FixSearch search(toys.size(), 0b11, AskOf(toys));
  ASSERT_TRUE(search.Run().ok());
  EXPECT_EQ(search.smallest(), std::vector<FixSet>{0});
  EXPECT_EQ(search.asked(), 1u);
}

TEST(FixSets, ErrorsComeThrough) {
  FixSearch search(1, 0b1, [](size_t, FixSet) -> absl::StatusOr<FixAnswer> {
    return absl::CancelledError("stop");
  });
  EXPECT_EQ(search.Run().code(), absl::StatusCode::kCancelled);
}

// Random tables of up to six fixes, against trying every set.
TEST(FixSets, AgreesWithTryingEverySet) {
  uint64_t seed = 1;
  const auto random = [&seed](uint64_t n) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % n;
  };
  size_t with_alternatives = 0;
  for (int round = 0; round < 400; ++round) {
    const int fixes = 2 + static_cast<int>(random(5));
    std::vector<Toy> toys;
    for (size_t q = 0; q < 1 + random(5); ++q) {
      const FixSet asked = random(FixSet{1} << fixes);
      const uint64_t salt = random(1u << 30);
      const uint64_t mostly = 1 + random(3);
      toys.push_back(
          {asked, [salt, mostly](FixSet s) { return ((s + 1) * (salt | 1) >> 7) % 4 < mostly; }});
    }
    const auto expected = ByTrying(toys, fixes);
    FixSearch search(toys.size(), (FixSet{1} << fixes) - 1, AskOf(toys));
    ASSERT_TRUE(search.Run().ok());
    std::vector<FixSet> found = search.smallest();
    for (size_t i = 1; i < found.size(); ++i) {
      EXPECT_LE(std::popcount(found[i - 1]), std::popcount(found[i]));
    }
    std::sort(found.begin(), found.end());
    ASSERT_EQ(found, expected) << "round " << round;
    with_alternatives += found.size() > 1 ? 1 : 0;
  }
  EXPECT_GT(with_alternatives, 50u);
}

}  // namespace
}  // namespace knotcheck::verify::fix_sets_test
