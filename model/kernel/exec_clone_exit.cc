// SPDX-License-Identifier: Apache-2.0
//
// execve, clone and exit, as far as a notification or a fetch is concerned.

#include <algorithm>
#include <utility>

#include "model/ghost/probes.h"
#include "model/kernel/files.h"
#include "model/kernel/kernel.h"
#include "model/kernel/locals.h"
#include "model/kernel/toggles.h"

namespace knotcheck::model {
namespace {

// The role of the running execve: filename, argv, envp.
enum : int { kFilename, kArgv, kEnvp };
constexpr int kExecveatFlags = 4;  // their register

}  // namespace

// Counts the strings of a table; user memory is read entry by entry.
Flow count(Kernel& k) {
  auto& l = k.Locals<CountLocals>();
  FUNCTION_BEGIN;
  // if (argv.ptr.native != NULL)
  if (k.PointerArg(SyscallOf(k.Number()).roles[l.role].arg) != kZero) {
    if (k.proposal.count != nullptr) {
      CALL_HOOK(l.hook, k.proposal.count(k, l.role));
      if (k.Served(l.hook)) {
        ghost::ServedFrom(k, l.role);
        if (k.ret < 0) return k.Return(k.ret);
        l.i = static_cast<uint8_t>(k.ret);
      } else {
        l.hook = 0;
      }
    }
    while (l.hook == 0) {
      STEP("p = get_user_arg_ptr(argv, i)", kReadsMemory);
      const auto word = k.ReadArgument(l.role, l.i);
      if (!word.mapped) return k.Return(-kEFAULT);
      k.Note("{}[{}] = {}", SyscallOf(k.Number()).roles[l.role].name, static_cast<int>(l.i),
             k.ValueText(word.value));
      if (word.value == kZero) break;
      ++l.i;
    }
  }
  ghost::Counted(k, l);
  return k.Return(l.i);
  FUNCTION_END;
}

// Copies the strings of a table onto the new stack, the last one first. Each string is read twice:
// for its length, then for its bytes.
Flow copy_strings(Kernel& k) {
  auto& l = k.Locals<CopyStringsLocals>();
  FUNCTION_BEGIN;
  if (k.proposal.copy_strings != nullptr) {
    CALL_HOOK(l.hook, k.proposal.copy_strings(k, l.role));
    if (k.Served(l.hook)) {
      ghost::ServedFrom(k, l.role);
      return k.Return(k.ret);
    }
  }
  while (l.argc-- > 0) {
    STEP("str = get_user_arg_ptr(argv, argc)", kReadsMemory);
    {
      const auto word = k.ReadArgument(l.role, l.argc);
      if (!word.mapped) return k.Return(-kEFAULT);
      l.str = word.value;
      k.Note("{}[{}] = {}", SyscallOf(k.Number()).roles[l.role].name, static_cast<int>(l.argc),
             k.ValueText(l.str));
    }
    l.len = 0;
    while (true) {
      STEP("len = strnlen_user(str, MAX_ARG_STRLEN)", kReadsMemory);
      const auto word = k.ReadUser(k.cur, l.str, l.len);
      if (!word.mapped) return k.Return(-kEFAULT);
      ++l.len;
      ghost::Consulted(k, l.role, true);
      if (k.p.values[word.value].has_nul) break;
    }
    for (l.w = 0; l.w < l.len; ++l.w) {
      STEP("copy_from_user(kaddr+offset, str, bytes_to_copy)", kReadsMemory);
      const auto word = k.ReadUser(k.cur, l.str, l.w);
      if (!word.mapped) return k.Return(-kEFAULT);
      k.Note("copies {}", k.ValueText(word.value));
      ghost::Fetched(k, l.role, l.argc, l.w, word.value, true);
    }
  }
  return k.Return(0);
  FUNCTION_END;
}

Flow do_execveat_common(Kernel& k) {
  auto& l = k.Locals<ExecLocals>();
  FUNCTION_BEGIN;
  CALL(k.Push<CopyLocals>(Fn::k_getname_flags).role = kFilename);
  if (k.ret < 0) return k.Return(k.ret);
  // do_open_execat()
  if (k.Number() == Nr::kExecveat) {
    if ((k.ScalarArg(kExecveatFlags) & ~(kAtSymlinkNofollow | kAtEmptyPath)) != 0) {
      return k.Return(-kEINVAL);
    }
    // path_init(): the walk begins at the descriptor, and none of the files that there are is a
    // directory. Of an empty path it is the file itself, which only an opened one lets execute;
    // nor does the working directory.
    if (LooksUp(k, SyscallOf(Nr::kExecveat).fds[0], IsRelative(k, k.me().copied[0]))) {
      STEP("CLASS(fd_raw, f)(nd->dfd)", kFiles);
      {
        const uint8_t file = LookUpFd(k, 0);
        if (file == kNoFile) return k.Return(-kEBADF);
        if (!IsEmpty(k, k.me().copied[0])) return k.Return(-kENOTDIR);
        if (file < kOpened || file > kMaxFile) return k.Return(-kEACCES);
      }
    } else if (IsEmpty(k, k.me().copied[0])) {
      return k.Return(-kEACCES);
    }
  }
  CALL(k.Push<CountLocals>(Fn::k_count).role = kArgv);
  if (k.ret < 0) return k.Return(k.ret);
  l.argc = static_cast<uint8_t>(k.ret);
  k.Observe({.kind = Observation::Kind::kCounts, .ret = k.ret, .role = kArgv});
  CALL(k.Push<CountLocals>(Fn::k_count).role = kEnvp);
  if (k.ret < 0) return k.Return(k.ret);
  l.envc = static_cast<uint8_t>(k.ret);
  CALL({
    const uint8_t envc = l.envc;
    auto& callee = k.Push<CopyStringsLocals>(Fn::k_copy_strings);
    callee.role = kEnvp;
    callee.argc = envc;
  });
  if (k.ret < 0) return k.Return(k.ret);
  CALL({
    const uint8_t argc = l.argc;
    auto& callee = k.Push<CopyStringsLocals>(Fn::k_copy_strings);
    callee.role = kArgv;
    callee.argc = argc;
  });
  if (k.ret < 0) return k.Return(k.ret);
  ghost::ActsOn(k, k.me().copied, 3);
  CALL(k.Push(Fn::k_begin_new_exec));
  return k.Return(k.ret);
  FUNCTION_END;
}

namespace {

// The number of the program that the running task executes among those that the scenario knows.
uint8_t ImageOf(const Kernel& k) {
  for (size_t i = 0; i < k.p.images.size(); ++i) {
    const std::vector<Value>& path = k.p.images[i].path;
    if (std::equal(path.begin(), path.end(), k.me().copied)) return static_cast<uint8_t>(i + 1);
  }
  return 0;
}

}  // namespace

Flow begin_new_exec(Kernel& k) {
  FUNCTION_BEGIN;
  STEP("zap_other_threads(tsk)", kFatal | kZaps | kGroupLives);
  // Another thread of the group executes or exits already.
  if (k.FatalSignalPending(k.cur)) return k.Return(-kEAGAIN);
  for (size_t t = 0; t < k.p.tasks.size(); ++t) {
    if (static_cast<int>(t) != k.cur && k.p.tasks[t].group == k.info().group &&
        k.s->tasks[t].status == kAlive) {
      k.s->tasks[t].flags |= kSigkillPending;
    }
  }
  STEP("while (sig->notify_count) schedule()", kSignals | kLife | kGroupLives);
  if (k.FatalSignalPending(k.cur)) return k.Return(-kEAGAIN);
  for (size_t t = 0; t < k.p.tasks.size(); ++t) {
    if (static_cast<int>(t) != k.cur && k.p.tasks[t].group == k.info().group &&
        (k.s->tasks[t].status == kAlive || k.s->tasks[t].status == kExiting)) {
      return Flow::kBlocked;
    }
  }
  if (k.info().unshared != 0 && k.me().files == k.info().files) {
    STEP("retval = unshare_files()", kFiles | kUnsharesFiles);
    {
      // dup_fd(): a number that is claimed and not filled is free in the copy. If the others are
      // gone by now, nobody can tell that there is one.
      const uint8_t own = k.info().unshared;
      k.s->files[own] = k.s->files[k.me().files];
      std::replace(k.s->files[own].begin(), k.s->files[own].end(), uint8_t{kReserved},
                   uint8_t{kNoFile});
      k.me().files = own;
    }
  }
  if (k.p.installs != 0) {
    // Of the descriptors only a listener's has the flag here.
    STEP("do_close_on_exec(me->files)", kFiles | kChains);
    for (uint8_t& fd : k.s->files[k.me().files]) {
      if (fd > kMaxFile) k.FileClosed(std::exchange(fd, uint8_t{kNoFile}));
    }
  }
  // Where nobody outside the group has the table and no file is closed, nobody can tell this step
  // from the one above.
  if (k.info().unshared != 0 || k.p.installs != 0) {
    STEP("retval = exec_mmap(bprm->mm)", kSignals | kLife);
  }
  // flush_signal_handlers(): the new image has no handler.
  k.me().flags |= kExeced;
  k.me().image = ImageOf(k);
  // A signal that is pending still meets the new image, with the default action; but in a handler
  // it is blocked, and the new image keeps the mask.
  if ((k.me().flags & kSigPending) && !(k.me().flags & kInHandler)) {
    k.me().flags &= static_cast<uint8_t>(~kSigPending);
    k.me().flags |= kSigkillPending;
  }
  k.Note("executes {}", k.ValueText(k.me().copied[0]));
  return k.Return(0);
  FUNCTION_END;
}

namespace {

// dup_mm(): what is not MAP_SHARED is the child's own from now on. Pages are copied when somebody
// stores to them, so what the child gets is there at one moment, when the parent's page tables have
// become read-only. What a most general peer may have stored by then is any of its values.
void CopyMemory(Kernel& k, uint8_t to) {
  const uint8_t from = k.info().space;
  if (from == to) return;
  const auto of = [&k](uint8_t space, int w) {
    return static_cast<size_t>(k.p.FirstWordOf(space) + w);
  };
  const auto stored = [&](int w) {
    const Word& child = k.p.words[of(to, w)];
    return k.p.words[of(from, w)].shared && !child.shared && child.domain.size() > 1;
  };
  int copies = 1;
  for (int w = 0; w < k.p.words_of_space; ++w) {
    if (stored(w)) copies *= static_cast<int>(k.p.words[of(from, w)].domain.size());
  }
  int copy = copies > 1 ? k.Choose(copies) : 0;
  for (int w = 0; w < k.p.words_of_space; ++w) {
    const Word& parent = k.p.words[of(from, w)];
    const Word& child = k.p.words[of(to, w)];
    if (child.domain.size() < 2 || child.shared) continue;
    Value value = k.s->memory[of(from, w)] ^ parent.domain[0];
    if (stored(w)) {
      const auto alternatives = static_cast<int>(parent.domain.size());
      value = parent.domain[static_cast<size_t>(copy % alternatives)];
      copy /= alternatives;
      k.NoteRead(of(from, w), value);
    }
    k.s->memory[of(to, w)] = value ^ child.domain[0];
  }
}

}  // namespace

namespace {

// Whether somebody else changes the parent's descriptors, or its filter, while it forks.
bool IsShared(const Kernel& k) {
  for (size_t t = 0; t < k.p.tasks.size(); ++t) {
    const TaskInfo& other = k.p.tasks[t];
    if (static_cast<int>(t) == k.cur || other.kind == TaskKind::kSupervisor) continue;
    if (other.files == k.me().files || other.group == k.info().group) return true;
  }
  return false;
}

// dup_fd(): a number that another thread has claimed and not filled is free in the copy.
void CopyFiles(Kernel& k, int child) {
  FilesTable& files = k.s->files[k.p.tasks[static_cast<size_t>(child)].files];
  files = k.s->files[k.me().files];
  std::replace(files.begin(), files.end(), uint8_t{kReserved}, uint8_t{kNoFile});
}

void CopyMm(Kernel& k, int child) {
  if (!(k.me().flags & kExeced)) CopyMemory(k, k.p.tasks[static_cast<size_t>(child)].space);
}

}  // namespace

Flow copy_process(Kernel& k) {
  FUNCTION_BEGIN;
  // Nobody sees the child before it is there, and what others do to one of the parent's files,
  // memory and filter in between might as well come behind. Of two of these that is not so: they
  // are steps of their own where somebody may change two.
  if (k.Number() == Nr::kFork && IsShared(k)) {
    STEP("retval = copy_files(clone_flags, p, args->no_files)", kSignals | kFiles | kStartsTask);
    // recalc_sigpending(): a signal that waits is handled before anything is cloned.
    if (k.SignalPending(k.cur)) return k.Return(-kERESTARTNOINTR);
    CopyFiles(k, k.op().task);
    STEP("retval = copy_mm(clone_flags, p)", kStartsTask);
    CopyMm(k, k.op().task);
    STEP("copy_seccomp(p)", kFatal | kUsers | kLife | kStartsTask | kChains);
    if (k.FatalSignalPending(k.cur)) return k.Return(-kEINTR);
  } else {
    STEP("copy_seccomp(p)", kSignals | kFiles | kUsers | kLife | kStartsTask | kChains);
    // recalc_sigpending(), as above
    if (k.SignalPending(k.cur)) return k.Return(-kERESTARTNOINTR);
    if (k.Number() == Nr::kFork) {
      CopyMm(k, k.op().task);
      CopyFiles(k, k.op().task);
    }
  }
  {
    const int child = k.op().task;
    Task& t = k.s->tasks[child];
    KNOT_CHECK(t.status == kNotStarted);
    t.status = kAlive;
    t.frames[0].function = static_cast<uint8_t>(Fn::k_user_mode);
    t.flags = k.me().flags & kExeced;
    t.image = k.me().image;
    // get_seccomp_filter(current)
    t.filter = k.me().filter;
    if (t.filter != 0) ++k.s->filters[t.filter].installed_users;
    t.files = k.Number() == Nr::kClone ? k.me().files : k.p.tasks[static_cast<size_t>(child)].files;
    if (t.filter == 0 && k.p.tasks[static_cast<size_t>(child)].filtered) ++k.filter().users;
    if (k.proposal.copy_seccomp != nullptr) k.proposal.copy_seccomp(k, child);
    k.Raise(Event::kForked);
    k.Note("{} starts", k.p.tasks[static_cast<size_t>(child)].name);
    // The child stands at its first instruction: run user_mode to its first step.
    t.frames[0].pc = 1;
  }
  // Its number; which one it is nobody asks.
  return k.Return(1);
  FUNCTION_END;
}

// __seccomp_filter_orphan()
bool Kernel::ReleaseInstalled(size_t filter) {
  while (filter != 0) {
    Filter& orig = s->filters[filter];
    if (--orig.installed_users != 0) return false;
    filter = orig.prev;
    // Its listener's file keeps it, where nobody comes any more.
    orig.prev = 0;
  }
  return true;
}

Flow seccomp_filter_release(Kernel& k) {
  FUNCTION_BEGIN;
  // while (orig && refcount_dec_and_test(&orig->users)): where the last user of a filter is gone,
  // the filter below has one less. In one step: until it has, it is as if that one were still
  // there.
  STEP("refcount_dec_and_test(&orig->users)", kUsers | kChains);
  {
    const size_t orig = std::exchange(k.me().filter, uint8_t{0});
    if (!k.ReleaseInstalled(orig) || !k.info().filtered) return k.Return(0);
  }
  --k.filter().users;
  k.Note("filter->users = {}", static_cast<int>(k.filter().users));
  if (k.filter().users == 0) {
    k.Raise(Event::kUnused);
    if (!k.Has(Variant::no_pollhup)) {
      STEP("wake_up_poll(&orig->wqh, EPOLLHUP)", kWakes);
      k.WakeUp();
    }
  }
  return k.Return(0);
  FUNCTION_END;
}

namespace {

// tsk->seccomp.filter != NULL
bool HasFilter(const Kernel& k) { return k.me().filter != 0 || k.info().filtered; }

}  // namespace

Flow Kernel::Die() {
  const uint8_t files = me().files;
  if (p.installs != 0) {
    // exit_files(), with the last user of the table, and exit_task_work()
    me().status = kDead;
    for (const uint8_t file : s->files[files]) FileClosed(file);
    ReleaseFiles();
  }
  me() = Task{};
  if (s->layout().has_registers) s->registers[cur] = RegisterFile{};
  me().status = kDead;
  me().files = files;
  depth_ = 0;
  base_ = 0;
  return Flow::kYield;
}

Flow do_exit(Kernel& k) {
  auto& l = k.Locals<ExitLocals>();
  FUNCTION_BEGIN;
  STEP("exit_signals(tsk)", kLife);
  k.me().status = kExiting;
  if (HasFilter(k) && !k.Has(Variant::release_late)) {
    CALL(k.Push(Fn::k_seccomp_filter_release));
  }
  if (k.proposal.exit != nullptr) {
    CALL_HOOK(l.hook, k.proposal.exit(k));
  }
  if (k.me().task_works[0] != 0) {
    CALL(k.Push<TaskWorkRunLocals>(Fn::k_task_work_run));
  }
  // exit_notify(), release_task(): a thread is reaped at once, a process when its parent waits for
  // it. No parent here does.
  if (HasFilter(k) && k.Has(Variant::release_late) && k.info().group != k.cur) {
    CALL(k.Push(Fn::k_seccomp_filter_release));
  }
  STEP("do_task_dead()", kLife | kChains);
  k.Note("{} is dead", k.info().name);
  return k.Die();
  FUNCTION_END;
}

}  // namespace knotcheck::model
