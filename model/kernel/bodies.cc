// SPDX-License-Identifier: Apache-2.0
//
// The bodies of system calls, fetch by fetch: what each reads from user memory, word by word, and
// where a proposal may serve the fetch instead.

#include <algorithm>

#include "model/ghost/probes.h"
#include "model/kernel/files.h"
#include "model/kernel/kernel.h"
#include "model/kernel/locals.h"
#include "model/kernel/toggles.h"

namespace knotcheck::model {
namespace {

constexpr int kCopied = 3;

int WordsOf(int bytes) { return std::min((bytes + 7) / 8, kCopied); }

// The part of a word that a copy of `bytes` bytes covers.
Value Covered(const Kernel& k, Value value, int w, int bytes) {
  const int left = bytes - 8 * w;
  if (value == kUninit || left >= 8) return value;
  return k.p.truncated[value][static_cast<size_t>(left)];
}

const std::vector<Role>& RolesOf(const Kernel& k) { return SyscallOf(k.Number()).roles; }

Pass PassOf(Kernel& k) {
  const auto& l = k.Locals<TableLocals>();
  return RolesOf(k)[l.role].passes[l.pass];
}

// What the pass does: a repeated one, what the one before it did.
Pass EffectOf(Kernel& k) {
  const auto& l = k.Locals<TableLocals>();
  const Pass pass = PassOf(k);
  const bool again = pass == Pass::kRetryEstale || pass == Pass::kRestart;
  return again ? RolesOf(k)[l.role].passes[l.pass - 1u] : pass;
}

// Whether an error in the role's copy ends the call later only.
bool IsKept(const Kernel& k, int role) {
  return role >= 0 && RolesOf(k)[static_cast<size_t>(role)].passes[0] == Pass::kErrorKept;
}

const char* PassName(Pass pass) {
  switch (pass) {
    case Pass::kStrncpy:
      return "strncpy_from_user()";
    case Pass::kStrnlen:
      return "strnlen_user()";
    case Pass::kImport:
      return "copy_from_iter()";
    case Pass::kLate:
      return "a read after the call's checks, of";
    default:
      return "copy_from_user()";
  }
}

// The pointers that word w of a role's copy holds for nested roles.
void FollowPointer(Kernel& k, int role, int w, Value value) {
  const auto& roles = RolesOf(k);
  for (size_t r = 0; r < roles.size(); ++r) {
    if (roles[r].parent == role && roles[r].word == w) k.me().nested[r] = value;
  }
}

// Whether a pass over bytes has come to their end. Without a length, what is not mapped has none.
bool AtEnd(const Kernel& k, int role, int w) {
  const Role& r = RolesOf(k)[static_cast<size_t>(role)];
  if (r.IsString()) return false;
  const bool known = r.length_arg >= 0 || k.p.values[k.RoleAddress(role)].object >= 0;
  return known && 8 * w >= k.RoleBytes(role);
}

// A word of a file for the caller's buffer. False: nothing is mapped there.
bool CopyToIter(Kernel& k, int role, int w) {
  if (!k.Has(Mutation::read_elsewhere)) return k.WriteArgument(role, w, kZero);
  static_cast<void>(k.IsMapped(role));
  k.Raise(Event::kReadMissed);
  return true;
}

}  // namespace

Flow getname_flags(Kernel& k) {
  auto& l = k.Locals<CopyLocals>();
  FUNCTION_BEGIN;
  if (k.proposal.getname_flags != nullptr) {
    CALL_HOOK(l.hook, k.proposal.getname_flags(k, l.role));
    if (k.Served(l.hook)) {
      ghost::ServedFrom(k, l.role);
      return k.Return(k.ret);
    }
  }
  // result = __getname()
  if (k.MayFailAllocation()) {
    STEP("result = __getname()", kBudget);
    if (!k.Allocate()) return k.Return(-kENOMEM);
  }
  for (l.w = 0; l.w < kCopied; ++l.w) {
    STEP("len = strncpy_from_user(kname, filename, EMBEDDED_NAME_MAX)", kReadsMemory);
    const auto word = k.ReadArgument(l.role, l.w);
    if (!word.mapped) return k.Return(-kEFAULT);
    k.me().copied[l.w] = word.value;
    k.Note("reads {}", k.ValueText(word.value));
    ghost::Fetched(k, l.role, 0, l.w, word.value, true);
    if (k.p.values[word.value].has_nul) break;
  }
  // The empty path is special.
  if (IsEmpty(k, k.me().copied[0]) && !k.AllowsEmptyName(l.role)) return k.Return(-kENOENT);
  return k.Return(0);
  FUNCTION_END;
}

Flow do_sys_openat2(Kernel& k) {
  auto& l = k.Locals<OpenLocals>();
  FUNCTION_BEGIN;
  CALL(k.Push<CopyLocals>(Fn::k_getname_flags).role = 0);
  if (k.ret < 0) return k.Return(k.ret);
  STEP("fd = get_unused_fd_flags(how->flags)", kFiles);
  {
    const int fd = get_unused_fd_flags(k);
    if (fd < 0) return k.Return(fd);
    l.fd = static_cast<uint8_t>(fd);
  }
  // path_init(): the walk begins at the descriptor. None of the files that there are is a
  // directory.
  if (LooksUp(k, SyscallOf(Nr::kOpenat).fds[0], IsRelative(k, k.me().copied[0]))) {
    STEP("CLASS(fd_raw, f)(nd->dfd)", kFiles);
    l.failed = LookUpFd(k, 0) == kNoFile ? -kEBADF : -kENOTDIR;
    STEP("put_unused_fd(fd)", kFiles);
    k.s->files[k.me().files][l.fd] = kNoFile;
    return k.Return(l.failed);
  }
  STEP("fd_install(fd, do_filp_open(dfd, tmp, &op))", kFiles);
  ghost::ActsOn(k, k.me().copied, kCopied);
  k.Note("opens {} as fd {}", k.ValueText(k.me().copied[0]), static_cast<int>(l.fd));
  k.s->files[k.me().files][l.fd] = k.OpenFile();
  return k.Return(l.fd);
  FUNCTION_END;
}

Flow move_addr_to_kernel(Kernel& k) {
  auto& l = k.Locals<CopyLocals>();
  FUNCTION_BEGIN;
  {
    const int ulen = k.RoleBytes(l.role);
    if (ulen < 0 || ulen > 128) return k.Return(-kEINVAL);
    if (ulen == 0) return k.Return(0);
  }
  // struct sockaddr_storage address, on the caller's stack
  for (Value& v : k.me().copied) v = kUninit;
  if (k.proposal.move_addr_to_kernel != nullptr) {
    CALL_HOOK(l.hook, k.proposal.move_addr_to_kernel(k, l.role));
    if (k.Served(l.hook)) {
      ghost::ServedFrom(k, l.role);
      return k.Return(k.ret);
    }
  }
  for (l.w = 0; l.w < WordsOf(k.RoleBytes(l.role)); ++l.w) {
    STEP("copy_from_user(kaddr, uaddr, ulen)", kReadsMemory);
    const auto word = k.ReadArgument(l.role, l.w);
    if (!word.mapped) return k.Return(-kEFAULT);
    k.me().copied[l.w] = Covered(k, word.value, l.w, k.RoleBytes(l.role));
    k.Note("reads {}", k.ValueText(k.me().copied[l.w]));
    ghost::Fetched(k, l.role, 0, l.w, k.me().copied[l.w], true);
  }
  return k.Return(0);
  FUNCTION_END;
}

Flow __sys_bind(Kernel& k) {
  FUNCTION_BEGIN;
  STEP("sock = sockfd_lookup_light(fd, &err, &fput_needed)", kFiles);
  {
    const uint8_t file = LookUpFd(k, 0);
    if (file == kNoFile) return k.Return(-kEBADF);
    if (file != kSocket && file != kGiven) return k.Return(-kENOTSOCK);
  }
  CALL(k.Push<CopyLocals>(Fn::k_move_addr_to_kernel).role = 0);
  if (k.ret < 0) return k.Return(k.ret);
  STEP("sock->ops->bind(sock, &address, addrlen)", kNothing);
  ghost::ActsOn(k, k.me().copied, WordsOf(k.ScalarArg(2)));
  k.Note("binds {}", k.ValueText(k.me().copied[0]));
  return k.Return(0);
  FUNCTION_END;
}

Flow ksys_write(Kernel& k) {
  auto& l = k.Locals<ReadWriteLocals>();
  FUNCTION_BEGIN;
  STEP("f = fdget_pos(fd)", kFiles);
  {
    const uint8_t file = LookUpFd(k, 0);
    if (file == kNoFile) return k.Return(-kEBADF);
    l.words = static_cast<uint8_t>(WordsOf(k.ScalarArg(2)));
    // vfs_write(): file->f_op->write, or else new_sync_write(), which imports the buffer.
    l.legacy = file == kLegacy;
  }
  if (!l.legacy && k.proposal.import_ubuf != nullptr) {
    CALL_HOOK(l.hook, k.proposal.import_ubuf(k, 0));
    if (k.Served(l.hook)) {
      ghost::ServedFrom(k, 0);
      ghost::ActsOn(k, k.me().copied, l.words);
      return k.Return(k.ret);
    }
  }
  if (l.legacy && k.proposal.vfs_write != nullptr) {
    CALL_HOOK(l.hook, k.proposal.vfs_write(k, 0));
    if (k.Served(l.hook)) {
      ghost::ServedFrom(k, 0);
      return k.Return(k.ret);
    }
  }
  for (l.w = 0; l.w < l.words; ++l.w) {
    STEP("copy_from_iter(kaddr, bytes, i)", kReadsMemory);
    const auto word = k.ReadArgument(0, l.w);
    if (!word.mapped) {
      if (l.w == 0) return k.Return(-kEFAULT);
      ghost::ActsOn(k, k.me().copied, l.w);
      return k.Return(8 * l.w);
    }
    k.me().copied[l.w] = Covered(k, word.value, l.w, k.ScalarArg(2));
    k.Note("writes {}", k.ValueText(k.me().copied[l.w]));
    ghost::Fetched(k, 0, 0, l.w, k.me().copied[l.w], true);
  }
  ghost::ActsOn(k, k.me().copied, l.words);
  return k.Return(k.ScalarArg(2));
  FUNCTION_END;
}

Flow ksys_read(Kernel& k) {
  auto& l = k.Locals<ReadWriteLocals>();
  FUNCTION_BEGIN;
  STEP("f = fdget_pos(fd)", kFiles);
  {
    const uint8_t file = LookUpFd(k, 0);
    if (file == kNoFile) return k.Return(-kEBADF);
    l.words = static_cast<uint8_t>(WordsOf(k.ScalarArg(2)));
    l.legacy = file == kLegacy;
  }
  if (!l.legacy && k.proposal.import_ubuf != nullptr) {
    CALL_HOOK(l.hook, k.proposal.import_ubuf(k, 0));
    if (k.Served(l.hook)) {
      ghost::ServedFrom(k, 0);
      ghost::ReadServed(k);
      return k.Return(k.ret);
    }
  }
  for (l.w = 0; l.w < l.words; ++l.w) {
    STEP("copy_to_iter(kaddr, bytes, i)", kStoresMemory);
    if (!CopyToIter(k, 0, l.w)) return k.Return(l.w == 0 ? -kEFAULT : 8 * l.w);
    k.Note("a word of the file goes to the buffer");
    k.Raise(Event::kReadBody);
  }
  return k.Return(k.ScalarArg(2));
  FUNCTION_END;
}

// A call of syscalls.def: its pointer arguments in the order in which the kernel comes to them,
// each with its passes. What the call does with them is not there.
Flow table_body(Kernel& k) {
  auto& l = k.Locals<TableLocals>();
  FUNCTION_BEGIN;
  for (l.fd = 0; l.fd < SyscallOf(k.Number()).fds.size(); ++l.fd) {
    if (SyscallOf(k.Number()).fds[l.fd].after >= 0) continue;
    if (!LooksUp(k, SyscallOf(k.Number()).fds[l.fd], false)) continue;
    CALL({
      const uint8_t fd = l.fd;
      k.Push<FdgetLocals>(Fn::k_fdget).fd = fd;
    });
    if (k.ret < 0) return k.Return(k.ret);
  }
  for (l.role = 0; l.role < RolesOf(k).size(); ++l.role) {
    for (l.pass = 0; l.pass < RolesOf(k)[l.role].passes.size(); ++l.pass) {
      for (Value& v : k.me().copied) v = kZero;
      if (PassOf(k) == Pass::kIfNotNull || PassOf(k) == Pass::kIfNamed) {
        const bool counts = PassOf(k) == Pass::kIfNamed && k.ScalarArg(0) == kAtFdcwd;
        if (k.RoleAddress(l.role) == kZero && !counts) break;
        continue;
      }
      if (PassOf(k) == Pass::kErrorKept) continue;
      if (PassOf(k) == Pass::kRetryEstale || PassOf(k) == Pass::kRestart) {
        STEP("retry_estale(error, lookup_flags)", kNothing);
        if (k.Choose(2) == 0) continue;
        k.Note(PassOf(k) == Pass::kRestart ? "interrupted; restart_syscall(2) reads again"
                                           : "ESTALE: once more");
      }
      if (EffectOf(k) == Pass::kGetname) {
        CALL({
          const uint8_t role = l.role;
          k.Push<CopyLocals>(Fn::k_getname_flags).role = role;
        });
        if (k.ret < 0 && !IsKept(k, l.role)) return k.Return(k.ret);
        if (k.ret < 0) {
          l.kept = static_cast<int8_t>(k.ret);
        } else if (IsRelative(k, k.me().copied[0])) {
          l.relative |= static_cast<uint8_t>(1 << l.role);
        }
        continue;
      }
      if (EffectOf(k) == Pass::kSockaddr) {
        CALL({
          const uint8_t role = l.role;
          k.Push<CopyLocals>(Fn::k_move_addr_to_kernel).role = role;
        });
        if (k.ret < 0) return k.Return(k.ret);
        continue;
      }
      if (EffectOf(k) == Pass::kPeekEmpty) {
        if (!AsksForEmptyPath(k.Number(), k.ScalarArg(0),
                              k.ScalarArg(RolesOf(k)[l.role].length_arg))) {
          continue;
        }
        // vfs_empty_path(): NULL is an empty path too.
        if (k.RoleAddress(l.role) != kZero) {
          STEP("get_user(c, path)", kReadsMemory);
          const auto word = k.ReadArgument(l.role, 0);
          if (!word.mapped) continue;
          k.Note("reads {}", k.ValueText(word.value));
          if (!IsEmpty(k, word.value)) {
            ghost::Consulted(k, l.role, true);
            continue;
          }
          // The name is empty: the call is about the descriptor, and no name is read.
          ghost::Fetched(k, l.role, 0, 0, word.value, true);
        }
        CALL(k.Push<FdgetLocals>(Fn::k_fdget).fd = 0);
        return k.Return(k.ret);
      }
      if ((EffectOf(k) == Pass::kImport || EffectOf(k) == Pass::kImportDest ||
           EffectOf(k) == Pass::kImportLater) &&
          k.proposal.import_ubuf != nullptr) {
        CALL_HOOK(l.hook, k.proposal.import_ubuf(k, l.role));
        if (k.Served(l.hook)) {
          ghost::ServedFrom(k, l.role);
          if (EffectOf(k) == Pass::kImportDest) ghost::ReadServed(k);
          l.hook = 0;
          continue;
        }
        l.hook = 0;
      }
      for (l.w = 0; l.w < kMaxWords; ++l.w) {
        // Nothing is read of what the length, or the first of two passes, leaves out.
        if (AtEnd(k, l.role, l.w)) break;
        if (PassOf(k) == Pass::kCopyString && l.w >= l.words) break;
        if (EffectOf(k) == Pass::kImportDest) {
          STEP("copy_to_iter(kaddr, bytes, i)", kStoresMemory);
          if (!k.WriteArgument(l.role, l.w, kZero)) return k.Return(-kEFAULT);
          k.Note("{}: a word of the result goes to the buffer", RolesOf(k)[l.role].name);
          k.Raise(Event::kReadBody);
          continue;
        }
        STEP("(as syscalls.def says)", kReadsMemory);
        const auto word = k.ReadArgument(l.role, l.w);
        if (!word.mapped) return k.Return(-kEFAULT);
        k.Note("{} {}: {}", PassName(PassOf(k)), RolesOf(k)[l.role].name, k.ValueText(word.value));
        const bool string = RolesOf(k)[l.role].IsString();
        const Value value = string ? word.value : Covered(k, word.value, l.w, k.RoleBytes(l.role));
        // The second pass over a string copies as much as the first one found.
        if (PassOf(k) != Pass::kCopyString) l.words = static_cast<uint8_t>(l.w + 1);
        if (l.w < kCopied) k.me().copied[l.w] = value;
        FollowPointer(k, l.role, l.w, value);
        if (PassOf(k) != Pass::kStrnlen) {
          ghost::Fetched(k, l.role, 0, l.w, value, true);
        } else {
          ghost::Consulted(k, l.role, true);
        }
        if (string && PassOf(k) != Pass::kCopyString && k.p.values[value].has_nul) break;
      }
      l.w = 0;
    }
    l.pass = 0;
    l.words = 0;
    for (l.fd = 0; l.fd < SyscallOf(k.Number()).fds.size(); ++l.fd) {
      if (SyscallOf(k.Number()).fds[l.fd].after != l.role) continue;
      if (l.kept != 0 && IsKept(k, SyscallOf(k.Number()).fds[l.fd].path)) return k.Return(l.kept);
      if (!LooksUp(k, SyscallOf(k.Number()).fds[l.fd],
                   l.relative >> SyscallOf(k.Number()).fds[l.fd].path & 1)) {
        continue;
      }
      CALL({
        const uint8_t fd = l.fd;
        k.Push<FdgetLocals>(Fn::k_fdget).fd = fd;
      });
      if (k.ret < 0) return k.Return(k.ret);
    }
  }
  if (l.kept != 0) return k.Return(l.kept);
  // do_readlinkat(): what an empty name leads to is no symbolic link here.
  if (k.Number() == Nr::k_readlinkat && IsEmpty(k, k.me().copied[0])) return k.Return(-kENOENT);
  ghost::ActsOn(k, k.me().copied, kCopied);
  return k.Return(0);
  FUNCTION_END;
}

}  // namespace knotcheck::model
