// SPDX-License-Identifier: Apache-2.0

#include "conform/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/text.h"

namespace knotcheck::conform {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTickMilliseconds = 100;
constexpr size_t kMaxErrors = 1 << 20;
constexpr size_t kMaxOutput = size_t{256} << 20;

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { Reset(); }
  int get() const { return fd_; }
  void Reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_;
};

absl::Status SystemError(const char* call, int error) {
  return absl::UnavailableError(absl::StrCat(call, ": ", std::strerror(error)));
}

// Both ends above the descriptors that a child is given, so that dup2() there overwrites none.
absl::Status MakePipe(Fd* reader, Fd* writer) {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return SystemError("pipe2", errno);
  const Fd low_reader(fds[0]);
  const Fd low_writer(fds[1]);
  reader->Reset(::fcntl(low_reader.get(), F_DUPFD_CLOEXEC, kProcessFile + 1));
  writer->Reset(::fcntl(low_writer.get(), F_DUPFD_CLOEXEC, kProcessFile + 1));
  if (reader->get() < 0 || writer->get() < 0) return SystemError("fcntl", errno);
  return absl::OkStatus();
}

struct ChildFds {
  int input, output, errors, file, failure;
};

// Between fork() and exec(): only calls that are safe in a signal handler.
[[noreturn]] void Child(char* const* argv, const ChildFds& fds, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  bool ok = ::dup2(fds.input, STDIN_FILENO) >= 0 && ::dup2(fds.output, STDOUT_FILENO) >= 0 &&
            ::dup2(fds.errors, STDERR_FILENO) >= 0;
  if (fds.file >= 0) ok = ok && ::dup2(fds.file, kProcessFile) >= 0;
  // The caller's handlers and mask are not the program's.
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::signal(SIGINT, SIG_DFL);
  if (ok) ::execvp(argv[0], argv);
  const int error = errno;
  const ssize_t written = ::write(fds.failure, &error, sizeof(error));
  ::_exit(written == sizeof(error) ? 127 : 126);
}

// One read: how many bytes there were, 0 at the end of the stream, -1 if there is nothing now.
template <typename Take>
ssize_t ReadSome(int fd, const Take& take) {
  char buffer[1 << 16];
  ssize_t n = 0;
  do {
    n = ::read(fd, buffer, sizeof(buffer));
  } while (n < 0 && errno == EINTR);
  if (n > 0) take(std::string_view(buffer, static_cast<size_t>(n)));
  return n;
}

// The program itself is reaped last: until then nobody else can have its number.
int KillGroup(pid_t pid) {
  ::kill(-pid, SIGKILL);
  ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

std::string Seconds(std::chrono::milliseconds limit) {
  return limit.count() % 1000 == 0 ? absl::StrCat(limit.count() / 1000, " s")
                                   : absl::StrCat(limit.count(), " ms");
}

}  // namespace

absl::StatusOr<ProcessResult> RunProcess(const ProcessOptions& options) {
  Fd output_reader, output_writer, errors_reader, errors_writer, failure_reader, failure_writer;
  for (const auto& [reader, writer] :
       {std::pair(&output_reader, &output_writer), std::pair(&errors_reader, &errors_writer),
        std::pair(&failure_reader, &failure_writer)}) {
    if (const absl::Status status = MakePipe(reader, writer); !status.ok()) return status;
  }
  Fd input(options.input >= 0 ? ::fcntl(options.input, F_DUPFD_CLOEXEC, kProcessFile + 1)
                              : ::open("/dev/null", O_RDONLY | O_CLOEXEC));
  Fd file(options.file >= 0 ? ::fcntl(options.file, F_DUPFD_CLOEXEC, kProcessFile + 1) : -1);
  if (input.get() < 0 || (options.file >= 0 && file.get() < 0)) return SystemError("open", errno);

  std::vector<char*> argv;
  for (const std::string& word : options.argv) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return SystemError("fork", errno);
  if (pid == 0) {
    Child(argv.data(),
          {input.get(), output_writer.get(), errors_writer.get(), file.get(), failure_writer.get()},
          parent);
  }
  ::setpgid(pid, pid);  // in both, as either may be first
  output_writer.Reset();
  errors_writer.Reset();
  failure_writer.Reset();
  int error = 0;
  ssize_t n = 0;
  do {
    n = ::read(failure_reader.get(), &error, sizeof(error));
  } while (n < 0 && errno == EINTR);
  if (n == sizeof(error)) {
    KillGroup(pid);
    const std::string message =
        absl::StrCat(base::Ascii(options.argv[0]), ": cannot be run: ", std::strerror(error));
    return error == ENOENT ? absl::NotFoundError(message) : absl::UnavailableError(message);
  }

  const Fd ended(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (ended.get() < 0) {
    const int refused = errno;
    KillGroup(pid);
    return SystemError("pidfd_open", refused);
  }
  ::fcntl(output_reader.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(errors_reader.get(), F_SETFL, O_NONBLOCK);

  ProcessResult result;
  size_t written = 0;
  const auto take_output = [&](std::string_view bytes) {
    written += bytes.size();
    if (written <= kMaxOutput && options.output) options.output(bytes);
  };
  const auto take_errors = [&](std::string_view bytes) {
    result.errors.append(bytes.substr(0, kMaxErrors - std::min(kMaxErrors, result.errors.size())));
  };
  const auto deadline = Clock::now() + options.limit;
  pollfd fds[] = {
      {ended.get(), POLLIN, 0}, {output_reader.get(), POLLIN, 0}, {errors_reader.get(), POLLIN, 0}};
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) {
      result.stopped = absl::StrCat(kTimeLimit, Seconds(options.limit));
    } else if (options.interrupted != nullptr && options.interrupted->load()) {
      result.stopped = kInterrupted;
    } else if (written > kMaxOutput) {
      result.stopped = absl::StrCat("more than ", kMaxOutput >> 20, " MiB of output");
    } else if (options.enough) {
      result.stopped = options.enough();
    }
    if (!result.stopped.empty()) break;
    if (::poll(fds, 3, static_cast<int>(std::min<int64_t>(left, kTickMilliseconds))) < 0 &&
        errno != EINTR) {
      result.stopped = absl::StrCat("poll: ", std::strerror(errno));
      break;
    }
    if (fds[1].revents != 0 && ReadSome(output_reader.get(), take_output) == 0) fds[1].fd = -1;
    if (fds[2].revents != 0 && ReadSome(errors_reader.get(), take_errors) == 0) fds[2].fd = -1;
    if (fds[0].revents != 0) break;
  }
  result.status = KillGroup(pid);
  // What it wrote before it ended still stands in the pipes. A child that left the group may go on
  // writing, hence the bound.
  for (int i = 0; i < 64 && ReadSome(output_reader.get(), take_output) > 0; ++i) {
  }
  for (int i = 0; i < 64 && ReadSome(errors_reader.get(), take_errors) > 0; ++i) {
  }
  return result;
}

std::string DescribeStatus(const std::string& what, int status) {
  if (WIFSIGNALED(status)) return absl::StrCat(what, " was killed by signal ", WTERMSIG(status));
  return absl::StrCat(what, " ended with status ", WEXITSTATUS(status));
}

absl::StatusOr<int> MemoryFile(const char* name, std::string_view bytes) {
  Fd file(::memfd_create(name, MFD_CLOEXEC));
  if (file.get() < 0) return SystemError("memfd_create", errno);
  while (!bytes.empty()) {
    const ssize_t n = ::write(file.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError("write to memory", errno);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return SystemError("lseek", errno);
  const int fd = ::fcntl(file.get(), F_DUPFD_CLOEXEC, kProcessFile + 1);
  return fd >= 0 ? absl::StatusOr<int>(fd) : SystemError("fcntl", errno);
}

}  // namespace knotcheck::conform
