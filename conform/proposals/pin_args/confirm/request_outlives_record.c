// SPDX-License-Identifier: Apache-2.0
//
// "this struct lives until syscall exit, which is after the iter is fully consumed": io_submit()
// queues an O_DIRECT write whose buffer is at the pinned register's address. The file is on a FUSE
// file system that this program serves, and it asks for the request only when the call has
// returned. The kernel then copies from the record, which was freed on the way to user mode.

#include <linux/aio_abi.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sys/ipc.h>
#include <sys/msg.h>

#include "conform/proposals/pin_args/confirm/confirm.h"

static const char kTest[] = "pin_args_request_outlives_record";
static const char kWhere[] = "/tmp/confirm_fuse";
enum { kBytes = 1024, kMessages = 256, kFileBytes = 1 << 16, kFileNode = 2 };

static int fuse;
static atomic_int stop;
static atomic_int written;  // bytes of the WRITE that came
static unsigned char content[kBytes];
// Held while requests are read.
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void Reply(uint64_t unique, int error, const void* body, size_t bytes) {
  unsigned char message[512];
  const struct fuse_out_header header = {
      .len = (uint32_t)(sizeof(header) + bytes), .error = error, .unique = unique};
  memcpy(message, &header, sizeof(header));
  if (bytes > 0) memcpy(message + sizeof(header), body, bytes);
  if (write(fuse, message, header.len) < 0) Note("/dev/fuse: %s", strerror(errno));
}

static struct fuse_attr Attributes(uint64_t node) {
  const struct fuse_attr attr = {.ino = node,
                                 .size = node == kFileNode ? kFileBytes : 0,
                                 .mode = node == kFileNode ? S_IFREG | 0644 : S_IFDIR | 0755,
                                 .nlink = 1,
                                 .blksize = 4096};
  return attr;
}

static void Serve(const unsigned char* message) {
  struct fuse_in_header in;
  memcpy(&in, message, sizeof(in));
  switch (in.opcode) {
    case FUSE_INIT: {
      const struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION,
                                        .minor = 31,
                                        .max_readahead = 4096,
                                        .flags = FUSE_ASYNC_DIO,
                                        .max_background = 16,
                                        .congestion_threshold = 12,
                                        .max_write = 1 << 16};
      return Reply(in.unique, 0, &out, sizeof(out));
    }
    case FUSE_LOOKUP: {
      const struct fuse_entry_out out = {.nodeid = kFileNode,
                                         .entry_valid = 100,
                                         .attr_valid = 100,
                                         .attr = Attributes(kFileNode)};
      return Reply(in.unique, 0, &out, sizeof(out));
    }
    case FUSE_GETATTR:
    case FUSE_SETATTR: {
      const struct fuse_attr_out out = {.attr_valid = 100, .attr = Attributes(in.nodeid)};
      return Reply(in.unique, 0, &out, sizeof(out));
    }
    case FUSE_OPEN: {
      const struct fuse_open_out out = {.fh = 1, .open_flags = FOPEN_DIRECT_IO};
      return Reply(in.unique, 0, &out, sizeof(out));
    }
    case FUSE_WRITE: {
      struct fuse_write_in write_in;
      memcpy(&write_in, message + sizeof(in), sizeof(write_in));
      const struct fuse_write_out out = {.size = write_in.size};
      const uint32_t size = write_in.size < kBytes ? write_in.size : kBytes;
      memcpy(content, message + sizeof(in) + sizeof(write_in), size);
      atomic_store(&written, (int)size);
      return Reply(in.unique, 0, &out, sizeof(out));
    }
    case FUSE_RELEASE:
      return Reply(in.unique, 0, NULL, 0);
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
      return;
    default:
      return Reply(in.unique, -ENOSYS, NULL, 0);
  }
}

static void* Server(void* data) {
  (void)data;
  static unsigned char message[1 << 18];
  while (atomic_load(&stop) == 0) {
    pthread_mutex_lock(&gate);
    struct pollfd one = {.fd = fuse, .events = POLLIN};
    if (poll(&one, 1, 10) == 1) {
      const ssize_t size = read(fuse, message, sizeof(message));
      if (size >= (ssize_t)sizeof(struct fuse_in_header)) Serve(message);
    }
    pthread_mutex_unlock(&gate);
    usleep(1000);
  }
  return NULL;
}

struct Work {
  aio_context_t context;
  int fd;
  struct iocb iocb;
  // The table of iocbs: its address is the register's, and the request's buffer.
  union {
    struct iocb* iocbs[1];
    unsigned char bytes[kBytes];
  } table;
};

static void Body(void* data) {
  struct Work* const work = data;
  if (syscall(SYS_io_setup, 4, &work->context) != 0) _exit(1);
  shared->ret = syscall(SYS_io_submit, work->context, 1, work->table.iocbs);
  atomic_store(&shared->stage, 1);
  Await(&shared->go, 1);
  struct io_event event;
  struct timespec limit = {5, 0};
  const long done = syscall(SYS_io_getevents, work->context, 1, 1, &event, &limit);
  shared->ret = done == 1 ? (long)event.res : -ETIMEDOUT;
  atomic_store(&shared->stage, 2);
  pause();
}

// Other owners of memory of the record's size, if it is free.
static int Spray(int queues[]) {
  struct {
    long type;
    unsigned char bytes[kBytes - 48];
  } message = {.type = 1};
  memset(message.bytes, 'S', sizeof(message.bytes));
  int count = 0;
  for (int i = 0; i < kMessages; ++i) {
    queues[count] = msgget(IPC_PRIVATE, 0600);
    if (queues[count] < 0) break;
    msgsnd(queues[count], &message, sizeof(message.bytes), IPC_NOWAIT);
    ++count;
  }
  return count;
}

int main(void) {
  Begin(kTest);
  if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
    Skip(kTest, "no mount namespace");
  }
  fuse = open("/dev/fuse", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fuse < 0) Skip(kTest, "no /dev/fuse");
  char options[128];
  snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
  mkdir(kWhere, 0755);
  if (mount("confirm", kWhere, "fuse", 0, options) != 0) Skip(kTest, "FUSE cannot be mounted");
  pthread_t server;
  if (pthread_create(&server, NULL, Server, NULL) != 0) Die("pthread_create");
  char path[64];
  snprintf(path, sizeof(path), "%s/file", kWhere);
  static struct Work work;
  work.fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
  if (work.fd < 0) {
    umount2(kWhere, MNT_FORCE | MNT_DETACH);
    Die("the file on FUSE");
  }
  // The first close() of it asks for FLUSH, and none does after ENOSYS: at the end of this program
  // nobody would answer.
  close(dup(work.fd));
  memset(work.table.bytes, 'P', kBytes);
  work.table.iocbs[0] = &work.iocb;
  work.iocb.aio_lio_opcode = IOCB_CMD_PWRITE;
  work.iocb.aio_fildes = (uint32_t)work.fd;
  work.iocb.aio_buf = (uintptr_t)&work.table;
  work.iocb.aio_nbytes = kBytes;

  const int listener = StartTarget(SYS_io_submit, Body, &work);
  const struct seccomp_notif notif = Receive(listener);
  static unsigned char buffer[kBytes];
  struct seccomp_notif_pin_args request = {
      .id = notif.id, .nr_args = 1, .buf_size = kBytes, .buf = (uintptr_t)buffer};
  request.args[0].arg_idx = 2;
  request.args[0].kind = SECCOMP_PIN_FIXED;
  request.args[0].max_bytes = kBytes;
  if (Pin(listener, &request) != 0) Die("PIN_ARGS");
  pthread_mutex_lock(&gate);
  if (Send(listener, notif.id, CONTINUE_PINNED_FLAGS, 0) != 0) Die("SEND");
  if (!Await(&shared->stage, 1)) Die("io_submit() does not return");
  Note("io_submit() has returned %ld; the request is still queued", shared->ret);
  int queues[kMessages];
  const int count = Spray(queues);
  pthread_mutex_unlock(&gate);
  for (int i = 0; i < kWaitMs && atomic_load(&written) == 0; ++i) usleep(1000);
  atomic_store(&shared->go, 1);
  Await(&shared->stage, 2);
  for (int i = 0; i < count; ++i) msgctl(queues[i], IPC_RMID, NULL);
  const int bytes = atomic_load(&written);
  int other = 0;
  int sprayed = 0;
  for (int i = 0; i < bytes; ++i) {
    other += content[i] != buffer[i];
    sprayed += content[i] == 'S';
  }
  Note("the server got %d bytes; the request ends with %ld", bytes, shared->ret);
  Note("%d are not those that were pinned, %d of them are another owner's", other, sprayed);
  const int reported = Logged("BUG: KASAN:", "use-after-free");
  EndTarget();
  atomic_store(&stop, 1);
  pthread_join(server, NULL);
  umount2(kWhere, MNT_FORCE | MNT_DETACH);
  rmdir(kWhere);
  if (bytes == 0) Die("the request never came");
  Verdict(kTest, other == 0 && !reported);
}
