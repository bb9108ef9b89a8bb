// SPDX-License-Identifier: Apache-2.0
//
// "tagged GFP_KERNEL_ACCOUNT so the trapped task's memcg pays the cost": supervisor and target in
// two groups, and a record of 1 MiB.

#include "conform/proposals/pin_args/confirm/confirm.h"

static const char kTest[] = "pin_args_charge";
static const char kSupervisor[] = "confirm_charge_supervisor";
static const char kTarget[] = "confirm_charge_target";
static char content[kMiB];
static char buffer[kMiB];

static void Body(void* data) {
  (void)data;
  if (!EnterGroup(kTarget, 0)) atomic_store(&shared->stage, -1);
  memset(content, 'T', sizeof(content));
  if (atomic_load(&shared->stage) == 0) atomic_store(&shared->stage, 1);
  shared->ret = syscall(SYS_pwrite64, -1, content, sizeof(content), 0);
  pause();
}

int main(void) {
  Begin(kTest);
  if (!EnterGroup(kSupervisor, 0)) Skip(kTest, "no memory control groups at /sys/fs/cgroup");
  const int listener = StartTarget(SYS_pwrite64, Body, NULL);
  const struct seccomp_notif notif = Receive(listener);
  if (atomic_load(&shared->stage) != 1) Die("the target's control group");
  struct seccomp_notif_pin_args request = {
      .id = notif.id, .nr_args = 1, .buf_size = sizeof(buffer), .buf = (uintptr_t)buffer};
  request.args[0].arg_idx = 1;
  request.args[0].kind = SECCOMP_PIN_FIXED;
  request.args[0].max_bytes = kMiB;
  // After the fork: what is written later is not copied any more.
  memset(buffer, 'S', sizeof(buffer));
  const long supervisor = GroupBytes(kSupervisor);
  const long target = GroupBytes(kTarget);
  if (Pin(listener, &request) != 0) Die("PIN_ARGS");
  const long supervisor_after = GroupBytes(kSupervisor);
  const long target_after = GroupBytes(kTarget);
  if (supervisor < 0 || target < 0 || supervisor_after < 0 || target_after < 0) {
    Die("memory.current of the groups");
  }
  const long supervisor_pays = supervisor_after - supervisor;
  const long target_pays = target_after - target;
  Note("a record of %u bytes is attached to the target", request.args[0].actual_size);
  Note("memory.current of the supervisor's group grew by %ld KiB", supervisor_pays / 1024);
  Note("memory.current of the target's group grew by %ld KiB", target_pays / 1024);
  Send(listener, notif.id, 0, -EACCES);
  EndTarget();
  LeaveGroup(kSupervisor);
  LeaveGroup(kTarget);
  // Charges are taken in batches of up to 256 KiB for each processor.
  Verdict(kTest, target_pays >= kMiB / 2 && supervisor_pays < kMiB / 2);
}
