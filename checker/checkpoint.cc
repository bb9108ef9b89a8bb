// SPDX-License-Identifier: Apache-2.0

#include "checker/checkpoint.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/check.h"
#include "base/hash.h"

namespace knotcheck::checker {
namespace {

// The number changes with what a search writes.
constexpr char kMagic[] = "knotcheck checkpoint 1\n";
constexpr size_t kMagicBytes = sizeof(kMagic) - 1;
constexpr size_t kBlock = size_t{1} << 20;

// Of one block of the file after those that `h` is of. All blocks but the last have kBlock bytes.
uint64_t Hash(uint64_t h, const char* data, size_t bytes) {
  const auto mix = [&h](uint64_t word) {
    h = base::Fold(h ^ word, base::kHashFactor) + base::kHashSeed;
  };
  size_t i = 0;
  for (; i + 8 <= bytes; i += 8) {
    uint64_t word;
    std::memcpy(&word, data + i, 8);
    mix(word);
  }
  uint64_t last = 0;
  std::memcpy(&last, data + i, bytes - i);
  mix(last);
  mix(bytes);
  return h;
}

std::string Message(const std::string& file, const char* what, int error) {
  return absl::StrCat(file, ": ", what, ": ", std::strerror(error));
}

// The first line in which two identities differ.
std::string Difference(absl::string_view found, absl::string_view expected) {
  const std::vector<std::string> a = absl::StrSplit(found, '\n');
  const std::vector<std::string> b = absl::StrSplit(expected, '\n');
  size_t i = 0;
  while (i < a.size() && i < b.size() && a[i] == b[i]) ++i;
  return absl::StrCat("found '", i < a.size() ? a[i] : "", "', expected '",
                      i < b.size() ? b[i] : "", "'");
}

}  // namespace

CheckpointWriter::CheckpointWriter(std::string file, absl::string_view identity)
    : file_(std::move(file)), temporary_(file_ + kUnfinished), hash_(base::kHashSeed) {
  buffer_.reserve(kBlock);
  out_ = std::fopen(temporary_.c_str(), "wbe");
  if (out_ == nullptr) {
    status_ = absl::UnavailableError(Message(temporary_, "cannot be written", errno));
    return;
  }
  std::setbuf(out_, nullptr);
  Bytes(kMagic, kMagicBytes);
  Put(uint64_t{identity.size()});
  Bytes(identity.data(), identity.size());
}

CheckpointWriter::~CheckpointWriter() {
  if (out_ == nullptr) return;
  std::fclose(out_);
  std::remove(temporary_.c_str());
}

void CheckpointWriter::Bytes(const void* data, size_t bytes) {
  const char* from = static_cast<const char*>(data);
  while (bytes > 0 && status_.ok()) {
    const size_t portion = std::min(bytes, kBlock - buffer_.size());
    buffer_.insert(buffer_.end(), from, from + portion);
    from += portion;
    bytes -= portion;
    if (buffer_.size() == kBlock) Flush();
  }
}

void CheckpointWriter::Flush() {
  if (buffer_.empty() || !status_.ok()) return;
  hash_ = Hash(hash_, buffer_.data(), buffer_.size());
  if (std::fwrite(buffer_.data(), 1, buffer_.size(), out_) != buffer_.size()) {
    status_ = absl::UnavailableError(Message(temporary_, "cannot be written", errno));
  }
  buffer_.clear();
}

absl::Status CheckpointWriter::Finish() {
  Flush();
  if (!status_.ok()) return status_;
  const bool written = std::fwrite(&hash_, sizeof(hash_), 1, out_) == 1 && std::fflush(out_) == 0 &&
                       fsync(fileno(out_)) == 0;
  const int error = errno;
  const bool closed = std::fclose(out_) == 0;
  out_ = nullptr;
  if (!written || !closed || std::rename(temporary_.c_str(), file_.c_str()) != 0) {
    status_ = absl::UnavailableError(Message(file_, "cannot be written", written ? errno : error));
    std::remove(temporary_.c_str());
  }
  return status_;
}

absl::StatusOr<std::unique_ptr<CheckpointReader>> CheckpointReader::Open(
    const std::string& file, absl::string_view identity) {
  std::unique_ptr<CheckpointReader> reader(new CheckpointReader);
  reader->in_ = std::fopen(file.c_str(), "rbe");
  if (reader->in_ == nullptr) {
    const std::string message = Message(file, "cannot be read", errno);
    if (errno == ENOENT) return absl::NotFoundError(message);
    return absl::UnavailableError(message);
  }
  std::FILE* const in = reader->in_;
  struct stat info;
  if (fstat(fileno(in), &info) != 0 || !S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": found no file, expected a checkpoint"));
  }
  const auto bytes = static_cast<uint64_t>(info.st_size);
  const auto damaged = [&](absl::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": ", what, "; begin anew with --checkpoint"));
  };
  char magic[kMagicBytes];
  if (std::fread(magic, 1, kMagicBytes, in) != kMagicBytes ||
      std::memcmp(magic, kMagic, kMagicBytes) != 0) {
    return damaged("found no checkpoint of this version of knotcheck");
  }
  const std::string cut = absl::StrCat("found ", bytes, " bytes that are cut short or damaged");
  uint64_t hash = base::kHashSeed;
  std::vector<char> block(kBlock);
  std::rewind(in);
  if (bytes < kMagicBytes + 2 * sizeof(uint64_t)) return damaged(cut);
  for (uint64_t left = bytes - sizeof(hash); left > 0;) {
    const auto portion = static_cast<size_t>(std::min<uint64_t>(left, kBlock));
    if (std::fread(block.data(), 1, portion, in) != portion) return damaged(cut);
    hash = Hash(hash, block.data(), portion);
    left -= portion;
  }
  uint64_t written;
  if (std::fread(&written, sizeof(written), 1, in) != 1 || written != hash) return damaged(cut);
  std::fseek(in, static_cast<long>(kMagicBytes), SEEK_SET);
  std::string found(reader->Get<uint64_t>(), '\0');
  reader->Bytes(found.data(), found.size());
  if (found != identity) {
    return damaged(absl::StrCat("it is of another search: ", Difference(found, identity)));
  }
  return reader;
}

CheckpointReader::~CheckpointReader() {
  if (in_ != nullptr) std::fclose(in_);
}

void CheckpointReader::Bytes(void* data, size_t bytes) {
  KNOT_CHECK(std::fread(data, 1, bytes, in_) == bytes);
}

}  // namespace knotcheck::checker
