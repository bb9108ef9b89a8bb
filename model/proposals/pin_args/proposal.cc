// SPDX-License-Identifier: Apache-2.0
//
// The door of the room.

#include "model/proposals/pin_args/room.h"

namespace knotcheck::model::pin_args {

namespace {

const Proposal kPinArgsProposal = [] {
  Proposal p;
  p.name = "pin_args";
  p.revision = "v1, 2026-05-04";
  p.revisions = {{"v1", "as posted on 2026-05-04"}};
  p.source = "20260504011207.539408-2-xiyou.wangcong@gmail.com";
  p.not_covered = "io_uring callers of import_ubuf; compat tasks; audit";
  p.functions = {
      {"seccomp_notif_pin_args", "kernel/seccomp.c", sizeof(PinArgsLocals), seccomp_notif_pin_args,
       ".iT.."},
      {"seccomp_pin_args_walk", "kernel/seccomp_pin.c", sizeof(WalkLocals), seccomp_pin_args_walk,
       ".it...."},
      {"pin_one_fixed", "kernel/seccomp_pin.c", sizeof(FixedLocals), pin_one_fixed, "t....."},
      {"pin_one_cstring", "kernel/seccomp_pin.c", sizeof(FixedLocals), pin_one_cstring, "t....."},
      {"pin_one_cstring_array", "kernel/seccomp_pin.c", sizeof(ArrayLocals), pin_one_cstring_array,
       "t............."},
      {"seccomp_clear_pinned_args", "kernel/seccomp_pin.c", sizeof(ClearLocals),
       seccomp_clear_pinned_args, "t"},
      {"getname_flags", "fs/namei.c", sizeof(UseLocals), pinned_getname_flags, "...."},
      {"copy_strings_from_pin", "fs/exec.c", sizeof(UseLocals), copy_strings_from_pin, "...."},
      {"move_addr_to_kernel", "net/socket.c", sizeof(UseLocals), pinned_move_addr_to_kernel,
       "...."},
      {"import_ubuf", "lib/iov_iter.c", sizeof(UseLocals), pinned_import_ubuf, "...."},
      {"count", "fs/exec.c", sizeof(UseLocals), pinned_count, "...."},
      {"vfs_write", "fs/read_write.c", sizeof(UseLocals), pinned_vfs_write, "...."},
      {"deferred_copy_from_iter", "fs/direct-io.c", 0, deferred_copy_from_iter, ""},
  };
  p.promises = {
      {"toctou", "PIN_ARGS v1 1/3: \"mutations after PIN_ARGS returns have no effect\""},
      {"fail-closed",
       "PIN_ARGS v1 1/3: \"the syscall-body fetch points consume from the kernel buffer instead of "
       "re-reading user memory\""},
      {"bad-address", "PIN_ARGS v1 3/3: the kernel copies the bytes \"from args[arg_idx]\""}};
  p.mutations = {
#define KNOT_MUTATION(name, what) {"mutate_" #name, what},
#include "model/proposals/pin_args/mutations.def"
#undef KNOT_MUTATION
  };
  p.fixes = {
#define KNOT_FIX(name, what) {#name, what},
#include "model/proposals/pin_args/fixes.def"
#undef KNOT_FIX
  };
  p.errnos = {
#define KNOT_ERRNOS(says, returns, names) {#says, #returns, names},
#include "model/proposals/pin_args/errnos.def"
#undef KNOT_ERRNOS
  };
  p.verbs = {{.name = "pin",
              .function = kFnPinArgs,
              .ioctl = "SECCOMP_IOCTL_NOTIF_PIN_ARGS",
              .structure = "seccomp_notif_pin_args",
              .fields = {{"buf", "BYTES", "buf_size", 4096, 1u << 30, {0}, "buf"}},
              .kinds = {{"fixed", "SECCOMP_PIN_FIXED", Reads::kBytes},
                        {"cstring", "SECCOMP_PIN_CSTRING", Reads::kString},
                        {"cstrings", "SECCOMP_PIN_CSTRING_ARRAY", Reads::kStrings}},
              .members = {"nr_args", "args", "arg_idx", "kind", "max_bytes", "max_entries"}}};
  p.send_flags = {{"pinned", kContinuePinned, "SECCOMP_USER_NOTIF_FLAG_CONTINUE_PINNED"}};
  p.protection = {.verb = 0, .flags = kContinue | kContinuePinned};
  p.policy_script = PolicyScript;
  p.general_policy_script = GeneralPolicyScript;
  p.send_check = SendCheck;
  p.send_found = SendFound;
  p.send_stored = SendStored;
  p.detach = PushClear;
  p.leave = Leave;
  p.exit = Exit;
  p.copy_seccomp = CopySeccomp;
  p.run_task_work = RunTaskWork;
  p.read_task_work = ReadTaskWork;
  p.getname_flags = PushFetch<kFnGetname>;
  p.count = Count;
  p.copy_strings = PushFetch<kFnCopyStrings>;
  p.move_addr_to_kernel = PushFetch<kFnMoveAddr>;
  p.import_ubuf = PushFetch<kFnImportUbuf>;
  p.vfs_write = VfsWrite;
  p.deferred = Deferred;
  p.returned_to_user = ReturnedToUser;
  p.after_step = AfterStep;
  p.state_bytes = StateBytes;
  p.list_task_fields = ListTaskFields;
  p.list_fields = ListFields;
  p.limits = Limits;
  p.renumber = Renumber;
  return p;
}();

KNOT_REGISTER_PROPOSAL(pin_args, kPinArgsProposal);

}  // namespace

}  // namespace knotcheck::model::pin_args
