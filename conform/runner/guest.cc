// SPDX-License-Identifier: Apache-2.0

#include "conform/runner/guest.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conform/runner/observe.h"

namespace knotcheck::runner {
namespace {

// What is not there is reported by the probes that need it.
void Mount(const char* type, const char* where) {
  mkdir(where, 0755);
  mount(type, where, type, 0, nullptr);
}

}  // namespace

void SetUpGuest() {
  in_guest = true;
  Mount("proc", "/proc");
  Mount("sysfs", "/sys");
  Mount("devtmpfs", "/dev");
  Mount("tmpfs", "/tmp");
  Mount("cgroup2", "/sys/fs/cgroup");
  const int console = open("/dev/console", O_RDWR);
  for (int fd = 0; console >= 0 && fd <= 2; ++fd) dup2(console, fd);
  if (console > 2) close(console);
  // `hold` keeps a processor busy for longer than real-time tasks may otherwise.
  const int runtime = open("/proc/sys/kernel/sched_rt_runtime_us", O_WRONLY);
  if (runtime >= 0) {
    if (write(runtime, "-1", 2) != 2) PrintLine("# sched_rt_runtime_us stays as it is");
    close(runtime);
  }
}

void EndGuest() {
  PrintLine("bye");
  sync();
  reboot(RB_POWER_OFF);
  for (;;) pause();
}

}  // namespace knotcheck::runner
