// SPDX-License-Identifier: Apache-2.0
//
// The bodies of system calls, fetch by fetch: what each reads from user memory, word by word, and
// where a proposal may serve the fetch instead.

#include <algorithm>

#include "model/kernel/kernel.h"
#include "model/kernel/locals.h"

namespace knotcheck::model {
namespace {

constexpr int kCopied = 3;

int LowestFreeFd(const Kernel& k) {
  const uint8_t* files = k.s->files[k.me().files];
  for (int fd = 0; fd < k.p.nofile[k.me().files]; ++fd) {
    if (files[fd] == kNoFile) return fd;
  }
  return -kEMFILE;
}

// fdget() of the call's descriptor argument, which is argument 0.
uint8_t LookUpFd(Kernel& k) {
  const int fd = k.ScalarArg(0) + (k.Has(Toggle::k_mutate_fd_slot) ? 1 : 0);
  const uint8_t file = fd >= 0 && fd < kMaxFds ? k.s->files[k.me().files][fd] : 0;
  if ((k.me().ghost & kGhostApproved) && k.me().ghost_file != kNoFile) {
    k.Raise(Event::kFdUsed);
    if (file != k.me().ghost_file) {
      k.Raise(Event::kFdOther);
      k.Note("fd {} is no longer the file that it was when the call was approved", fd);
    }
  }
  return file == kReserved ? static_cast<uint8_t>(kNoFile) : file;
}

int WordsOf(int bytes) { return std::min((bytes + 7) / 8, kCopied); }

// The part of a word that a copy of `bytes` bytes covers.
Value Covered(const Kernel& k, Value value, int w, int bytes) {
  const int left = bytes - 8 * w;
  if (value == kUninit || left >= 8) return value;
  return k.p.truncated[value][static_cast<size_t>(left)];
}

}  // namespace

Flow getname_flags(Kernel& k) {
  auto& l = k.Locals<CopyLocals>();
  FUNCTION_BEGIN;
  if (k.proposal.getname_flags != nullptr) {
    CALL_HOOK(l.hook, k.proposal.getname_flags(k, l.role));
    if (k.Served(l.hook)) return k.Return(k.ret);
  }
  // result = __getname()
  if (k.MayFailAllocation()) {
    STEP("result = __getname()", kBudget);
    if (!k.Allocate()) return k.Return(-kENOMEM);
  }
  for (l.w = 0; l.w < kCopied; ++l.w) {
    STEP("len = strncpy_from_user(kname, filename, EMBEDDED_NAME_MAX)", kReadsMemory);
    const auto word = k.ReadUser(k.cur, k.PointerArg(SyscallOf(k.op().nr).roles[l.role].arg), l.w);
    if (!word.mapped) return k.Return(-kEFAULT);
    k.me().copied[l.w] = word.value;
    k.Note("reads {}", k.ValueText(word.value));
    k.Fetched(l.role, 0, l.w, word.value, true);
    if (k.p.values[word.value].has_nul) break;
  }
  // The empty path is special.
  if (k.me().copied[0] == kZero) return k.Return(-kENOENT);
  return k.Return(0);
  FUNCTION_END;
}

Flow do_sys_openat2(Kernel& k) {
  auto& l = k.Locals<ExitLocals>();
  FUNCTION_BEGIN;
  CALL(k.Push<CopyLocals>(Fn::k_getname_flags).role = 0);
  if (k.ret < 0) return k.Return(k.ret);
  STEP("fd = get_unused_fd_flags(how->flags)", kFiles);
  {
    const int fd = LowestFreeFd(k);
    if (fd < 0) return k.Return(fd);
    l.hook = static_cast<uint8_t>(fd);
    k.s->files[k.me().files][fd] = kReserved;
  }
  STEP("fd_install(fd, do_filp_open(dfd, tmp, &op))", kFiles);
  k.ActsOn(k.me().copied, kCopied);
  k.Note("opens {} as fd {}", k.ValueText(k.me().copied[0]), static_cast<int>(l.hook));
  k.s->files[k.me().files][l.hook] = kOpened;
  return k.Return(l.hook);
  FUNCTION_END;
}

Flow move_addr_to_kernel(Kernel& k) {
  auto& l = k.Locals<CopyLocals>();
  FUNCTION_BEGIN;
  {
    const int ulen = k.ScalarArg(2);
    if (ulen < 0 || ulen > 128) return k.Return(-kEINVAL);
    if (ulen == 0) return k.Return(0);
  }
  // struct sockaddr_storage address, on the caller's stack
  for (Value& v : k.me().copied) v = kUninit;
  if (k.proposal.move_addr_to_kernel != nullptr) {
    CALL_HOOK(l.hook, k.proposal.move_addr_to_kernel(k, l.role));
    if (k.Served(l.hook)) return k.Return(k.ret);
  }
  for (l.w = 0; l.w < WordsOf(k.ScalarArg(2)); ++l.w) {
    STEP("copy_from_user(kaddr, uaddr, ulen)", kReadsMemory);
    const auto word = k.ReadUser(k.cur, k.PointerArg(SyscallOf(k.op().nr).roles[l.role].arg), l.w);
    if (!word.mapped) return k.Return(-kEFAULT);
    k.me().copied[l.w] = Covered(k, word.value, l.w, k.ScalarArg(2));
    k.Note("reads {}", k.ValueText(k.me().copied[l.w]));
    k.Fetched(l.role, 0, l.w, k.me().copied[l.w], true);
  }
  return k.Return(0);
  FUNCTION_END;
}

Flow __sys_bind(Kernel& k) {
  FUNCTION_BEGIN;
  STEP("sock = sockfd_lookup_light(fd, &err, &fput_needed)", kFiles);
  {
    const uint8_t file = LookUpFd(k);
    if (file == kNoFile) return k.Return(-kEBADF);
    if (file != kSocket && file != kGiven) return k.Return(-kENOTSOCK);
  }
  CALL(k.Push<CopyLocals>(Fn::k_move_addr_to_kernel).role = 0);
  if (k.ret < 0) return k.Return(k.ret);
  STEP("sock->ops->bind(sock, &address, addrlen)", kNothing);
  k.ActsOn(k.me().copied, WordsOf(k.ScalarArg(2)));
  k.Note("binds {}", k.ValueText(k.me().copied[0]));
  return k.Return(0);
  FUNCTION_END;
}

Flow ksys_write(Kernel& k) {
  auto& l = k.Locals<ReadWriteLocals>();
  FUNCTION_BEGIN;
  STEP("f = fdget_pos(fd)", kFiles);
  {
    const uint8_t file = LookUpFd(k);
    if (file == kNoFile) return k.Return(-kEBADF);
    l.words = static_cast<uint8_t>(WordsOf(k.ScalarArg(2)));
    // vfs_write(): file->f_op->write, or else new_sync_write(), which imports the buffer.
    l.legacy = file == kLegacy;
  }
  if (!l.legacy && k.proposal.import_ubuf != nullptr) {
    CALL_HOOK(l.hook, k.proposal.import_ubuf(k, 0));
    if (k.Served(l.hook)) {
      k.ActsOn(k.me().copied, l.words);
      return k.Return(k.ret);
    }
  }
  if (l.legacy && k.proposal.vfs_write != nullptr) {
    CALL_HOOK(l.hook, k.proposal.vfs_write(k, 0));
    if (k.Served(l.hook)) return k.Return(k.ret);
  }
  for (l.w = 0; l.w < l.words; ++l.w) {
    STEP("copy_from_iter(kaddr, bytes, i)", kReadsMemory);
    const auto word = k.ReadUser(k.cur, k.PointerArg(1), l.w);
    if (!word.mapped) return k.Return(l.w == 0 ? -kEFAULT : 8 * l.w);
    k.me().copied[l.w] = Covered(k, word.value, l.w, k.ScalarArg(2));
    k.Note("writes {}", k.ValueText(k.me().copied[l.w]));
    k.Fetched(0, 0, l.w, k.me().copied[l.w], true);
  }
  k.ActsOn(k.me().copied, l.words);
  return k.Return(k.ScalarArg(2));
  FUNCTION_END;
}

Flow ksys_read(Kernel& k) {
  auto& l = k.Locals<ReadWriteLocals>();
  FUNCTION_BEGIN;
  STEP("f = fdget_pos(fd)", kFiles);
  {
    const uint8_t file = LookUpFd(k);
    if (file == kNoFile) return k.Return(-kEBADF);
    l.words = static_cast<uint8_t>(WordsOf(k.ScalarArg(2)));
    l.legacy = file == kLegacy;
  }
  if (!l.legacy && k.proposal.import_ubuf != nullptr) {
    CALL_HOOK(l.hook, k.proposal.import_ubuf(k, 0));
    if (k.Served(l.hook)) {
      k.Raise(Event::kReadBody);
      if (k.ret > 0) {
        k.Raise(Event::kReadMissed);
        k.Note("returns {}, but the caller's buffer is unchanged", static_cast<int>(k.ret));
      }
      return k.Return(k.ret);
    }
  }
  for (l.w = 0; l.w < l.words; ++l.w) {
    STEP("copy_to_iter(kaddr, bytes, i)", kStoresMemory);
    if (k.Has(Toggle::k_mutate_read_elsewhere)) {
      k.Raise(Event::kReadMissed);
    } else if (!k.WriteUser(k.cur, k.PointerArg(1), l.w, kZero)) {
      return k.Return(l.w == 0 ? -kEFAULT : 8 * l.w);
    }
    k.Note("a word of the file goes to the buffer");
    k.Raise(Event::kReadBody);
  }
  return k.Return(k.ScalarArg(2));
  FUNCTION_END;
}

Flow do_close(Kernel& k) {
  FUNCTION_BEGIN;
  STEP("file = file_close_fd(fd)", kFiles);
  {
    const int fd = k.ScalarArg(0);
    uint8_t* files = k.s->files[k.me().files];
    if (fd < 0 || fd >= kMaxFds || files[fd] == kNoFile || files[fd] == kReserved) {
      return k.Return(-kEBADF);
    }
    files[fd] = kNoFile;
  }
  return k.Return(0);
  FUNCTION_END;
}

Flow do_dup2(Kernel& k) {
  FUNCTION_BEGIN;
  STEP("do_dup2(files, file, newfd, flags)", kFiles);
  {
    const int oldfd = k.ScalarArg(0);
    const int newfd = k.ScalarArg(1);
    uint8_t* files = k.s->files[k.me().files];
    if (newfd < 0 || newfd >= k.p.nofile[k.me().files]) return k.Return(-kEBADF);
    if (oldfd < 0 || oldfd >= kMaxFds || files[oldfd] == kNoFile || files[oldfd] == kReserved) {
      return k.Return(-kEBADF);
    }
    if (files[newfd] == kReserved) return k.Return(-kEBUSY);
    files[newfd] = files[oldfd];
    return k.Return(newfd);
  }
  FUNCTION_END;
}

}  // namespace knotcheck::model
