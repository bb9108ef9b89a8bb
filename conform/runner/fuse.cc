// SPDX-License-Identifier: Apache-2.0

#include "conform/runner/fuse.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <vector>

#include "conform/runner/target.h"

namespace knotcheck::runner {
namespace {

constexpr unsigned kMaxWrite = 1 << 16;
constexpr double kForEver = 3600;
constexpr int kArmLimitMs = 2000;

// The server of one file, the root of its file system, in its own process.
class Server {
 public:
  Server(Control* control, int object, uint64_t bytes)
      : served_(control->served[object]), control_(control), content_(bytes) {}

  // Until the file system is gone. `fd` is that of /dev/fuse, mounted already.
  void Run(int fd) {
    fuse_lowlevel_ops operations = {};
    operations.init = [](void*, fuse_conn_info* connection) { connection->max_write = kMaxWrite; };
    operations.getattr = [](fuse_req_t request, fuse_ino_t, fuse_file_info*) {
      Of(request).ReplyAttributes(request);
    };
    operations.setattr = [](fuse_req_t request, fuse_ino_t, struct stat*, int, fuse_file_info*) {
      Of(request).ReplyAttributes(request);
    };
    operations.open = [](fuse_req_t request, fuse_ino_t, fuse_file_info* file) {
      file->keep_cache = 1;
      fuse_reply_open(request, file);
    };
    operations.read = [](fuse_req_t request, fuse_ino_t, size_t size, off_t offset,
                         fuse_file_info*) {
      Of(request).Read(request, size, static_cast<uint64_t>(offset));
    };
    operations.write = [](fuse_req_t request, fuse_ino_t, const char* bytes, size_t size,
                          off_t offset, fuse_file_info*) {
      Of(request).Write(request, bytes, size, static_cast<uint64_t>(offset));
    };
    char name[] = "knot_runner";
    char* argv[] = {name, nullptr};
    fuse_args arguments = FUSE_ARGS_INIT(1, argv);
    session_ = fuse_session_new(&arguments, &operations, sizeof(operations), this);
    // libfuse takes a descriptor in place of a mount point. It would not mount a file as a root.
    if (session_ == nullptr ||
        fuse_session_mount(session_, ("/dev/fd/" + std::to_string(fd)).c_str()) != 0) {
      return;
    }
    pthread_t thread;
    pthread_create(&thread, nullptr, DropCaches, this);
    fuse_session_loop(session_);
  }

 private:
  static Server& Of(fuse_req_t request) {
    return *static_cast<Server*>(fuse_req_userdata(request));
  }

  // A thread of its own: dropping dirty pages writes them, which the other thread must serve.
  static void* DropCaches(void* argument) {
    auto* const server = static_cast<Server*>(argument);
    for (uint32_t dropped = 0;; ++dropped) {
      while (server->served_.arm.load() == dropped) FutexWait(&server->served_.arm, dropped);
      // Nothing cached is as good as dropped.
      const int error = fuse_lowlevel_notify_inval_inode(server->session_, FUSE_ROOT_ID, 0, 0);
      if (error != 0 && error != -ENOENT) return nullptr;
      server->served_.hold = 1;
      server->served_.armed = dropped + 1;
      Changed(server->control_);
    }
  }

  void ReplyAttributes(fuse_req_t request) const {
    struct stat status = {};
    status.st_ino = FUSE_ROOT_ID;
    status.st_size = static_cast<off_t>(content_.size());
    status.st_mode = S_IFREG | 0600;
    status.st_nlink = 1;
    status.st_blksize = 4096;
    fuse_reply_attr(request, &status, kForEver);
  }

  void Read(fuse_req_t request, uint64_t size, uint64_t offset) {
    if (served_.hold.load() != 0) {
      served_.waiting = 1;
      Changed(control_);
      while (served_.hold.load() != 0) FutexWait(&served_.hold, 1);
      served_.waiting = 0;
    }
    const uint64_t from = std::min<uint64_t>(offset, content_.size());
    fuse_reply_buf(request, content_.data() + from,
                   std::min<uint64_t>(size, content_.size() - from));
  }

  void Write(fuse_req_t request, const char* bytes, uint64_t size, uint64_t offset) {
    if (offset > content_.size() || size > content_.size() - offset) {
      fuse_reply_err(request, EFBIG);
      return;
    }
    std::memcpy(content_.data() + offset, bytes, size);
    fuse_reply_write(request, size);
  }

  Control::Served& served_;
  Control* control_;
  fuse_session* session_ = nullptr;
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
    Server(control, object, bytes).Run(fd);
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
