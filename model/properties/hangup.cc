// SPDX-License-Identifier: Apache-2.0
//
// What a supervisor is told when its last target is gone.

#include "model/kernel/kernel.h"
#include "model/property.h"

namespace knotcheck::model {
namespace {

bool WaitsForTargets(const Task& task) {
  for (const Frame& frame : task.frames) {
    if (frame.function == static_cast<uint8_t>(Fn::k_recv_wait_event)) return true;
    if (frame.function == static_cast<uint8_t>(Fn::k_seccomp_notify_poll)) return true;
  }
  return false;
}

// Whether somebody waits for what no task is left to do, when nothing more can happen.
bool WaitsForNobody(const Program& p, const State& s) {
  bool waits = false;
  for (size_t t = 0; t < p.tasks.size(); ++t) {
    const bool lives = s.tasks[t].status == kAlive || s.tasks[t].status == kExiting;
    if (p.tasks[t].filtered && lives) return false;
    waits = waits || (lives && WaitsForTargets(s.tasks[t]));
  }
  return waits;
}

KNOT_REGISTER_PROPERTY(
    hangup, {.name = "hangup",
             .sentence = "a supervisor that waits in RECV or poll() is told when the last task "
                         "with the filter has exited",
             .source = "seccomp_unotify(2), on POLLHUP; selftests user_notification_filter_empty "
                       "and user_ioctl_notification_filter_empty",
             .witness = Bit(Event::kUnused),
             .broken_at_rest = WaitsForNobody,
             .on_request = true,
             .only_asked = true});

}  // namespace
}  // namespace knotcheck::model
