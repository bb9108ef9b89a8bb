// SPDX-License-Identifier: Apache-2.0

#include "conform/runner/observe.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>

namespace knotcheck::runner {

bool in_guest = false;

namespace {

// How long an executed program may take from the end of its thread's old number to its first word:
// less than a second, after which the kernel lets held tasks run.
int64_t NewImageMs() { return in_guest ? 600 : 100; }

// A file of a task in /proc; empty if the task is gone.
std::string ReadTaskFile(int pid, int tid, const char* name) {
  char path[64];
  std::snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", pid, tid, name);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return "";
  char text[4096];
  const ssize_t size = read(fd, text, sizeof(text));
  close(fd);
  return size > 0 ? std::string(text, static_cast<size_t>(size)) : "";
}

char StateOf(int pid, int tid) {
  const std::string stat = ReadTaskFile(pid, tid, "stat");
  const size_t name = stat.rfind(')');
  return name == std::string::npos || name + 2 >= stat.size() ? 'X' : stat[name + 2];
}

bool IsEnd(char state) { return state == 'X' || state == 'Z' || state == 'x'; }

}  // namespace

uint64_t SwitchesOf(const Slot& slot) {
  const std::string status = ReadTaskFile(slot.pid.load(), slot.tid.load(), "status");
  uint64_t sum = 0;
  for (const char* key : {"\nvoluntary_ctxt_switches:", "\nnonvoluntary_ctxt_switches:"}) {
    const size_t at = status.find(key);
    if (at != std::string::npos) {
      sum += std::strtoull(status.c_str() + at + std::strlen(key), nullptr, 10);
    }
  }
  return sum;
}

bool IsDead(const Slot& slot) {
  const Life life = slot.life.load();
  if (life != Life::kAlive) return life == Life::kGone;
  const int pid = slot.pid.load();
  if (IsEnd(StateOf(pid, slot.tid.load()))) {
    if (slot.executing.load() == 0 || IsEnd(StateOf(pid, pid))) return true;
    // A thread that executes a program takes over the number of its process, and the new image says
    // so when it starts. One that was killed meanwhile never does.
    static std::map<const Slot*, int64_t> gone_since;
    const int64_t since = gone_since.emplace(&slot, Now()).first->second;
    return Now() - since > NewImageMs();
  }
  return false;
}

bool IsInOperation(const Slot& slot) {
  return slot.level[LevelOf(slot)].phase.load() == Phase::kRunning;
}

bool IsAsleep(const Slot& slot, uint64_t* switches) {
  if (slot.life.load() != Life::kAlive || !IsInOperation(slot)) return false;
  const char state = StateOf(slot.pid.load(), slot.tid.load());
  if (state != 'S' && state != 'D') return false;
  if (switches != nullptr) *switches = SwitchesOf(slot);
  return IsInOperation(slot);
}

bool SleepsOn(const Slot& slot, long milliseconds) {
  const Level& level = slot.level[LevelOf(slot)];
  const uint32_t completed = level.completed.load();
  uint64_t before = 0;
  uint64_t after = 0;
  if (!IsAsleep(slot, &before)) return false;
  usleep(static_cast<useconds_t>(milliseconds * 1000));
  return IsAsleep(slot, &after) && before == after && completed == level.completed.load();
}

int64_t Now() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void AwaitEvent(Control* control, long microseconds) {
  FutexWait(&control->events, control->events.load(), microseconds * 1000);
}

void PrintLine(const std::string& line) {
  const std::string text = (in_guest ? "KNOT " : "") + line + "\n";
  for (size_t at = 0; at < text.size();) {
    const ssize_t size = write(STDOUT_FILENO, text.data() + at, text.size() - at);
    if (size <= 0) return;
    at += static_cast<size_t>(size);
  }
}

}  // namespace knotcheck::runner
