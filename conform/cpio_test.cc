// SPDX-License-Identifier: Apache-2.0

#include "conform/cpio.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "conform/process.h"

namespace knotcheck::conform::cpio_test {
namespace {

using ::testing::HasSubstr;

const std::vector<CpioEntry> kEntries = {
    {.path = "dev", .mode = S_IFDIR | 0755},
    {.path = "dev/console", .mode = S_IFCHR | 0600, .rdev_major = 5, .rdev_minor = 1},
    {.path = "init", .mode = S_IFREG | 0755, .content = "#!/bin/sh\n"},
};

TEST(Cpio, HasTheKernelsFormat) {
  const std::string archive = WriteCpio({{.path = "ab", .mode = S_IFREG | 0644, .content = "xyz"}});
  // Magic and 13 fields of 8 digits; the name with its NUL, to a multiple of 4; the content, too.
  ASSERT_GE(archive.size(), 120u);
  EXPECT_EQ(archive.substr(0, 110),
            "070701"
            "00000001"
            "000081A4"
            "00000000"
            "00000000"
            "00000001"
            "00000000"
            "00000003"
            "00000000"
            "00000000"
            "00000000"
            "00000000"
            "00000003"
            "00000000");
  EXPECT_EQ(archive.substr(110, 10), std::string("ab\0\0\0\0xyz\0", 10));
  EXPECT_EQ(archive.substr(120, 6), "070701");
  EXPECT_THAT(archive.substr(126), HasSubstr("TRAILER!!!"));
  EXPECT_EQ(archive.size() % 4, 0u);
}

TEST(Cpio, TheCpioProgramReadsIt) {
  if (std::system("cpio --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "no cpio";
  const auto file = MemoryFile("archive", WriteCpio(kEntries));
  ASSERT_TRUE(file.ok()) << file.status();
  std::string listing;
  const auto result = RunProcess({.argv = {"cpio", "-itv", "--quiet"},
                                  .input = *file,
                                  .limit = std::chrono::seconds(20),
                                  .output = [&](std::string_view bytes) { listing += bytes; }});
  ::close(*file);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->status, 0) << result->errors;
  EXPECT_EQ(result->errors, "");
  EXPECT_THAT(listing, ::testing::ContainsRegex("drwxr-xr-x .* dev\n"));
  EXPECT_THAT(listing, ::testing::ContainsRegex("crw------- .* 5, *1 .* dev/console\n"));
  EXPECT_THAT(listing, ::testing::ContainsRegex("-rwxr-xr-x .* 10 .* init\n"));
}

}  // namespace
}  // namespace knotcheck::conform::cpio_test
