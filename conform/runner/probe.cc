// SPDX-License-Identifier: Apache-2.0

#include "conform/runner/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <functional>
#include <vector>

#include "conform/runner/hold.h"
#include "conform/runner/observe.h"
#include "conform/runner/park.h"
#include "conform/runner/room.h"
#include "conform/runner/session.h"
#include "conform/runner/uapi.h"

namespace knotcheck::runner {
namespace {

constexpr int64_t kProbeLimitMs = 5000;

// Asks in a process of its own, which is as a plan's; it ends with what it has changed.
std::string Ask(const std::function<std::string()>& question) {
  char* const answer = static_cast<char*>(
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (answer == MAP_FAILED) return "no memory";
  std::string reason;
  const int status = InNamespaces(
      [&] {
        std::snprintf(answer, 4096, "%s", question().c_str());
        return 0;
      },
      kProbeLimitMs, &reason);
  if (status == 0) reason = answer;
  if (status != 0 && reason.empty()) reason = "the probe took too long";
  munmap(answer, 4096);
  return reason;
}

std::string Failed(const char* what) { return std::string(what) + ": " + std::strerror(errno); }

// A listener of a filter that allows everything; -1 and errno on failure.
int Listener(unsigned long flags) {
  sock_filter allow = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
  const sock_fprog program = {1, &allow};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return static_cast<int>(
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | kFlagNewListener, &program));
}

}  // namespace

std::string AskIoctl(unsigned long command, const void* argument) {
  const int listener = Listener(0);
  if (listener < 0) return Failed("no user notification");
  if (ioctl(listener, command, argument) == 0 || errno == ENOENT) return "";
  return Failed("the ioctl is unknown");
}

namespace {

std::string AskAddfd() {
  const seccomp_notif_addfd request = {1, 0, STDOUT_FILENO, 0, 0};
  return AskIoctl(kIoctlAddfd, &request);
}

std::string AskWaitKillable() {
  return Listener(kFlagWaitKillable) < 0 ? Failed("the flag is refused") : "";
}

std::string AskHold() {
  std::string reason;
  return OpenHold(&reason) ? "" : reason;
}

std::string AskPark() {
  std::string reason;
  return OpenPark(&reason) ? "" : reason;
}

std::string AskFuse() {
  const int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  return fd < 0 ? Failed("/dev/fuse") : "";
}

}  // namespace

std::map<std::string, std::string> Probe() {
  utsname name = {};
  uname(&name);
  PrintLine(std::string("probe release ") + name.release);
  PrintLine(std::string("probe machine ") + name.machine);
  cpu_set_t allowed;
  const bool known = sched_getaffinity(0, sizeof(allowed), &allowed) == 0;
  PrintLine("probe processors " + std::to_string(known ? CPU_COUNT(&allowed) : 1));
  PrintLine(std::string("probe root ") + (geteuid() == 0 ? "yes" : "no"));
  std::map<std::string, std::string> missing;
  missing["root"] = geteuid() == 0 ? "" : "not root";
  std::vector<std::pair<const char*, std::function<std::string()>>> questions = {
      {"hold", AskHold},
      {"park", AskPark},
      {"fuse", AskFuse},
      {"addfd", AskAddfd},
      {"wait_killable", AskWaitKillable}};
  for (const Room* room : Rooms()) questions.emplace_back(room->name, room->missing);
  for (const auto& [need, question] : questions) {
    missing[need] = Ask(question);
    PrintLine(std::string("probe ") + need + " " +
              (missing[need].empty() ? "yes" : "no " + missing[need]));
  }
  return missing;
}

}  // namespace knotcheck::runner
