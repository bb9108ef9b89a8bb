// SPDX-License-Identifier: Apache-2.0
//
// "The kvec must outlive the iter": io_uring imports a write's buffer when the request is submitted
// and keeps the iterator while the pipe is full. io_uring_enter() returns, the record with its kvec
// is freed, and the write is tried again when the pipe has room. The fifth register is not used
// without IORING_ENTER_GETEVENTS; it has the buffer's address so that it can be pinned.

#include <linux/io_uring.h>

#include "conform/proposals/pin_args/confirm/confirm.h"

static const char kTest[] = "pin_args_iterator_outlives_record";
enum { kBytes = 1024 };

struct Result {
  unsigned char bytes[kBytes];
  long got;
  int completed;
};
static struct Result* result;
static unsigned char source[kBytes];

// Puts one write of `source` to the pipe into a new ring; the ring's descriptor.
static int MakeRequest(int pipe_end, struct io_uring_params* params, unsigned** cq_tail) {
  const int ring = (int)syscall(SYS_io_uring_setup, 4, params);
  if (ring < 0) return -1;
  const int access = PROT_READ | PROT_WRITE;
  char* const sq = mmap(NULL, params->sq_off.array + params->sq_entries * sizeof(unsigned), access,
                        MAP_SHARED, ring, IORING_OFF_SQ_RING);
  char* const cq =
      mmap(NULL, params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe), access,
           MAP_SHARED, ring, IORING_OFF_CQ_RING);
  struct io_uring_sqe* const sqes = mmap(NULL, params->sq_entries * sizeof(struct io_uring_sqe),
                                         access, MAP_SHARED, ring, IORING_OFF_SQES);
  if (sq == MAP_FAILED || cq == MAP_FAILED || sqes == MAP_FAILED) return -1;
  memset(&sqes[0], 0, sizeof(sqes[0]));
  sqes[0].opcode = IORING_OP_WRITE;
  sqes[0].fd = pipe_end;
  sqes[0].addr = (uintptr_t)source;
  sqes[0].len = kBytes;
  ((unsigned*)(void*)(sq + params->sq_off.array))[0] = 0;
  __atomic_store_n((unsigned*)(void*)(sq + params->sq_off.tail), 1, __ATOMIC_RELEASE);
  *cq_tail = (unsigned*)(void*)(cq + params->cq_off.tail);
  return ring;
}

static void Body(void* data) {
  (void)data;
  int ends[2];
  struct io_uring_params params;
  unsigned* cq_tail = NULL;
  static char full[4096];
  memset(&params, 0, sizeof(params));
  if (pipe2(ends, O_NONBLOCK) != 0) _exit(1);
  while (write(ends[1], full, sizeof(full)) > 0) {
  }
  // A request for a descriptor with O_NONBLOCK would fail and not wait.
  fcntl(ends[1], F_SETFL, 0);
  memset(source, 'P', kBytes);
  const int ring = MakeRequest(ends[1], &params, &cq_tail);
  if (ring < 0) {
    atomic_store(&shared->stage, -1);
    pause();
  }
  shared->ret = syscall(SYS_io_uring_enter, ring, 1, 0, 0, source, 0);
  atomic_store(&shared->stage, 1);
  Await(&shared->go, 1);
  while (read(ends[0], full, sizeof(full)) > 0) {
  }
  for (int i = 0; i < kWaitMs / 2 && __atomic_load_n(cq_tail, __ATOMIC_ACQUIRE) == 0; ++i) {
    usleep(1000);
  }
  result->completed = __atomic_load_n(cq_tail, __ATOMIC_ACQUIRE) != 0;
  result->got = read(ends[0], result->bytes, kBytes);
  atomic_store(&shared->stage, 2);
  pause();
}

int main(void) {
  Begin(kTest);
  result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (result == MAP_FAILED) Die("mmap");
  const int listener = StartTarget(SYS_io_uring_enter, Body, NULL);
  struct pollfd one = {.fd = listener, .events = POLLIN};
  for (int i = 0; i < kWaitMs / 10 && poll(&one, 1, 10) == 0; ++i) {
    if (atomic_load(&shared->stage) < 0) Skip(kTest, "no io_uring");
  }
  const struct seccomp_notif notif = Receive(listener);
  static unsigned char buffer[kBytes];
  struct seccomp_notif_pin_args request = {
      .id = notif.id, .nr_args = 1, .buf_size = kBytes, .buf = (uintptr_t)buffer};
  request.args[0].arg_idx = 4;
  request.args[0].kind = SECCOMP_PIN_FIXED;
  request.args[0].max_bytes = kBytes;
  if (Pin(listener, &request) != 0) Die("PIN_ARGS");
  if (Send(listener, notif.id, CONTINUE_PINNED_FLAGS, 0) != 0) Die("SEND");
  if (!Await(&shared->stage, 1)) Die("io_uring_enter() does not return");
  Note("io_uring_enter() has returned %ld; the write waits for the pipe", shared->ret);
  atomic_store(&shared->go, 1);
  if (!Await(&shared->stage, 2)) Die("the write does not end");
  int other = 0;
  for (long i = 0; i < result->got; ++i) other += result->bytes[i] != buffer[i];
  Note("the pipe got %ld bytes, %d are not those that were pinned", result->got, other);
  // What import_ubuf() gives is restored when the write is tried again, and a kvec cannot be.
  const int warned = Logged("WARNING:", "iov_iter_restore");
  const int freed = Logged("BUG: KASAN:", "use-after-free");
  if (!result->completed && !warned && !freed) Die("the write is not completed");
  Verdict(kTest, other == 0 && result->got == kBytes && !warned && !freed);
}
