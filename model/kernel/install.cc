// SPDX-License-Identifier: Apache-2.0
//
// seccomp(SECCOMP_SET_MODE_FILTER) with NEW_LISTENER: one more filter on top of the task's. It
// allows every call, and its listener stays open and is nobody's.

#include "model/kernel/kernel.h"
#include "model/kernel/locals.h"

namespace knotcheck::model {
namespace {

bool InGroup(const Kernel& k, size_t t) {
  return k.p.tasks[t].group == k.info().group && k.p.tasks[t].kind != TaskKind::kSupervisor &&
         k.s->tasks[t].status == kAlive;
}

// Any filter of the chain with ->notif: those above the scenario's all have one.
bool has_duplicate_listener(const Kernel& k) {
  return k.me().filter != 0 || (k.info().filtered && k.s->filter().notif);
}

bool is_ancestor(const Kernel& k, size_t parent, size_t child) {
  // NULL is the root ancestor; the scenario's filter is below all that a thread of its group has.
  if (parent == 0) return true;
  for (; child != 0; child = k.s->filters[child].prev) {
    if (child == parent) return true;
  }
  return false;
}

// A thread that has a filter that the caller has not cannot be synchronised. PF_EXITING ones are
// left out.
bool seccomp_can_sync_threads(const Kernel& k) {
  for (size_t t = 0; t < k.p.tasks.size(); ++t) {
    if (InGroup(k, t) && !is_ancestor(k, k.s->tasks[t].filter, k.me().filter)) return false;
  }
  return true;
}

// get_seccomp_filter(caller), seccomp_filter_release(thread), then the caller's filter.
void seccomp_sync_threads(Kernel& k) {
  for (size_t t = 0; t < k.p.tasks.size(); ++t) {
    if (!InGroup(k, t) || static_cast<int>(t) == k.cur) continue;
    ++k.s->filters[k.me().filter].users;
    const bool released = k.ReleaseInstalled(k.s->tasks[t].filter);
    // The caller's chain holds the scenario's filter, so that this is not its last user.
    if (released && k.p.tasks[t].filtered) --k.filter().users;
    k.s->tasks[t].filter = k.me().filter;
  }
}

void seccomp_attach_filter(Kernel& k) {
  size_t filter = 1;
  while (k.s->filters[filter].users != 0) ++filter;
  KNOT_CHECK(filter < k.s->layout().filters);
  Filter& attached = k.s->filters[filter];
  attached.users = 1;
  // filter->prev = current->seccomp.filter, whose user the filter is in the task's place
  attached.prev = k.me().filter;
  k.me().filter = static_cast<uint8_t>(filter);
  if (k.op().flags & kTsync) seccomp_sync_threads(k);
  k.Raise(Event::kFilterAttached);
  int listeners = k.info().filtered && k.s->filter().notif ? 1 : 0;
  for (size_t cur = filter; cur != 0; cur = k.s->filters[cur].prev) ++listeners;
  k.Note("{} has {} listeners in its chain", k.info().name, listeners);
}

}  // namespace

Flow seccomp_set_mode_filter(Kernel& k) {
  auto& l = k.Locals<InstallLocals>();
  FUNCTION_BEGIN;
  if ((k.op().flags & kTsync) && k.Has(Toggle::k_no_tsync_esrch)) return k.Return(-kEINVAL);
  STEP("listener = get_unused_fd_flags(O_CLOEXEC)", kFiles);
  {
    FilesTable& files = k.s->files[k.me().files];
    const int limit = k.p.nofile[k.me().files];
    while (l.listener < limit && files[l.listener] != kNoFile) ++l.listener;
    if (l.listener == limit) return k.Return(-kEMFILE);
    files[l.listener] = kReserved;
  }
  if (k.Has(Toggle::k_dup_listener_race)) {
    // init_listener() of 5.9 and before.
    STEP("for (cur = current->seccomp.filter; cur; cur = cur->prev)", kChains | kRequests);
    if (has_duplicate_listener(k)) l.ret = -kEBUSY;
  }
  if (l.ret == 0) {
    STEP("spin_lock_irq(&current->sighand->siglock)", kChains | kUsers | kRequests | kGroupLives);
    if (has_duplicate_listener(k) && !k.Has(Toggle::k_dup_listener_race)) {
      l.ret = -kEBUSY;
    } else if ((k.op().flags & kTsync) && !seccomp_can_sync_threads(k)) {
      l.ret = -kESRCH;
    } else {
      seccomp_attach_filter(k);
    }
  }
  STEP("ret ? put_unused_fd(listener) : fd_install(listener, listener_f)", kFiles);
  k.s->files[k.me().files][l.listener] = l.ret != 0 ? static_cast<uint8_t>(kNoFile) : k.OpenFile();
  return k.Return(l.ret != 0 ? l.ret : static_cast<Ret>(l.listener));
  FUNCTION_END;
}

}  // namespace knotcheck::model
