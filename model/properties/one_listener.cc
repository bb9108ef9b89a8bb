// SPDX-License-Identifier: Apache-2.0
//
// Filters that scripts install.

#include "model/property.h"

namespace knotcheck::model {
namespace {

bool TwoListeners(const Program& p, const State& s) {
  if (p.installs == 0) return false;
  for (size_t t = 0; t < p.tasks.size(); ++t) {
    int listeners = p.tasks[t].filtered && s.filter().notif ? 1 : 0;
    for (size_t f = s.tasks[t].filter; f != 0; f = s.filters[f].prev) {
      listeners += s.filters[f].listens;
    }
    if (listeners > 1) return true;
  }
  return false;
}

KNOT_REGISTER_PROPERTY(one_listener,
                       {.name = "one-listener",
                        .sentence = "at most one filter of a task has a listener",
                        .source = "kernel/seccomp.c, has_duplicate_listener(); selftest "
                                  "user_notification_basic: \"Installing a second listener in the "
                                  "chain should EBUSY\"",
                        .witness = Bit(Event::kFilterAttached),
                        .broken_in = TwoListeners,
                        .on_request = true,
                        .only_asked = true});

}  // namespace
}  // namespace knotcheck::model
