// SPDX-License-Identifier: Apache-2.0
//
// A search on disk, to go on with when the machine or the patience ended. One file a search: who it
// is of, what the search knows, and a hash of all of it. A reader sees the file before or the file
// after, whenever the program is killed; one that is cut short or of another search is refused.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace knotcheck::checker {

// What a checkpoint is called until it is whole, after its own name.
inline constexpr char kUnfinished[] = ".new";

// Writes FILE.new, which Finish() makes FILE. What goes wrong on the way is told by Finish(), once.
class CheckpointWriter {
 public:
  // `identity`: all that the states and their order depend on, as text.
  CheckpointWriter(std::string file, absl::string_view identity);
  ~CheckpointWriter();
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;

  void Bytes(const void* data, size_t bytes);
  template <class T>
  void Put(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    Bytes(&value, sizeof(value));
  }
  template <class T>
  void PutAll(const std::vector<T>& values) {
    static_assert(std::is_trivially_copyable_v<T>);
    Put(uint64_t{values.size()});
    Bytes(values.data(), values.size() * sizeof(T));
  }
  // Unavailable, with the file's name and the system's reason; then the old file is still there.
  absl::Status Finish();

 private:
  // The buffer to the file, and into the hash.
  void Flush();

  std::string file_, temporary_;
  std::FILE* out_ = nullptr;
  std::vector<char> buffer_;
  uint64_t hash_;
  absl::Status status_;
};

class CheckpointReader {
 public:
  // Reads the whole file once, to see that it is whole. NotFound; InvalidArgument: it is none, is
  // cut short, was written by another version or is of another search, and how.
  static absl::StatusOr<std::unique_ptr<CheckpointReader>> Open(const std::string& file,
                                                                absl::string_view identity);
  ~CheckpointReader();
  CheckpointReader(const CheckpointReader&) = delete;
  CheckpointReader& operator=(const CheckpointReader&) = delete;

  // In the order in which they were written. A read beyond the end is an internal error.
  void Bytes(void* data, size_t bytes);
  template <class T>
  T Get() {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    Bytes(&value, sizeof(value));
    return value;
  }
  template <class T>
  std::vector<T> GetAll() {
    static_assert(std::is_trivially_copyable_v<T>);
    std::vector<T> values(Get<uint64_t>());
    Bytes(values.data(), values.size() * sizeof(T));
    return values;
  }

 private:
  CheckpointReader() = default;
  std::FILE* in_ = nullptr;
};

}  // namespace knotcheck::checker
