// SPDX-License-Identifier: Apache-2.0
//
// "FIXED copies exactly max_bytes": bind() of an address whose record is shorter. What
// getsockname() shows behind it is the kernel's stack.

#include <sys/socket.h>
#include <sys/un.h>

#include "conform/proposals/pin_args/confirm/confirm.h"

static const char kTest[] = "pin_args_sockaddr_on_old_stack";
enum { kPinned = 3 };  // the family, and the NUL of an abstract name

static struct sockaddr_un seen;
static struct sockaddr_un* result;

static void Bind(int fd, char fill) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memset(address.sun_path + 1, fill, sizeof(address.sun_path) - 1);
  shared->ret = bind(fd, (struct sockaddr*)&address, sizeof(address)) == 0 ? 0 : -errno;
}

static void Body(void* data) {
  (void)data;
  const int first = socket(AF_UNIX, SOCK_STREAM, 0);
  Bind(first, 'K');
  close(first);
  const int second = socket(AF_UNIX, SOCK_STREAM, 0);
  Bind(second, 'T');
  socklen_t size = sizeof(*result);
  if (shared->ret == 0) getsockname(second, (struct sockaddr*)result, &size);
  atomic_store(&shared->stage, 1);
  pause();
}

int main(void) {
  Begin(kTest);
  result = mmap(NULL, sizeof(seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (result == MAP_FAILED) Die("mmap");
  const int listener = StartTarget(SYS_bind, Body, NULL);
  struct seccomp_notif notif = Receive(listener);
  if (Send(listener, notif.id, SECCOMP_USER_NOTIF_FLAG_CONTINUE, 0) != 0) Die("SEND");
  notif = Receive(listener);
  char buffer[kPinned];
  struct seccomp_notif_pin_args request = {
      .id = notif.id, .nr_args = 1, .buf_size = kPinned, .buf = (uintptr_t)buffer};
  request.args[0].arg_idx = 1;
  request.args[0].kind = SECCOMP_PIN_FIXED;
  request.args[0].max_bytes = kPinned;
  if (Pin(listener, &request) != 0) Die("PIN_ARGS");
  if (Send(listener, notif.id, CONTINUE_PINNED_FLAGS, 0) != 0) Die("SEND");
  if (!Await(&shared->stage, 1)) Die("bind() does not return");
  Note("bind() of %zu bytes of which %u are pinned says %ld", sizeof(seen),
       request.args[0].actual_size, shared->ret);
  if (shared->ret != 0) Verdict(kTest, 1);
  memcpy(&seen, result, sizeof(seen));
  const unsigned char* const bytes = (const unsigned char*)&seen;
  int own = 0;
  int old = 0;
  int zero = 0;
  int pointers = 0;
  for (size_t i = kPinned; i < sizeof(seen); ++i) {
    own += bytes[i] == 'T';
    old += bytes[i] == 'K';
    zero += bytes[i] == 0;
  }
  for (size_t i = 8; i + 8 <= sizeof(seen); i += 8) {
    uint64_t word;
    memcpy(&word, bytes + i, sizeof(word));
    pointers += word >> 47 == 0x1ffff && ~word != 0;
  }
  const int rest = (int)sizeof(seen) - kPinned;
  Note(
      "of the %d bytes behind the record, getsockname() shows %d that the target wrote for this "
      "call",
      rest, own);
  Note("%d are of an earlier bind(), %d are zero, %d are neither", old, zero,
       rest - own - old - zero);
  Note("%d words of 8 bytes look like addresses of the kernel", pointers);
  // Zeroed stacks, or a kernel that fails or fills up, give none of the others.
  Verdict(kTest, own + zero == rest);
}
