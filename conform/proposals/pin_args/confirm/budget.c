// SPDX-License-Identifier: Apache-2.0
//
// "total cumulative bytes per request are bounded at a hardcoded 1 MiB": a request of six strings
// with max_bytes of 1 MiB each, and what it costs.

#include "conform/proposals/pin_args/confirm/confirm.h"

static const char kTest[] = "pin_args_budget";
static const char kGroup[] = "confirm_budget";
static char path[] = "/nothing";
static char buffer[kMiB];

static void Body(void* data) {
  (void)data;
  shared->ret = open(path, O_RDONLY);
  atomic_store(&shared->stage, 1);
  pause();
}

int main(void) {
  Begin(kTest);
  const int grouped = EnterGroup(kGroup, 0);
  const int listener = StartTarget(SYS_openat, Body, NULL);
  const struct seccomp_notif notif = Receive(listener);
  memset(buffer, 1, sizeof(buffer));
  struct seccomp_notif_pin_args request = {
      .id = notif.id, .nr_args = 6, .buf_size = sizeof(buffer), .buf = (uintptr_t)buffer};
  for (int i = 0; i < 6; ++i) {
    request.args[i].arg_idx = 1;
    request.args[i].kind = SECCOMP_PIN_CSTRING;
    request.args[i].max_bytes = kMiB;
  }
  const long before = GroupBytes(kGroup);
  const int ret = Pin(listener, &request);
  const int error = errno;
  const long after = GroupBytes(kGroup);
  Note("six descriptors, max_bytes 1 MiB each: PIN_ARGS says %s", ret ? strerror(error) : "0");
  for (int i = 0; ret == 0 && i < 6; ++i) Note("actual_size %u", request.args[i].actual_size);
  if (grouped) {
    Note("memory.current grew by %ld KiB", (after - before) / 1024);
  } else {
    Note("no memory control group here: what it costs is not known");
  }
  Send(listener, notif.id, 0, -EACCES);
  LeaveGroup(kGroup);
  Verdict(kTest, ret != 0);
}
