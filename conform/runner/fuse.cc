// SPDX-License-Identifier: Apache-2.0

#include "conform/runner/fuse.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <vector>

#include "conform/runner/target.h"

namespace knotcheck::runner {
namespace {

constexpr size_t kRequestBytes = (1 << 17) + FUSE_MIN_READ_BUFFER;
constexpr uint32_t kMaxWrite = 1 << 16;
constexpr int kArmLimitMs = 2000;

// The server of one file, in its own process.
class Server {
 public:
  Server(Control* control, int object, int fd, uint64_t bytes)
      : served_(control->served[object]), control_(control), fd_(fd), content_(bytes) {}

  void Run() {
    pthread_t thread;
    pthread_create(&thread, nullptr, DropCaches, this);
    std::vector<char> request(kRequestBytes);
    for (;;) {
      const ssize_t size = read(fd_, request.data(), request.size());
      if (size < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN)) continue;
      if (size < static_cast<ssize_t>(sizeof(fuse_in_header))) return;
      fuse_in_header header;
      std::memcpy(&header, request.data(), sizeof(header));
      Serve(header, request.data() + sizeof(header));
    }
  }

 private:
  // A thread of its own: dropping dirty pages writes them, which the other thread must serve.
  static void* DropCaches(void* argument) {
    auto* const server = static_cast<Server*>(argument);
    for (uint32_t dropped = 0;; ++dropped) {
      while (server->served_.arm.load() == dropped) FutexWait(&server->served_.arm, dropped);
      fuse_out_header header = {};
      header.error = FUSE_NOTIFY_INVAL_INODE;
      fuse_notify_inval_inode_out inode = {};
      inode.ino = FUSE_ROOT_ID;
      header.len = sizeof(header) + sizeof(inode);
      const iovec parts[] = {{&header, sizeof(header)}, {&inode, sizeof(inode)}};
      // Nothing cached is as good as dropped.
      if (writev(server->fd_, parts, 2) < 0 && errno != ENOENT) return nullptr;
      server->served_.hold = 1;
      server->served_.armed = dropped + 1;
      Changed(server->control_);
    }
  }

  void Reply(const fuse_in_header& to, int error, const void* data = nullptr, size_t size = 0) {
    fuse_out_header header = {};
    header.unique = to.unique;
    header.error = -error;
    header.len = static_cast<uint32_t>(sizeof(header) + size);
    const iovec parts[] = {{&header, sizeof(header)}, {const_cast<void*>(data), size}};
    // A request that was given up needs no answer.
    if (writev(fd_, parts, size > 0 ? 2 : 1) < 0) return;
  }

  fuse_attr Attributes() const {
    fuse_attr attributes = {};
    attributes.ino = FUSE_ROOT_ID;
    attributes.size = content_.size();
    attributes.mode = S_IFREG | 0600;
    attributes.nlink = 1;
    attributes.blksize = 4096;
    return attributes;
  }

  template <typename Body>
  static Body As(const char* bytes) {
    Body body;
    std::memcpy(&body, bytes, sizeof(body));
    return body;
  }

  void Serve(const fuse_in_header& header, const char* body) {
    switch (header.opcode) {
      case FUSE_INIT: {
        fuse_init_out out = {};
        out.major = FUSE_KERNEL_VERSION;
        out.minor = std::min<uint32_t>(As<fuse_init_in>(body).minor, FUSE_KERNEL_MINOR_VERSION);
        out.flags = FUSE_BIG_WRITES;
        out.max_write = kMaxWrite;
        return Reply(header, 0, &out, sizeof(out));
      }
      case FUSE_GETATTR:
      case FUSE_SETATTR: {
        fuse_attr_out out = {};
        out.attr_valid = 3600;
        out.attr = Attributes();
        return Reply(header, 0, &out, sizeof(out));
      }
      case FUSE_OPEN: {
        fuse_open_out out = {};
        out.open_flags = FOPEN_KEEP_CACHE;
        return Reply(header, 0, &out, sizeof(out));
      }
      case FUSE_READ:
        return Read(header, As<fuse_read_in>(body));
      case FUSE_WRITE:
        return Write(header, As<fuse_write_in>(body), body + sizeof(fuse_write_in));
      case FUSE_FLUSH:
      case FUSE_FSYNC:
      case FUSE_RELEASE:
      case FUSE_ACCESS:
        return Reply(header, 0);
      case FUSE_FORGET:
      case FUSE_BATCH_FORGET:
      case FUSE_INTERRUPT:
        return;
      default:
        return Reply(header, ENOSYS);
    }
  }

  void Read(const fuse_in_header& header, const fuse_read_in& in) {
    if (served_.hold.load() != 0) {
      served_.waiting = 1;
      Changed(control_);
      while (served_.hold.load() != 0) FutexWait(&served_.hold, 1);
      served_.waiting = 0;
    }
    const uint64_t from = std::min<uint64_t>(in.offset, content_.size());
    const uint64_t size = std::min<uint64_t>(in.size, content_.size() - from);
    Reply(header, 0, content_.data() + from, size);
  }

  void Write(const fuse_in_header& header, const fuse_write_in& in, const char* bytes) {
    if (in.offset > content_.size() || in.size > content_.size() - in.offset) {
      return Reply(header, EFBIG);
    }
    std::memcpy(content_.data() + in.offset, bytes, in.size);
    fuse_write_out out = {};
    out.size = in.size;
    Reply(header, 0, &out, sizeof(out));
  }

  Control::Served& served_;
  Control* control_;
  int fd_;
  std::vector<char> content_;
};

}  // namespace

int ServeObject(Control* control, int object, uint64_t bytes, std::string* reason) {
  const auto fail = [&](const char* what) {
    *reason = std::string(what) + ": " + std::strerror(errno);
    return -1;
  };
  const std::string path = std::string(kScratch) + "/object" + std::to_string(object);
  const int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (fd < 0) return fail("/dev/fuse");
  const int point = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (point >= 0) close(point);
  const std::string options = "fd=" + std::to_string(fd) + ",rootmode=100600,user_id=0,group_id=0";
  if (mount("fuse", path.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    return fail("mount FUSE");
  }
  const pid_t pid = fork();
  if (pid < 0) return fail("fork");
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    Server(control, object, fd, bytes).Run();
    _exit(0);
  }
  close(fd);
  const int file = open(path.c_str(), O_RDWR | O_CLOEXEC);
  struct stat status;
  // The kernel asks for the root's size only when somebody wants to know it.
  return file < 0 || fstat(file, &status) != 0 ? fail("open the FUSE file") : file;
}

bool ArmObject(Control* control, int object) {
  Control::Served& served = control->served[object];
  const uint32_t number = served.arm.fetch_add(1) + 1;
  FutexWake(&served.arm);
  for (int i = 0; i < kArmLimitMs && served.armed.load() != number; ++i) {
    const uint32_t events = control->events.load();
    if (served.armed.load() != number) FutexWait(&control->events, events, 1000000);
  }
  return served.armed.load() == number;
}

bool IsObjectHeld(const Control& control, int object) {
  return control.served[object].waiting.load() != 0;
}

void ReleaseObject(Control* control, int object) {
  control->served[object].hold = 0;
  FutexWake(&control->served[object].hold);
}

}  // namespace knotcheck::runner
