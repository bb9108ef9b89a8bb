// SPDX-License-Identifier: Apache-2.0
//
// Facts about the calls of targets: what the kernel read of their arguments and from where, which
// descriptors it looked up, what it delivered, and what came back.

#pragma once

#include <algorithm>
#include <bit>
#include <vector>

#include "model/kernel/toggles.h"
#include "model/testing/history.h"

namespace knotcheck::model::testing {

// The role whose memory the kernel stands at; -1: at none.
inline int RoleBeingRead(const Moment& m) {
  const Task& me = m.Before();
  const uint8_t* locals = LocalsIn(m.system, me, Innermost(me));
  switch (static_cast<Fn>(Innermost(me))) {
    case Fn::k_getname_flags:
    case Fn::k_move_addr_to_kernel:
      return reinterpret_cast<const CopyLocals*>(locals)->role;
    case Fn::k_ksys_write:
    case Fn::k_ksys_read:
      return 0;
    case Fn::k_table_body:
      return reinterpret_cast<const TableLocals*>(locals)->role;
    case Fn::k_count:
      return reinterpret_cast<const CountLocals*>(locals)->role;
    case Fn::k_copy_strings:
      return reinterpret_cast<const CopyStringsLocals*>(locals)->role;
    default:
      return -1;
  }
}

// The program that a task runs: 0: the first one; 1: another, of which nothing is known; from 2 on:
// those that the scenario knows.
inline uint8_t ImageRun(const Task& task) {
  return (task.flags & kExeced) ? static_cast<uint8_t>(1 + task.image) : uint8_t{0};
}

// How many bytes there are at an address for who runs that program in that space.
inline int BytesThere(const Program& program, Value address, uint8_t space, uint8_t image) {
  const int object = program.ObjectAt(address, image == 0 ? space : 0);
  if (object < 0 || image == 1) return 0;
  const Object& there = program.objects[static_cast<size_t>(object)];
  if (image == 0) return there.bytes;
  return std::max(0, program.images[image - 2u].bytes[there.whole] - 8 * there.offset);
}

inline bool IsMapped(const Moment& m, Value address) {
  return BytesThere(m.program(), address, m.info().space, ImageRun(m.Before())) > 0;
}

// Whether the statement goes to user memory at the address that the call was given, not at one that
// it found there.
inline bool GoesToArgument(const Moment& m) {
  const std::string& statement = m.shown.statement;
  if (m.In("copy_strings")) return statement.rfind("str = get_user_arg_ptr", 0) == 0;
  for (const char* access : {"strncpy_from_user", "copy_from_user", "copy_from_iter",
                             "copy_to_iter", "get_user", "(as syscalls.def says)"}) {
    if (statement.find(access) != std::string::npos) return true;
  }
  return false;
}

// Whether the call's own length says that no byte of it is wanted.
inline bool AsksForNothing(const Op& call, int role) {
  const Role& r = SyscallOf(call.nr).roles[static_cast<size_t>(role)];
  return r.length_arg >= 0 && !r.IsString() && call.scalars[static_cast<size_t>(r.length_arg)] == 0;
}

// What the kernel read and copied, as user space could tell.
inline void FetchFacts(const Moment& m, std::vector<Fact>* facts) {
  for (const Observation& o : m.observations) {
    Fact fact = m.New(What::kFetched);
    fact.call = o.call;
    fact.role = o.role;
    fact.entry = o.entry;
    fact.word = o.word;
    fact.value = o.value;
    fact.user = o.user;
    fact.ret = o.ret;
    if (o.kind == Observation::Kind::kCopies) {
      facts->push_back(fact);
    } else if (o.kind == Observation::Kind::kReads && o.entry == 0) {
      fact.what = What::kUserRead;
      fact.role = static_cast<uint8_t>(RoleBeingRead(m));
      facts->push_back(fact);
    } else if (o.kind == Observation::Kind::kActs) {
      fact.what = What::kActs;
      facts->push_back(fact);
    } else if (o.kind == Observation::Kind::kActsOn) {
      fact.what = What::kActedOn;
      facts->push_back(fact);
    } else if (o.kind == Observation::Kind::kReturns) {
      fact.what = What::kReturned;
      facts->push_back(fact);
    }
  }
  if (m.info().kind == TaskKind::kSupervisor) return;
  const int role = RoleBeingRead(m);
  if (role < 0 || !GoesToArgument(m)) return;
  const Op& call = CurrentOp(m.program(), m.task, m.Before());
  if (call.code != OpCode::kSyscall) return;
  if (IsMapped(m, AddressOf(m.Before(), call, role)) || AsksForNothing(call, role)) return;
  Fact fact = m.New(What::kUnmapped);
  fact.role = static_cast<uint8_t>(role);
  facts->push_back(fact);
}

// execve's count of a table, once count() has returned to it.
inline void CountFacts(const Moment& m, std::vector<Fact>* facts) {
  const auto* before = Locals<CountLocals>(m.system, m.Before(), Fn::k_count);
  const auto* after = Locals<CountLocals>(m.system, m.After(), Fn::k_count);
  if (before == nullptr || (after != nullptr && after->role == before->role)) return;
  const auto* exec = Locals<ExecLocals>(m.system, m.After(), Fn::k_do_execveat_common);
  if (exec == nullptr) return;
  Fact fact = m.New(What::kCounted);
  fact.call = CallIndexOf(m.After());
  fact.role = before->role;
  fact.ret = before->role == 1 ? exec->argc : exec->envc;
  fact.user = !m.In("pinned_count");
  facts->push_back(fact);
}

// Which of the call's descriptors the step looks up; -1: none.
inline int LookedUpFd(const Moment& m, const Op& call) {
  if (m.At("do_sys_openat2", "CLASS(fd_raw, f)") || m.At("__sys_bind", "sock = sockfd_lookup") ||
      m.At("ksys_write", "f = fdget_pos") || m.At("ksys_read", "f = fdget_pos") ||
      m.At("do_close", "file = file_close_fd") || m.At("do_dup2", "f = __fget_files_rcu")) {
    return 0;
  }
  if (m.At("do_dup2", "do_dup2(")) {
    const bool looks =
        call.scalars[1] >= 0 && call.scalars[1] < m.program().nofile[m.Before().files];
    return looks ? 0 : -1;
  }
  if (!m.At("fdget", "CLASS(fd, f)")) return -1;
  const auto* l = Locals<FdgetLocals>(m.system, m.Before(), Fn::k_fdget);
  return l == nullptr ? -1 : l->fd;
}

// The slot that the kernel goes to for a descriptor: its own, unless the kernel is damaged.
inline int SlotLookedUp(const Moment& m, int fd) {
  return fd + (IsSet(m.system.config(), Mutation::fd_slot) ? 1 : 0);
}

inline void DescriptorFacts(const Moment& m, std::vector<Fact>* facts) {
  const Op& call = CurrentOp(m.program(), m.task, m.Before());
  const int index = call.code == OpCode::kSyscall ? LookedUpFd(m, call) : -1;
  if (index >= 0) {
    Fact fact = m.New(What::kFdLookedUp);
    fact.entry = static_cast<uint8_t>(index);
    fact.fd = SlotLookedUp(m, call.scalars[SyscallOf(call.nr).fds[static_cast<size_t>(index)].arg]);
    fact.table = m.Before().files;
    facts->push_back(fact);
  }
}

// Nobody else has the descriptors of who forks, or is in its group: then all is copied at once.
inline bool ForksAlone(const Moment& m) {
  for (size_t t = 0; t < m.program().tasks.size(); ++t) {
    const TaskInfo& other = m.program().tasks[t];
    if (static_cast<int>(t) == m.task || other.kind == TaskKind::kSupervisor) continue;
    if (other.files == m.Before().files || other.group == m.info().group) return false;
  }
  return true;
}

// What happened to the descriptor tables, slot by slot.
inline void TableFacts(const Moment& m, std::vector<Fact>* facts) {
  const uint8_t mine = m.Before().files;
  if (m.At("copy_process", "retval = copy_files(")) {
    // Where a signal comes first it is copied once more before anybody has it.
    Fact fact = m.New(What::kTableCopied);
    const Op& call = CurrentOp(m.program(), m.task, m.Before());
    fact.table = m.program().tasks[call.task].files;
    fact.from = mine;
    facts->push_back(fact);
    return;
  }
  if (m.At("do_dup2", "do_dup2(")) {
    const Op& call = CurrentOp(m.program(), m.task, m.Before());
    Fact fact = m.New(What::kFileCopied);
    fact.table = mine;
    fact.from = static_cast<uint8_t>(SlotLookedUp(m, call.scalars[0]));
    fact.fd = call.scalars[1];
    if (m.After().ret == fact.fd && fact.fd >= 0) facts->push_back(fact);
    return;
  }
  if (m.After().files != mine) {
    Fact fact = m.New(What::kTableCopied);
    fact.table = m.After().files;
    fact.from = mine;
    facts->push_back(fact);
    return;
  }
  for (size_t t = 0; t < m.program().tasks.size(); ++t) {
    const bool starts =
        m.before.tasks[t].status == kNotStarted && m.after.tasks[t].status != kNotStarted;
    if (!starts) continue;
    Fact fact = m.New(What::kCloned);
    fact.target = static_cast<uint8_t>(t);
    fact.record = m.pins() ? m.PinsAfter().tasks[t].pinned_args : 0;
    facts->push_back(fact);
    if (m.after.tasks[t].files == mine || !ForksAlone(m)) continue;
    fact.what = What::kTableCopied;
    fact.table = m.after.tasks[t].files;
    fact.from = mine;
    facts->push_back(fact);
    return;
  }
  for (uint8_t table = 0; table < m.after.layout().tables; ++table) {
    for (int fd = 0; fd < kMaxFds; ++fd) {
      const uint8_t after = m.after.files[table][fd];
      // fd_install() over a slot that had a file already is a change too.
      const bool given =
          m.At("seccomp_handle_addfd", "fd = receive_fd") && table == mine && after == kGiven &&
          fd == Locals<HandleAddfdLocals>(m.system, m.After(), Fn::k_seccomp_handle_addfd)->fd;
      if (after == m.before.files[table][fd] && !given) continue;
      Fact fact = m.New(What::kFileOpened);
      fact.table = table;
      fact.fd = fd;
      fact.value = after == kReserved ? static_cast<Value>(kNoFile) : after;
      facts->push_back(fact);
    }
  }
}

// A word of a result that reached the buffer, and the end of such a call.
inline void ResultFacts(const Moment& m, std::vector<Fact>* facts) {
  const Op& call = CurrentOp(m.program(), m.task, m.Before());
  if (call.code != OpCode::kSyscall) return;
  const int role = RoleBeingRead(m);
  if (role >= 0 && m.shown.statement.rfind("copy_to_iter(", 0) == 0) {
    const uint8_t* locals = LocalsIn(m.system, m.Before(), Innermost(m.Before()));
    const bool table = m.In("table_body");
    const uint8_t w = table ? reinterpret_cast<const TableLocals*>(locals)->w
                            : reinterpret_cast<const ReadWriteLocals*>(locals)->w;
    const Value address = AddressOf(m.Before(), call, role);
    const int object = m.program().ObjectAt(address, m.info().space);
    const bool first = ImageRun(m.Before()) == 0;
    if (first && IsMapped(m, address) &&
        w < m.program().objects[static_cast<size_t>(object)].words) {
      const size_t at = m.program().objects[static_cast<size_t>(object)].first_word + size_t{w};
      const Word& word = m.program().words[at];
      Fact fact = m.New(What::kStored);
      fact.role = static_cast<uint8_t>(role);
      fact.word = w;
      // Of a word that the most general peer may write, nothing can be told.
      if (word.shared || (m.after.memory[at] ^ word.domain[0]) == kZero) facts->push_back(fact);
    }
  }
  const bool ended = Inside(m.system, m.Before(), Fn::k_ksys_read) &&
                     !Inside(m.system, m.After(), Fn::k_ksys_read);
  if (!ended || m.After().status == kDead) return;
  Fact fact = m.New(What::kDelivered);
  fact.ret = m.After().ret;
  fact.word = static_cast<uint8_t>(std::min((fact.ret + 7) / 8, 3));
  if (fact.ret > 0) facts->push_back(fact);
}

// The way back to user mode, and what holds of all tasks after a step.
inline void TaskFacts(const Moment& m, std::vector<Fact>* facts) {
  const bool returns = m.At("exit_to_user_mode_loop", "ti_work =") && !m.fault &&
                       Inside(m.system, m.Before(), Fn::k_exit_to_user_mode_loop) &&
                       !Inside(m.system, m.After(), Fn::k_exit_to_user_mode_loop);
  if (returns && m.After().status == kAlive) {
    Fact fact = m.New(What::kReturnedToUser);
    fact.record = m.pins() ? m.PinsAfter().tasks[m.task].pinned_args : 0;
    facts->push_back(fact);
  }
  if (m.before.filter().users != 0 && m.after.filter().users == 0) {
    facts->push_back(m.New(What::kUnused));
  }
  const auto above = [](const State& state, size_t task) {
    int count = 0;
    for (size_t f = state.tasks[task].filter; f != 0; f = state.filters[f].prev) ++count;
    return count;
  };
  const auto self = static_cast<size_t>(m.task);
  if (above(m.before, self) < above(m.after, self)) {
    facts->push_back(m.New(What::kFilterAttached));
  }
  for (size_t t = 0; t < m.program().tasks.size(); ++t) {
    const int own = m.program().tasks[t].filtered && m.after.filter().notif ? 1 : 0;
    Fact fact = m.New(What::kListeners);
    fact.target = static_cast<uint8_t>(t);
    fact.ret = own;
    for (size_t f = m.after.tasks[t].filter; f != 0; f = m.after.filters[f].prev) {
      fact.ret += m.after.filters[f].listens;
    }
    if (fact.ret > 1) facts->push_back(fact);
  }
}

}  // namespace knotcheck::model::testing
