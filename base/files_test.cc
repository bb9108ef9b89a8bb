// SPDX-License-Identifier: Apache-2.0

#include "base/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace knotcheck::base::files_test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Files : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = fs::path(testing::TempDir()) /
                 absl::StrCat("knotcheck_files_", ::getpid(), "_",
                              testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(directory_);
  }
  void TearDown() override { fs::remove_all(directory_); }
  std::string Path(const std::string& name) const { return (directory_ / name).string(); }
  size_t Count() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(directory_), fs::directory_iterator()));
  }

  fs::path directory_;
};

TEST_F(Files, WhatIsWrittenIsRead) {
  const std::string bytes("a\0b\n", 4);
  ASSERT_TRUE(WriteFile(Path("x"), bytes).ok());
  EXPECT_EQ(*ReadFile(Path("x"), 4), bytes);
  EXPECT_EQ(Count(), 1u);
}

TEST_F(Files, ReadErrorsNameThePath) {
  const auto missing = ReadFile(Path("missing"), 10);
  EXPECT_TRUE(absl::IsNotFound(missing.status()));
  EXPECT_THAT(std::string(missing.status().message()),
              HasSubstr("missing: cannot be read: No such file or directory"));
  const auto directory = ReadFile(directory_.string(), 10);
  EXPECT_THAT(std::string(directory.status().message()),
              HasSubstr(": found a directory, expected a file"));
  ASSERT_TRUE(WriteFile(Path("large"), "12345678901").ok());
  const auto large = ReadFile(Path("large"), 10);
  EXPECT_THAT(std::string(large.status().message()),
              HasSubstr("large: found 11 bytes, expected at most 10"));
  // A file that does not say how long it is.
  const auto endless = ReadFile("/dev/zero", 1000);
  EXPECT_THAT(std::string(endless.status().message()), HasSubstr("found more than 1000 bytes"));
}

TEST_F(Files, OverwritingKeepsPermissionsAndFollowsLinks) {
  ASSERT_TRUE(WriteFile(Path("x"), "old").ok());
  ASSERT_EQ(::chmod(Path("x").c_str(), 0640), 0);
  fs::create_symlink("x", Path("link"));
  ASSERT_TRUE(WriteFile(Path("link"), "new").ok());
  EXPECT_TRUE(fs::is_symlink(Path("link")));
  EXPECT_EQ(*ReadFile(Path("x"), 10), "new");
  struct stat info {};
  ASSERT_EQ(::stat(Path("x").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0640u);
}

TEST_F(Files, WriteErrorsLeaveNothing) {
  EXPECT_TRUE(absl::IsNotFound(WriteFile(Path("no/such/x"), "a")));
  EXPECT_FALSE(WriteFile(directory_.string(), "a").ok());
  EXPECT_FALSE(WriteFile("", "a").ok());
  EXPECT_EQ(Count(), 0u);
  EXPECT_FALSE(CheckWritable(Path("no/such/x")).ok());
  EXPECT_TRUE(CheckWritable(Path("x")).ok());
  EXPECT_EQ(Count(), 0u);
}

// A device stays a device, and its error is ours.
TEST_F(Files, FullDevice) {
  if (::access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no /dev/full";
  const absl::Status status = WriteFile("/dev/full", "bytes");
  EXPECT_THAT(std::string(status.message()), HasSubstr("No space left on device"));
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
}

// A limit on file sizes fails in the middle of a write, as a full disk does.
TEST_F(Files, FailureInTheMiddleKeepsTheOldFile) {
  ASSERT_TRUE(WriteFile(Path("x"), "old").ok());
  struct rlimit saved {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &saved), 0);
  struct rlimit limit = saved;
  limit.rlim_cur = 1000;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  const absl::Status status = WriteFile(Path("x"), std::string(5000, 'n'));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &saved), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(std::string(status.message()), HasSubstr("x: cannot be written"));
  EXPECT_EQ(*ReadFile(Path("x"), 10000), "old");
  EXPECT_EQ(Count(), 1u);
}

// A writer that is killed leaves its temporary file; nobody else has the next one's name.
TEST_F(Files, TakesAwayWhatAKilledWriterLeft) {
  const std::string mine = absl::StrCat(".x.json.", ::getpid(), ".99.tmp");
  // Greater than any process id that Linux gives out.
  const std::vector<std::string> all = {".x.json.2000000000.0.tmp", mine,
                                        ".x.json.2000000000.1.tmp",  // just written
                                        ".y.json.2000000000.0.tmp",  // of another file
                                        ".x.json.2000000000.tmp"};   // no name of ours
  for (const std::string& name : all) {
    ASSERT_TRUE(WriteFile(Path(name), "half").ok());
    if (name == all[2]) continue;
    fs::last_write_time(Path(name), fs::file_time_type::clock::now() - std::chrono::hours(1));
  }
  ASSERT_TRUE(CheckWritable(Path("x.json")).ok());
  EXPECT_FALSE(fs::exists(Path(all[0])));
  for (size_t i = 1; i < all.size(); ++i) EXPECT_TRUE(fs::exists(Path(all[i]))) << all[i];
}

TEST_F(Files, MakesDirectories) {
  EXPECT_TRUE(MakeDirectory(Path("a/b/c")).ok());
  EXPECT_TRUE(MakeDirectory(Path("a/b/c")).ok());
  ASSERT_TRUE(WriteFile(Path("file"), "").ok());
  EXPECT_FALSE(MakeDirectory(Path("file")).ok());
  EXPECT_FALSE(MakeDirectory(Path("file/below")).ok());
}

}  // namespace
}  // namespace knotcheck::base::files_test
