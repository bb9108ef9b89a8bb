// SPDX-License-Identifier: Apache-2.0
//
// A search that is interrupted and goes on from its file gives what an uninterrupted one gives; and
// what is no file of that search is refused.

#include "checker/checkpoint.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "checker/explore.h"
#include "checker/reduce.h"
#include "checker/testing/family.h"
#include "checker/testing/random_model.h"
#include "checker/testing/searches.h"

namespace knotcheck::checker::checkpoint_test {
namespace {

class CheckpointTest : public ::testing::Test {
 protected:
  CheckpointTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "knotcheck-XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~CheckpointTest() override { std::filesystem::remove_all(directory_); }
  std::string File(const std::string& name) const { return directory_ + "/" + name; }

  std::string directory_;
};

std::string Content(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

void Write(const std::string& file, const std::string& content) {
  std::ofstream(file, std::ios::binary) << content;
}

std::string Refusal(const std::string& file, const std::string& identity) {
  const auto reader = CheckpointReader::Open(file, identity);
  return reader.ok() ? "" : std::string(reader.status().message());
}

TEST_F(CheckpointTest, WhatWasWrittenIsRead) {
  testing::Random random(1);
  std::vector<uint64_t> numbers(400'000);  // more than a block
  for (uint64_t& number : numbers) number = random.Next();
  CheckpointWriter out(File("a"), "who\nI am");
  out.Put(uint8_t{7});
  out.PutAll(numbers);
  out.PutAll(std::vector<char>{});
  out.Put(uint32_t{9});
  EXPECT_FALSE(std::filesystem::exists(File("a")));
  ASSERT_TRUE(out.Finish().ok());
  EXPECT_FALSE(std::filesystem::exists(File("a.new")));
  const auto in = CheckpointReader::Open(File("a"), "who\nI am");
  ASSERT_TRUE(in.ok()) << in.status();
  EXPECT_EQ((*in)->Get<uint8_t>(), 7);
  EXPECT_TRUE((*in)->GetAll<uint64_t>() == numbers);
  EXPECT_TRUE((*in)->GetAll<char>().empty());
  EXPECT_EQ((*in)->Get<uint32_t>(), 9U);
}

TEST_F(CheckpointTest, WhatIsNoCheckpointIsRefused) {
  {
    CheckpointWriter out(File("a"), "who\nI am");
    out.PutAll(std::vector<uint64_t>{1, 2, 3});
    ASSERT_TRUE(out.Finish().ok());
  }
  const std::string whole = Content(File("a"));
  EXPECT_EQ(Refusal(File("a"), "who\nI am"), "");
  EXPECT_NE(Refusal(File("a"), "who\nyou are")
                .find("is of another search: found 'I am', expected 'you are'"),
            std::string::npos);
  EXPECT_TRUE(absl::IsNotFound(CheckpointReader::Open(File("b"), "").status()));
  EXPECT_NE(Refusal(directory_, ""), "");
  for (size_t length = 0; length < whole.size(); ++length) {
    Write(File("cut"), whole.substr(0, length));
    EXPECT_NE(Refusal(File("cut"), "who\nI am"), "") << length;
  }
  Write(File("longer"), whole + "x");
  EXPECT_NE(Refusal(File("longer"), "who\nI am"), "");
  for (size_t byte = 0; byte < whole.size(); ++byte) {
    std::string wrong = whole;
    wrong[byte] = static_cast<char>(wrong[byte] ^ 0x10);
    Write(File("wrong"), wrong);
    EXPECT_NE(Refusal(File("wrong"), "who\nI am"), "") << byte;
  }
}

TEST_F(CheckpointTest, AFailureLeavesTheFileBefore) {
  {
    CheckpointWriter out(File("a"), "I");
    ASSERT_TRUE(out.Finish().ok());
  }
  { CheckpointWriter abandoned(File("a"), "I"); }
  EXPECT_EQ(Refusal(File("a"), "I"), "");
  EXPECT_FALSE(std::filesystem::exists(File("a.new")));
  CheckpointWriter nowhere(File("no/such/directory"), "I");
  nowhere.Put(uint64_t{1});
  const absl::Status status = nowhere.Finish();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_NE(status.message().find("No such file or directory"), std::string::npos) << status;
}

// As on a disk that has no room for the second file.
TEST_F(CheckpointTest, AFullDiskLeavesTheFileBefore) {
  {
    CheckpointWriter out(File("a"), "I");
    ASSERT_TRUE(out.Finish().ok());
  }
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small = {100'000, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  {
    CheckpointWriter out(File("a"), "I");
    out.PutAll(std::vector<uint64_t>(1'000'000));
    const absl::Status status = out.Finish();
    EXPECT_NE(status.message().find("File too large"), std::string::npos) << status;
  }
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(Refusal(File("a"), "I"), "");
  EXPECT_FALSE(std::filesystem::exists(File("a.new")));
}

void ExpectSame(const Result& a, const Result& b) {
  EXPECT_EQ(a.end, b.end);
  EXPECT_EQ(a.states, b.states);
  EXPECT_EQ(a.transitions, b.transitions);
  EXPECT_EQ(a.depth, b.depth);
  EXPECT_EQ(a.levels, b.levels);
  EXPECT_EQ(a.at_rest, b.at_rest);
  EXPECT_EQ(a.bytes, b.bytes);
  ASSERT_EQ(a.verdicts.size(), b.verdicts.size());
  for (size_t i = 0; i < a.verdicts.size(); ++i) {
    EXPECT_EQ(a.verdicts[i].status, b.verdicts[i].status) << i;
    EXPECT_EQ(a.verdicts[i].witnesses, b.verdicts[i].witnesses) << i;
    EXPECT_EQ(a.verdicts[i].path, b.verdicts[i].path) << i;
  }
}

// Interrupted again and again, by another number of threads each time.
template <AnyModel M>
void ExpectGoesOn(const M& model, Options options, const std::string& file) {
  const Result whole = Explore(model, options);
  Checkpoints checkpoints;
  checkpoints.file = file;
  checkpoints.identity = "test";
  checkpoints.failed = [](const absl::Status& status) { FAIL() << status; };
  int times = 0;
  while (true) {
    std::unique_ptr<CheckpointReader> from;
    if (times > 0) {
      auto reader = CheckpointReader::Open(file, "test");
      ASSERT_TRUE(reader.ok()) << reader.status();
      from = *std::move(reader);
    }
    checkpoints.resume = from.get();
    // Sometimes saved at every round, too.
    checkpoints.every_s = times % 3 == 0 ? 0 : 1e9;
    std::atomic<bool> interrupted = false;
    Options now = options;
    now.threads = 1 + times % 3;
    now.checkpoints = &checkpoints;
    now.interrupted = &interrupted;
    now.progress = [&](const Progress&) { interrupted = true; };
    const Result result = Explore(model, now);
    ++times;
    if (result.end == End::kInterrupted) continue;
    ExpectSame(result, whole);
    break;
  }
  EXPECT_GT(times, 3);
  // The end is saved as well.
  auto reader = CheckpointReader::Open(file, "test");
  ASSERT_TRUE(reader.ok()) << reader.status();
  checkpoints.resume = reader->get();
  options.checkpoints = &checkpoints;
  ExpectSame(Explore(model, options), whole);
}

testing::Family FamilyOf(const std::string& words) {
  const auto parameters = testing::ParseFamily(absl::StrSplit(words, ' '));
  EXPECT_TRUE(parameters.ok());
  return testing::Family(*parameters);
}

TEST_F(CheckpointTest, AnInterruptedSearchGoesOn) {
  const testing::Family family = FamilyOf("N=2 M=1 K=1 S=2 SIG=1 FIX=0");
  for (const Storage storage : {Storage::kSmallest, Storage::kTree}) {
    Options options;
    options.storage = storage;
    ExpectGoesOn(family, options, File("plain"));
  }
  ExpectGoesOn(Reduced<testing::Family>(FamilyOf("N=2 M=2 K=2 S=2 SIG=1 FIX=0"), kSymmetry),
               Options(), File("reduced"));
}

TEST_F(CheckpointTest, ASearchThatStoppedHasStopped) {
  const testing::Family family = FamilyOf("N=2 M=1 K=1 S=2 SIG=1 FIX=0");
  Options options;
  options.stop_at_violation = true;
  const Result whole = Explore(family, options);
  ASSERT_EQ(whole.end, End::kStopped);
  Checkpoints checkpoints;
  checkpoints.file = File("a");
  checkpoints.identity = "test";
  checkpoints.every_s = 0;
  options.checkpoints = &checkpoints;
  ExpectSame(Explore(family, options), whole);
  auto reader = CheckpointReader::Open(File("a"), "test");
  ASSERT_TRUE(reader.ok()) << reader.status();
  checkpoints.resume = reader->get();
  ExpectSame(Explore(family, options), whole);
}

}  // namespace
}  // namespace knotcheck::checker::checkpoint_test
