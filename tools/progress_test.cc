// SPDX-License-Identifier: Apache-2.0

#include "tools/progress.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace knotcheck::tools::progress_test {
namespace {

// A bell: 1, 2, 4, ... and what is to come falls as it rose.
const std::vector<uint64_t> kLevels = {1, 8, 48, 210, 680, 1650, 3000, 4100, 4200, 3300};

checker::Progress Large() {
  checker::Progress progress;
  progress.states = 17'197;
  progress.depth = 10;
  progress.queued = 3300;
  progress.bytes = uint64_t{1200} << 20;
  return progress;
}

TEST(ProgressLine, WithoutAnEstimateSaysWhatIsThere) {
  EXPECT_EQ(ProgressLine("a/b baseline", Large(), 2, 0, 80),
            "18k states, depth 10, 4k queued, 9k/s, 1200 MiB: a/b baseline");
}

TEST(ProgressLine, TheEstimateComesFirst) {
  checker::Progress progress = Large();
  progress.levels = &kLevels;
  const std::string line = ProgressLine("a/b baseline", progress, 2, 0, 80);
  EXPECT_EQ(line.rfind("about ", 0), 0u) << line;
  EXPECT_NE(line.find(" found, 9k/s, 1200 MiB"), std::string::npos) << line;
}

TEST(ProgressLine, FitsWhateverTheNumbers) {
  checker::Progress progress = Large();
  const std::string name(200, 'n');
  for (const std::vector<uint64_t>* levels :
       {static_cast<const std::vector<uint64_t>*>(nullptr), &kLevels}) {
    progress.levels = levels;
    for (const uint64_t states : {uint64_t{1}, uint64_t{17'197}, ~uint64_t{0}}) {
      progress.states = states;
      for (const size_t width : {size_t{20}, size_t{79}, size_t{80}}) {
        EXPECT_LE(ProgressLine(name, progress, 1e-9, 11, width).size(), width);
      }
    }
  }
}

TEST(ProgressLine, TheTimeThatIsLeftComesFirst) {
  EXPECT_EQ(ProgressLine("walks, a/b", 250, 1000, 10, 80),
            "about 30 s left, 250 of 1000: walks, a/b");
  EXPECT_EQ(ProgressLine("walks", 0, 1000, 1, 80), "0 of 1000: walks");
}

}  // namespace
}  // namespace knotcheck::tools::progress_test
