// SPDX-License-Identifier: Apache-2.0
//
// The door of the room, and what MARK promises.

#include "mark/room.h"
#include "model/property.h"

namespace knotcheck::model::mark {
namespace {

KNOT_REGISTER_PROPERTY(mark_dies,
                       {.name = "mark-dies",
                        .sentence = "no mark is on a task that has returned to user mode",
                        .source = "the example's README",
                        .broken_by = Bit(kSurvives),
                        .witness = Bit(kAttached),
                        .proposal = "mark"});

const Proposal kMark = [] {
  Proposal p;
  p.name = "mark";
  p.revision = "v2";
  p.revisions = {{"v1", "without ONCE"}, {"v2", "with it"}};
  p.source = "docs/example-proposal";
  p.not_covered = "everything: it is made up";
  p.functions = {
      {"seccomp_notif_mark", "kernel/seccomp.c", sizeof(RequestLocals), seccomp_notif_mark, ".i"},
      {"seccomp_clear_mark", "kernel/seccomp.c", sizeof(ClearLocals), seccomp_clear_mark, "t"},
  };
  p.mutations = {
#define KNOT_MUTATION(name, what) {"mutate_" #name, what},
#include "mark/mutations.def"
#undef KNOT_MUTATION
  };
  p.fixes = {
#define KNOT_FIX(name, what) {#name, what},
#include "mark/fixes.def"
#undef KNOT_FIX
  };
  p.errnos = {
#define KNOT_ERRNOS(says, returns, names) {#says, #returns, names},
#include "mark/errnos.def"
#undef KNOT_ERRNOS
  };
  p.verbs = {{.name = "mark",
              .function = kFnMark,
              .ioctl = "SECCOMP_IOCTL_NOTIF_MARK",
              .structure = "seccomp_notif_mark",
              .fields = {{.word = "once", .unit = "", .member = "flags", .others = {1}}}}};
  // No policy of its own, and nothing that it protects: policies do what the baseline's do.
  p.exit = [](Kernel& k) { return PushClear(k, k.cur); };
  p.run_task_work = [](Kernel& k, uint8_t) { return PushClear(k, k.cur); };
  p.returned_to_user = ReturnedToUser;
  p.after_step = AfterStep;
  p.limits = Limits;
  p.state_bytes = StateBytes;
  p.list_task_fields = ListTaskFields;
  p.list_fields = ListFields;
  p.renumber = Renumber;
  return p;
}();

KNOT_REGISTER_PROPOSAL(mark, kMark);

}  // namespace
}  // namespace knotcheck::model::mark
