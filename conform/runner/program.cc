// SPDX-License-Identifier: Apache-2.0

#include "conform/runner/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "conform/runner/observe.h"
#include "conform/runner/session.h"

namespace knotcheck::runner {
namespace {

constexpr int kOverLimit = 2;
constexpr int64_t kSlackMs = 5000;
// A program that writes without end is ended as one that runs without end.
constexpr size_t kMaxOutput = size_t{16} << 20;
// What is longer than this becomes several lines.
constexpr size_t kMaxLine = 4096;
constexpr int kCannotExecute = 127;

std::string Printable(const std::string& bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && byte != '\\') {
      text += c;
    } else {
      text += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return text;
}

// Prints what a program writes, line by line.
class Output {
 public:
  explicit Output(int fd) : fd_(fd) {}

  // Takes what is there; false at its end.
  bool Read() {
    char bytes[4096];
    const ssize_t size = read(fd_, bytes, sizeof(bytes));
    if (size < 0) return errno == EINTR || errno == EAGAIN;
    total_ += static_cast<size_t>(size);
    for (ssize_t i = 0; i < size; ++i) {
      if (bytes[i] != '\n') line_ += bytes[i];
      if (bytes[i] == '\n' || line_.size() == kMaxLine) Print();
    }
    return size > 0;
  }

  bool TooMuch() const { return total_ > kMaxOutput; }

  void Finish() {
    if (!line_.empty()) Print();
  }

 private:
  void Print() {
    PrintLine("out " + Printable(line_));
    line_.clear();
  }

  int fd_;
  size_t total_ = 0;
  std::string line_;
};

[[noreturn]] void Execute(const Plan& plan, int program, int output) {
  setpgid(0, 0);
  const int null = open("/dev/null", O_RDWR);
  dup2(null, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  if (null > STDERR_FILENO) close(null);
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  std::vector<char*> argv;
  for (const std::string& word : plan.program) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  char path[] = "PATH=/bin:/usr/bin";
  char* environment[] = {path, nullptr};
  fexecve(program, argv.data(), environment);
  if (errno == ENOENT) {
    // A script's interpreter opens it by its descriptor.
    fcntl(program, F_SETFD, 0);
    fexecve(program, argv.data(), environment);
  }
  dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
  _exit(kCannotExecute);
}

// As the first process of the namespaces.
int Body(const Plan& plan, int program) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return 1;
  const int64_t until = Now() + static_cast<int64_t>(plan.limit_ms);
  const pid_t pid = fork();
  if (pid < 0) return 1;
  if (pid == 0) Execute(plan, program, ends[1]);
  close(ends[1]);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  Output output(ends[0]);
  bool open = true;
  int status = 0;
  bool ended = false;
  // A process that the program leaves behind may keep the pipe open, or the program may close it.
  while (!ended && Now() < until && !output.TooMuch()) {
    pollfd one = {open ? ends[0] : -1, POLLIN, 0};
    poll(&one, 1, 20);
    if (one.revents != 0) open = output.Read();
    for (pid_t child = 1; child > 0;) {
      int how = 0;
      child = waitpid(-1, &how, WNOHANG);
      if (child == pid) status = how;
      if (child == pid) ended = true;
    }
  }
  kill(-1, SIGKILL);
  while (waitpid(-1, nullptr, __WALL) > 0 || errno == EINTR) {
  }
  while (open && !output.TooMuch()) {
    errno = 0;
    open = output.Read() && errno != EAGAIN;
  }
  output.Finish();
  if (!ended) return kOverLimit;
  PrintLine(WIFSIGNALED(status) ? "killed " + std::to_string(WTERMSIG(status))
                                : "exit " + std::to_string(WEXITSTATUS(status)));
  return 0;
}

}  // namespace

std::string RunProgram(const Plan& plan) {
  const char* const path = plan.program[0].c_str();
  // Before /tmp is another one.
  const int program = open(path, O_RDONLY | O_CLOEXEC);
  if (program < 0) return "broken " + plan.program[0] + ": " + strerror(errno);
  std::string reason;
  const auto limit = static_cast<int64_t>(plan.limit_ms) + kSlackMs;
  const int status = InNamespaces([&] { return Body(plan, program); }, limit, &reason);
  close(program);
  if (status == 0) return "ok";
  if (status == kOverLimit) return "limit";
  return "broken " + (reason.empty() ? "status " + std::to_string(status) : reason);
}

bool IsTrue() {
  // Not argv[0], which is whatever the caller says.
  const auto* const path = reinterpret_cast<const char*>(getauxval(AT_EXECFN));
  if (path == nullptr) return false;
  const char* const slash = strrchr(path, '/');
  return strcmp(slash == nullptr ? path : slash + 1, "true") == 0;
}

}  // namespace knotcheck::runner
