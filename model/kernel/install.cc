// SPDX-License-Identifier: Apache-2.0
//
// seccomp(SECCOMP_SET_MODE_FILTER) with NEW_LISTENER: one more filter on top of the scenario's. It
// allows every call, and its listener stays open and is nobody's. A chain is the set of the filters
// above the scenario's, since filters are only ever pushed.

#include <bit>

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
  return k.me().chain != 0 || (k.info().filtered && k.s->filter().notif);
}

// A thread that has a filter that the caller has not cannot be synchronised. PF_EXITING ones are
// left out.
bool seccomp_can_sync_threads(const Kernel& k) {
  for (size_t t = 0; t < k.p.tasks.size(); ++t) {
    if (InGroup(k, t) && (k.s->tasks[t].chain & ~k.me().chain)) return false;
  }
  return true;
}

void seccomp_attach_filter(Kernel& k) {
  uint8_t used = 0;
  for (size_t t = 0; t < k.p.tasks.size(); ++t) used |= k.s->tasks[t].chain;
  const int filter = std::countr_one(used);
  KNOT_CHECK(filter < kMaxInstalled);
  k.me().chain |= static_cast<uint8_t>(1 << filter);
  if (k.op().flags & kTsync) {
    // seccomp_sync_threads(flags)
    for (size_t t = 0; t < k.p.tasks.size(); ++t) {
      if (InGroup(k, t)) k.s->tasks[t].chain = k.me().chain;
    }
  }
  k.Raise(Event::kFilterAttached);
  k.Note("{} has {} listeners in its chain", k.info().name,
         std::popcount(k.me().chain) + (k.info().filtered && k.s->filter().notif ? 1 : 0));
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
    STEP("spin_lock_irq(&current->sighand->siglock)", kChains | kRequests | kGroupLives);
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
