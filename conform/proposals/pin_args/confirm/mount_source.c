// SPDX-License-Identifier: Apache-2.0
//
// "CSTRING covers paths": mount(2) of one directory on another. Both paths are pinned, then the
// first one changes. The target says which directory is there.

#include "conform/proposals/pin_args/confirm/confirm.h"

static const char kTest[] = "pin_args_mount_source";
static const char kApproved[] = "/tmp/knot-yes";
static const char kChanged[] = "/tmp/knot-not";
static const char kWhere[] = "/tmp/knot-here";
enum { kPathMost = 64 };

static char* paths;  // the source, and behind it the mount point

static void Body(void* data) {
  (void)data;
  struct stat approved;
  struct stat changed;
  struct stat found;
  if (stat(kApproved, &approved) != 0 || stat(kChanged, &changed) != 0) _exit(1);
  shared->ret = -EPERM;
  if (unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) {
    const long ret = syscall(SYS_mount, paths, paths + kPathMost, NULL, MS_BIND, NULL);
    shared->ret = ret == 0 && stat(kWhere, &found) == 0 ? found.st_ino == changed.st_ino : -errno;
  }
  atomic_store(&shared->stage, 1);
  pause();
}

static void Remove(void) {
  rmdir(kApproved);
  rmdir(kChanged);
  rmdir(kWhere);
}

int main(void) {
  Begin(kTest);
  mkdir("/tmp", 0777);
  mkdir(kApproved, 0755);
  mkdir(kChanged, 0755);
  mkdir(kWhere, 0755);
  paths = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (paths == MAP_FAILED) Die("mmap");
  strcpy(paths, kApproved);
  strcpy(paths + kPathMost, kWhere);
  const int listener = StartTarget(SYS_mount, Body, NULL);
  const struct seccomp_notif notif = Receive(listener);
  char buffer[2 * kPathMost];
  struct seccomp_notif_pin_args request = {
      .id = notif.id, .nr_args = 2, .buf_size = sizeof(buffer), .buf = (uintptr_t)buffer};
  for (uint8_t i = 0; i < 2; ++i) {
    request.args[i].arg_idx = i;
    request.args[i].kind = SECCOMP_PIN_CSTRING;
    request.args[i].max_bytes = kPathMost;
  }
  if (Pin(listener, &request) != 0) Die("PIN_ARGS");
  Note("the supervisor is shown '%s' and '%s'", buffer, buffer + request.args[1].buf_offset);
  strcpy(paths, kChanged);
  if (Send(listener, notif.id, CONTINUE_PINNED_FLAGS, 0) != 0) Die("SEND");
  if (!Await(&shared->stage, 1)) Die("mount() does not return");
  Remove();
  if (shared->ret < 0) {
    errno = (int)-shared->ret;
    Die("mount");
  }
  Note("mounted is '%s'", shared->ret == 0 ? kApproved : kChanged);
  EndTarget();
  Remove();
  Verdict(kTest, shared->ret == 0);
}
