// SPDX-License-Identifier: Apache-2.0
//
// seccomp(SECCOMP_SET_MODE_FILTER) with NEW_LISTENER: one more filter on top of the task's. It
// allows every call, and nobody uses its listener.

#include "model/ghost/probes.h"
#include "model/kernel/files.h"
#include "model/kernel/kernel.h"
#include "model/kernel/locals.h"
#include "model/kernel/toggles.h"

namespace knotcheck::model {
namespace {

bool InGroup(const Kernel& k, size_t t) {
  return k.p.tasks[t].group == k.info().group && k.p.tasks[t].kind != TaskKind::kSupervisor &&
         k.s->tasks[t].status == kAlive;
}

// for (cur = current->seccomp.filter; cur; cur = cur->prev) if (cur->notif) return true
bool has_duplicate_listener(const Kernel& k) {
  for (size_t cur = k.me().filter; cur != 0; cur = k.s->filters[cur].prev) {
    if (k.s->filters[cur].listens) return true;
  }
  return k.info().filtered && k.s->filter().notif;
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
    if (static_cast<int>(t) == k.cur) continue;
    if (!InGroup(k, t)) continue;
    ++k.s->filters[k.me().filter].installed_users;
    const bool released = k.ReleaseInstalled(k.s->tasks[t].filter);
    // The caller's chain holds the scenario's filter, so that this is not its last user.
    if (released && k.p.tasks[t].filtered) --k.filter().users;
    k.s->tasks[t].filter = k.me().filter;
  }
}

// A filter that nobody has and whose listener is closed. Each call of the scenario has one.
size_t FreeFilter(const Kernel& k) {
  size_t filter = 1;
  while (k.s->filters[filter].installed_users != 0 || k.s->filters[filter].listens) ++filter;
  KNOT_CHECK(filter < k.s->layout().filters);
  return filter;
}

Ret seccomp_attach_filter(Kernel& k) {
  if ((k.op().flags & kTsync) && !seccomp_can_sync_threads(k)) return -kESRCH;
  const size_t filter = FreeFilter(k);
  Filter& attached = k.s->filters[filter];
  attached.listens = 1;
  attached.installed_users = 1;
  // filter->prev = current->seccomp.filter, whose user the filter is in the task's place
  attached.prev = k.me().filter;
  k.me().filter = static_cast<uint8_t>(filter);
  if (k.op().flags & kTsync) seccomp_sync_threads(k);
  ghost::FilterAttached(k);
  return 0;
}

}  // namespace

Flow seccomp_set_mode_filter(Kernel& k) {
  auto& l = k.Locals<InstallLocals>();
  FUNCTION_BEGIN;
  if ((k.op().flags & kTsync) && k.Has(Variant::no_tsync_esrch)) return k.Return(-kEINVAL);
  STEP("listener = get_unused_fd_flags(O_CLOEXEC)", kFiles);
  {
    const int listener = get_unused_fd_flags(k);
    if (listener < 0) return k.Return(listener);
    l.listener = static_cast<uint8_t>(listener);
  }
  if (k.Has(Variant::dup_listener_race)) {
    // init_listener() of 5.9 and before.
    STEP("for (cur = current->seccomp.filter; cur; cur = cur->prev)", kChains | kRequests);
    if (has_duplicate_listener(k)) l.ret = -kEBUSY;
  }
  if (l.ret == 0) {
    STEP("spin_lock_irq(&current->sighand->siglock)", kChains | kUsers | kRequests | kGroupLives);
    if (has_duplicate_listener(k) && !k.Has(Variant::dup_listener_race)) {
      l.ret = -kEBUSY;
    } else {
      l.ret = seccomp_attach_filter(k);
      if (l.ret == 0) l.filter = k.me().filter;
    }
  }
  STEP("ret ? put_unused_fd(listener) : fd_install(listener, listener_f)", kFiles);
  k.s->files[k.me().files][l.listener] =
      static_cast<uint8_t>(l.ret != 0 ? int{kNoFile} : kMaxFile + l.filter);
  return k.Return(l.ret != 0 ? l.ret : static_cast<Ret>(l.listener));
  FUNCTION_END;
}

}  // namespace knotcheck::model
