// SPDX-License-Identifier: Apache-2.0

#include "base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/text.h"

namespace knotcheck::base {
namespace {

constexpr mode_t kNewFileMode = 0666;  // before the umask

absl::Status SystemError(const std::string& path, absl::string_view what, int error) {
  const std::string message = absl::StrCat(Ascii(path), ": ", what, ": ", std::strerror(error));
  return error == ENOENT ? absl::NotFoundError(message) : absl::UnavailableError(message);
}

// Closes its descriptor on every way out; Close() for those who want to know how that went.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int Close() { return ::close(std::exchange(fd_, -1)); }

 private:
  int fd_;
};

// 0 or errno.
int WriteAll(int fd, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return 0;
}

absl::Status WriteInPlace(const std::string& path, absl::string_view bytes) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (file.get() < 0) return SystemError(path, "cannot be opened for writing", errno);
  if (const int error = WriteAll(file.get(), bytes); error != 0) {
    return SystemError(path, "cannot be written", error);
  }
  return file.Close() == 0 ? absl::OkStatus() : SystemError(path, "cannot be written", errno);
}

// The directory of a path, with its slash, and how the names of temporary files for it begin.
std::pair<std::string, std::string> TemporaryFor(const std::string& path) {
  const size_t name = path.rfind('/') + 1;
  return {path.substr(0, name), absl::StrCat(".", path.substr(name, 200), ".")};
}

// Whether this is the rest of a temporary file's name ("PID.NUMBER.tmp"), of no process that runs.
bool IsAbandoned(absl::string_view rest) {
  if (!absl::ConsumeSuffix(&rest, ".tmp")) return false;
  const std::vector<absl::string_view> numbers = absl::StrSplit(rest, '.');
  int pid = 0;
  int number = 0;
  return numbers.size() == 2 && absl::SimpleAtoi(numbers[0], &pid) && pid > 0 &&
         absl::SimpleAtoi(numbers[1], &number) && ::kill(pid, 0) != 0 && errno == ESRCH;
}

// Takes away what writers of `path` left that were killed. The age is for those whose processes
// cannot be seen from here.
void RemoveAbandoned(const std::string& path) {
  constexpr auto kOld = std::chrono::minutes(1);
  namespace fs = std::filesystem;
  const auto [directory, begin] = TemporaryFor(path);
  std::error_code error;
  fs::directory_iterator at(directory.empty() ? "." : directory, error);
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    const std::string name = at->path().filename().string();
    absl::string_view rest = name;
    if (!absl::ConsumePrefix(&rest, begin) || !IsAbandoned(rest)) continue;
    std::error_code gone;
    const auto written = fs::last_write_time(at->path(), gone);
    if (!gone && fs::file_time_type::clock::now() - written > kOld) fs::remove(at->path(), gone);
  }
}

// A new file beside `path`, so that rename() stays on one file system.
int OpenTemporary(const std::string& path, std::string* temporary) {
  RemoveAbandoned(path);
  const auto [directory, begin] = TemporaryFor(path);
  for (int i = 0; i < 100; ++i) {
    *temporary = absl::StrCat(directory, begin, ::getpid(), ".", i, ".tmp");
    const int fd =
        ::open(temporary->c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kNewFileMode);
    if (fd >= 0 || errno != EEXIST) return fd;
  }
  return -1;
}

// The file that a symbolic link names; rename() would replace the link instead.
std::string Resolved(const std::string& path) {
  std::error_code error;
  const auto target = std::filesystem::canonical(path, error);
  return error ? path : target.string();
}

enum class Target { kRegular, kSpecial, kDirectory };

Target TargetAt(const std::string& path, mode_t* mode) {
  struct stat info {};
  if (path.empty() || ::stat(path.c_str(), &info) != 0) return Target::kRegular;
  *mode = info.st_mode & 07777;
  if (S_ISDIR(info.st_mode)) return Target::kDirectory;
  return S_ISREG(info.st_mode) ? Target::kRegular : Target::kSpecial;
}

absl::Status IsDirectory(const std::string& path) {
  return absl::InvalidArgumentError(
      absl::StrCat(Ascii(path), ": found a directory, expected a file"));
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return SystemError(path, "cannot be read", errno);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return SystemError(path, "cannot be read", errno);
  if (S_ISDIR(info.st_mode)) return IsDirectory(path);
  const auto too_large = [&](absl::string_view found) {
    return absl::InvalidArgumentError(
        absl::StrCat(Ascii(path), ": found ", found, " bytes, expected at most ", max_bytes));
  };
  if (S_ISREG(info.st_mode) && static_cast<size_t>(info.st_size) > max_bytes) {
    return too_large(absl::StrCat(info.st_size));
  }
  std::string bytes;
  char buffer[1 << 16];
  while (true) {
    const ssize_t n = ::read(file.get(), buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError(path, "cannot be read", errno);
    if (n == 0) return bytes;
    bytes.append(buffer, static_cast<size_t>(n));
    // A pipe or a growing file does not say how long it is.
    if (bytes.size() > max_bytes) return too_large(absl::StrCat("more than ", max_bytes));
  }
}

absl::Status WriteFile(const std::string& path, absl::string_view bytes) {
  mode_t mode = 0;
  const Target target = TargetAt(path, &mode);
  if (target == Target::kDirectory) return IsDirectory(path);
  if (target == Target::kSpecial) return WriteInPlace(path, bytes);
  const std::string resolved = Resolved(path);
  std::string temporary;
  Descriptor file(OpenTemporary(resolved, &temporary));
  if (file.get() < 0) return SystemError(path, "cannot be created", errno);
  int error = WriteAll(file.get(), bytes);
  // An existing file keeps its permissions.
  if (error == 0 && mode != 0 && ::fchmod(file.get(), mode) != 0) error = errno;
  if (error == 0 && ::fsync(file.get()) != 0) error = errno;
  if (error == 0 && file.Close() != 0) error = errno;
  if (error == 0 && ::rename(temporary.c_str(), resolved.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(temporary.c_str());
    return SystemError(path, "cannot be written", error);
  }
  // The rename itself must reach the disk too; a file system that cannot do that has no better.
  const size_t slash = resolved.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : resolved.substr(0, slash + 1);
  const Descriptor parent(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent.get() >= 0) static_cast<void>(::fsync(parent.get()));
  return absl::OkStatus();
}

absl::Status CheckWritable(const std::string& path) {
  mode_t mode = 0;
  const Target target = TargetAt(path, &mode);
  if (target == Target::kDirectory) return IsDirectory(path);
  if (target == Target::kSpecial) {
    if (::access(path.c_str(), W_OK) == 0) return absl::OkStatus();
    return SystemError(path, "cannot be written", errno);
  }
  std::string temporary;
  const Descriptor file(OpenTemporary(Resolved(path), &temporary));
  if (file.get() < 0) return SystemError(path, "cannot be created", errno);
  ::unlink(temporary.c_str());
  return absl::OkStatus();
}

absl::Status MakeDirectory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return SystemError(path, "cannot be created", error.value());
  if (!std::filesystem::is_directory(path, error)) {
    return absl::InvalidArgumentError(
        absl::StrCat(Ascii(path), ": found a file, expected a directory"));
  }
  return absl::OkStatus();
}

}  // namespace knotcheck::base
