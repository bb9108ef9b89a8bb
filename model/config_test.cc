// SPDX-License-Identifier: Apache-2.0

#include "model/config.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "model/kernel/toggles.h"

namespace knotcheck::model::config_test {
namespace {

Toggles Of(const std::string& release) {
  const auto parsed = ParseRelease(release);
  EXPECT_TRUE(parsed.has_value()) << release;
  const auto variants = VariantsOf(*parsed);
  EXPECT_TRUE(variants.has_value()) << release;
  return *variants;
}

TEST(ParseRelease, TakesTwoOrThreeNumbers) {
  EXPECT_EQ(ParseRelease("5.10"), (KernelRelease{5, 10, 0}));
  EXPECT_EQ(ParseRelease("6.12.117"), (KernelRelease{6, 12, 117}));
  for (const char* wrong :
       {"", ".", "5", "5.", ".10", "5..10", "5.10.", "5.10.42.1", "5.10-rc1", "v5.10", "5.10000"}) {
    EXPECT_FALSE(ParseRelease(wrong).has_value()) << wrong;
  }
}

TEST(ParseRelease, IsToStringBackwards) {
  for (const char* text : {"5.0", "5.10", "5.10.42", "6.12.117"}) {
    EXPECT_EQ(ToString(*ParseRelease(text)), text);
  }
}

TEST(VariantsOf, TheTranscribedReleaseHasNone) { EXPECT_EQ(Of("6.12.117"), Toggles()); }

TEST(VariantsOf, RefusesWhatWasNotRead) {
  for (const char* text : {"4.19", "4.20.17", "5.20", "6.18.45", "6.19", "7.0"}) {
    EXPECT_FALSE(VariantsOf(*ParseRelease(text)).has_value()) << text;
  }
  for (const char* text : {"5.0", "5.19.17", "6.0", "6.18", "6.18.44"}) {
    EXPECT_TRUE(VariantsOf(*ParseRelease(text)).has_value()) << text;
  }
}

TEST(VariantsOf, ARangeCountsWithBothEnds) {
  EXPECT_TRUE(Of("5.0").Has(model::Variant::lifo_notifications));
  EXPECT_TRUE(Of("5.18").Has(model::Variant::lifo_notifications));
  EXPECT_TRUE(Of("5.18.19").Has(model::Variant::lifo_notifications));
  EXPECT_FALSE(Of("5.19").Has(model::Variant::lifo_notifications));
  EXPECT_FALSE(Of("5.8.18").Has(model::Variant::addfd_not_atomic));
  EXPECT_TRUE(Of("5.9").Has(model::Variant::addfd_not_atomic));
}

TEST(VariantsOf, AStableReleaseMendsTheRestOfItsSeriesOnly) {
  EXPECT_TRUE(Of("5.10.41").Has(model::Variant::addfd_early_return));
  EXPECT_FALSE(Of("5.10.42").Has(model::Variant::addfd_early_return));
  EXPECT_FALSE(Of("5.10.200").Has(model::Variant::addfd_early_return));
  EXPECT_TRUE(Of("5.11.22").Has(model::Variant::addfd_early_return));
  EXPECT_TRUE(Of("6.12.52").Has(model::Variant::wait_killable_fast_reply));
  EXPECT_FALSE(Of("6.12.53").Has(model::Variant::wait_killable_fast_reply));
  EXPECT_TRUE(Of("6.13").Has(model::Variant::wait_killable_fast_reply));
}

TEST(VariantsOf, ThreeReleasesInFull) {
  const auto names = [](const std::string& release) {
    std::vector<std::string> all;
    for (const ToggleInfo& info : AllToggles()) {
      if (Of(release).Has(info.toggle)) all.push_back(info.name);
    }
    return all;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(names("6.18.44"), Names{"addfd_send_interrupted"});
  EXPECT_EQ(names("6.12"), (Names{"addfd_send_interrupted", "wait_killable_fast_reply"}));
  EXPECT_EQ(names("5.10"), (Names{"release_late", "recv_blocks_forever", "recv_efault_no_wake",
                                  "no_set_flags", "no_wait_killable", "lifo_notifications",
                                  "addfd_not_atomic", "addfd_early_return"}));
}

TEST(AllToggles, VariantsNameTheirReleases) {
  for (const ToggleInfo& info : AllToggles()) {
    EXPECT_FALSE(info.what.empty()) << info.name;
    EXPECT_EQ(info.first == KernelRelease{}, info.mutation() || info.fix()) << info.name;
    if (info.mutation() || info.fix()) continue;
    EXPECT_LE(kOldestKernel, info.first) << info.name;
    EXPECT_LE(info.first, info.last) << info.name;
    EXPECT_LE(info.last, kNewestKernel) << info.name;
    for (const KernelRelease& mended : info.fixed) {
      EXPECT_LT(info.first, mended) << info.name;
      EXPECT_FALSE(info.In(mended)) << info.name;
      EXPECT_TRUE(info.In({mended.version, mended.patchlevel, mended.sublevel - 1})) << info.name;
    }
  }
  EXPECT_EQ(InfoOf(model::Variant::addfd_early_return).Releases(),
            "5.9 to 5.12, mended in 5.10.42, 5.12.9");
}

}  // namespace
}  // namespace knotcheck::model::config_test
