// SPDX-License-Identifier: Apache-2.0
//
// fs/file.c and fs/file_table.c: descriptors, and what becomes of the files that they named.

#include "model/kernel/files.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "model/ghost/probes.h"
#include "model/kernel/locals.h"
#include "model/kernel/toggles.h"

namespace knotcheck::model {

int get_unused_fd_flags(Kernel& k) {
  FilesTable& files = k.s->files[k.me().files];
  for (int fd = 0; fd < k.p.nofile[k.me().files]; ++fd) {
    if (files[fd] != kNoFile) continue;
    files[fd] = kReserved;
    return fd;
  }
  return -kEMFILE;
}

int receive_fd(Kernel& k) {
  const int new_fd = get_unused_fd_flags(k);
  if (new_fd < 0) return new_fd;
  // fd_install(new_fd, get_file(file))
  k.s->files[k.me().files][new_fd] = kGiven;
  return new_fd;
}

int receive_fd_replace(Kernel& k, int new_fd) {
  // replace_fd()
  FilesTable& files = k.s->files[k.me().files];
  if (new_fd >= k.p.nofile[k.me().files]) return -kEBADF;
  if (files[new_fd] == kReserved) return -kEBUSY;
  k.FileClosed(std::exchange(files[new_fd], uint8_t{kGiven}));
  return new_fd;
}

bool LooksUp(const Kernel& k, const CallFd& fd, bool relative) {
  const bool cwd = k.ScalarArg(fd.arg) == kAtFdcwd;
  switch (fd.when) {
    case CallFd::When::kAlways:
      return true;
    case CallFd::When::kNotMinusOne:
      return k.ScalarArg(fd.arg) != -1;
    case CallFd::When::kNotCwd:
      return !cwd;
    case CallFd::When::kRelative:
    case CallFd::When::kRelativeOrEmpty:
      return relative && !cwd;
    case CallFd::When::kRelativeOrNull:
      return (relative && !cwd) || k.RoleAddress(fd.path) == kZero;
    case CallFd::When::kEmptyPath:
      return false;
  }
  return false;
}

bool IsEmpty(const Kernel& k, Value first) {
  return first != kUninit && k.p.values[first].bytes[0] == 0;
}

bool IsRelative(const Kernel& k, Value first) {
  return first != kUninit && k.p.values[first].bytes[0] != '/';
}

uint8_t LookUpFd(Kernel& k, size_t index) {
  const CallFd& looked_up = SyscallOf(k.Number()).fds[index];
  const int fd = k.ScalarArg(looked_up.arg) + (k.Has(Mutation::fd_slot) ? 1 : 0);
  uint8_t file = fd >= 0 && fd < kMaxFds ? k.s->files[k.me().files][fd] : 0;
  if (file == kReserved) file = kNoFile;
  ghost::LookedUp(k, index, fd, file);
  return file;
}

Flow fdget(Kernel& k) {
  auto& l = k.Locals<FdgetLocals>();
  FUNCTION_BEGIN;
  STEP("CLASS(fd, f)(fd)", kFiles);
  return k.Return(LookUpFd(k, l.fd) == kNoFile ? -kEBADF : 0);
  FUNCTION_END;
}

Flow do_close(Kernel& k) {
  FUNCTION_BEGIN;
  STEP("file = file_close_fd(fd)", kFiles | kChains);
  {
    const int fd = k.ScalarArg(0);
    const uint8_t file = LookUpFd(k, 0);
    if (file == kNoFile || fd < 0) return k.Return(-kEBADF);
    k.s->files[k.me().files][fd] = kNoFile;
    k.FileClosed(file);
  }
  if (k.me().fput != 0) {
    STEP("__fput_sync(file)", kChains);
    k.ReleaseFiles();
  }
  return k.Return(0);
  FUNCTION_END;
}

Flow do_dup2(Kernel& k) {
  FUNCTION_BEGIN;
  // sys_dup2(): looks at no limit.
  if (k.ScalarArg(0) == k.ScalarArg(1)) {
    STEP("f = __fget_files_rcu(files, oldfd, 0)", kFiles);
    return k.Return(LookUpFd(k, 0) == kNoFile ? -kEBADF : k.ScalarArg(0));
  }
  STEP("do_dup2(files, file, newfd, flags)", kFiles | kChains);
  {
    const int newfd = k.ScalarArg(1);
    FilesTable& files = k.s->files[k.me().files];
    if (newfd < 0 || newfd >= k.p.nofile[k.me().files]) return k.Return(-kEBADF);
    const uint8_t file = LookUpFd(k, 0);
    if (file == kNoFile) return k.Return(-kEBADF);
    if (files[newfd] == kReserved) return k.Return(-kEBUSY);
    k.FileClosed(std::exchange(files[newfd], file));
    return k.Return(newfd);
  }
  FUNCTION_END;
}

void Kernel::FileClosed(uint8_t file) {
  if (file <= kMaxFile) return;
  for (size_t t = 0; t < p.tasks.size(); ++t) {
    const Task& task = s->tasks[t];
    if (p.tasks[t].kind == TaskKind::kSupervisor) continue;
    if (task.status != kAlive && task.status != kExiting) continue;
    const FilesTable& files = s->files[task.files];
    if (std::find(files.begin(), files.end(), file) != files.end()) return;
  }
  me().fput |= static_cast<uint8_t>(1u << (file - kMaxFile - 1));
}

void Kernel::ReleaseFiles() {
  for (size_t filter = 1; filter < s->layout().filters; ++filter) {
    if (!(me().fput >> (filter - 1) & 1)) continue;
    s->filters[filter].listens = 0;
    Note("the listener is closed");
  }
  me().fput = 0;
}

uint8_t Kernel::OpenFile() const {
  uint64_t named = ghost::FilesKnown(*this);
  for (const uint8_t file : s->files[me().files]) named |= uint64_t{1} << file;
  const int file = std::countr_one(named >> kOpened) + kOpened;
  KNOT_CHECK(file <= kMaxFile);
  return static_cast<uint8_t>(file);
}

}  // namespace knotcheck::model
