// SPDX-License-Identifier: Apache-2.0

#include "conform/runner/report.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "conform/runner/actor.h"
#include "conform/runner/layout.h"

namespace knotcheck::runner {
namespace {

struct Place {
  int task = -1;
  int depth = 0;
};

// Which task this process was: the one of its process that was in an execve.
Place FindPlace(const Plan& plan, Control* control) {
  for (int task = 0; task < static_cast<int>(plan.tasks.size()); ++task) {
    Slot& slot = control->slot[task];
    if (slot.pid.load() != getpid()) continue;
    for (const int depth : {1, 0}) {
      const Level& level = slot.level[depth];
      const Task& t = plan.tasks[static_cast<size_t>(task)];
      const Script& script = depth == 0 ? t.script : t.handler_script;
      if (level.phase.load() != Phase::kRunning) continue;
      const Op& op = script[static_cast<size_t>(level.op)];
      if (op.code != Code::kCall) continue;
      if (op.nr == SYS_execve || op.nr == SYS_execveat) return {task, depth};
      // The outer call is not the one that has executed this program.
      break;
    }
  }
  return {};
}

// Below its own root.
std::string PathOfProgram() {
  char path[4096];
  const ssize_t size = readlinkat(kProcFd, "self/exe", path, sizeof(path));
  return size > 0 ? std::string(path, static_cast<size_t>(size)) : "";
}

void Report(const Place& place, const std::string& path, int argc, char** argv) {
  Slot& slot = world.control->slot[place.task];
  Level& level = slot.level[place.depth];
  if (!path.empty()) {
    AddText(&level, "used=");
    AddHex(&level, path.data(), path.size());
  }
  AddText(&level, "argv=");
  for (int i = 0; i < argc; ++i) {
    if (i > 0) AddText(&level, ",");
    AddHex(&level, argv[i], std::strlen(argv[i]));
  }
  level.ret = 0;
}

// The other threads of the process are gone.
void Bury(const Plan& plan, int survivor) {
  for (int task = 0; task < static_cast<int>(plan.tasks.size()); ++task) {
    Slot& slot = world.control->slot[task];
    if (task != survivor && slot.pid.load() == getpid()) slot.life = Life::kGone;
  }
}

Place place;

void GoOn(void*) {
  Slot& slot = world.control->slot[place.task];
  Level& level = slot.level[place.depth];
  slot.tid = static_cast<int32_t>(Own(SYS_gettid));
  slot.executing = 0;
  EndExecuted(place.task, place.depth);
  RunTask(place.task, level.op + 1, place.depth);
}

}  // namespace

void ReportIfExecuted(int argc, char** argv) {
  struct stat status;
  if (fstat(kControlFd, &status) != 0 || static_cast<uint64_t>(status.st_size) != sizeof(Control)) {
    return;
  }
  void* const memory =
      mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, kControlFd, 0);
  if (memory == MAP_FAILED) return;
  auto* const control = static_cast<Control*>(memory);
  if (control->magic != kMagic) return;
  static std::vector<Plan> plans;
  std::string error;
  if (!ReadPlans(std::string(control->text, control->text_bytes), "plan", &plans, &error) ||
      plans.size() != 1 || !MapStacks()) {
    _exit(1);
  }
  world.plan = &plans[0];
  world.control = control;
  struct stat root;
  if (stat("/", &root) == 0) world.root_device = root.st_dev;
  place = FindPlace(plans[0], control);
  if (place.task < 0) _exit(1);
  Bury(plans[0], place.task);
  const std::string path = PathOfProgram();
  if (!MapImage(plans[0], path)) _exit(1);
  // What had a handler has none now, and what was ignored still is.
  Report(place, path, argc, argv);
  knot_on_stack(StackTop(place.task), GoOn, nullptr);
}

}  // namespace knotcheck::runner
