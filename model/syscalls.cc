// SPDX-License-Identifier: Apache-2.0

#include <cstring>
#include <string>

#include "base/check.h"
#include "model/program.h"

namespace knotcheck::model {
namespace {

int RoleNamed(const Syscall& call, const char* name) {
  for (size_t i = 0; i < call.roles.size(); ++i) {
    if (std::strcmp(call.roles[i].name, name) == 0) return static_cast<int>(i);
  }
  KNOT_CHECK(false && "a parent of the same call");
  return -1;
}

// The path that goes with a descriptor is in the next register, or the role after which it is
// looked up.
void AddFd(std::vector<Syscall>* table, const char* name, uint8_t arg, const std::string& after,
           CallFd::When when) {
  for (Syscall& call : *table) {
    if (std::strcmp(call.name, name) != 0) continue;
    CallFd fd{arg, -1, -1, when};
    if (after != "none") fd.after = static_cast<int8_t>(RoleNamed(call, after.c_str()));
    fd.path = fd.after;
    for (size_t r = 0; r < call.roles.size(); ++r) {
      if (call.roles[r].arg == arg + 1 && call.roles[r].parent < 0) {
        fd.path = static_cast<int8_t>(r);
      }
    }
    call.fds.push_back(fd);
    KNOT_CHECK(call.fds.size() <= kMaxCallFds);
    return;
  }
  KNOT_CHECK(false && "a call of the table");
}

std::vector<Syscall> MakeTable() {
  std::vector<Syscall> table;
#define KNOT_PASSES(...) \
  { __VA_ARGS__ }
#define KNOT_OWN(nr, name, args)                           \
  KNOT_CHECK(table.size() == static_cast<size_t>(Nr::nr)); \
  table.push_back({#name, args, {}});
#define KNOT_CALL(name, args) table.push_back({#name, args, {}});
#define KNOT_ARG(name, arg, shape, length, passes, source) \
  table.back().roles.push_back({#name, arg, Shape::shape, length, passes, source});
#define KNOT_NESTED(name, parent, word, shape, passes, source)                        \
  table.back().roles.push_back({#name, kNoRegister, Shape::shape, -1, passes, source, \
                                static_cast<int8_t>(RoleNamed(table.back(), #parent)), word});
  using enum Pass;
#include "model/own_calls.def"
#include "model/syscalls.def"
#undef KNOT_OWN
#undef KNOT_CALL
#undef KNOT_ARG
#undef KNOT_NESTED
#undef KNOT_PASSES
  KNOT_CHECK(table.size() == kCalls);
#define KNOT_FD(call, arg, after, when, source) \
  AddFd(&table, #call, arg, #after, CallFd::When::when);
#include "model/descriptors.def"
#undef KNOT_FD
  for (const Syscall& call : table) KNOT_CHECK(call.roles.size() <= kMaxRoles);
  return table;
}

}  // namespace

bool Program::TableAt(int arg) const {
  for (const TaskInfo& info : tasks) {
    for (const auto* ops : {&info.ops, &info.handler}) {
      for (const Op& op : *ops) {
        if (op.code != OpCode::kSyscall || arg < 0 || arg >= 6) continue;
        const int object = ObjectAt(op.pointers[static_cast<size_t>(arg)], info.space);
        if (object < 0 || !(op.is_pointer >> arg & 1)) continue;
        if (objects[static_cast<size_t>(object)].kind == Object::Kind::kPointers) return true;
      }
    }
  }
  return false;
}

bool Program::IsNamed(size_t object) const {
  const uint8_t space = objects[object].space;
  return objects[object].whole == object ||
         std::any_of(values.begin(), values.end(), [&](const ValueInfo& value) {
           return value.object >= whole_objects &&
                  value.object + space * rests_of_space == static_cast<int>(object);
         });
}

bool AsksForEmptyPath(Nr nr, int dfd, int flags) {
  // AT_NO_AUTOMOUNT and AT_STATX_SYNC_TYPE
  const int looking = nr == Nr::k_statx ? 0x800 | 0x6000 : 0;
  return (flags & ~looking) == kAtEmptyPath && dfd >= 0;
}

bool AllowsEmptyPath(Nr nr, size_t role, int flags) {
  const Role& path = SyscallOf(nr).roles[role];
  // user_path_at(), or its like, with LOOKUP_EMPTY whatever the flags
  if (nr == Nr::k_readlinkat || nr == Nr::k_fsconfig_FSCONFIG_SET_PATH_EMPTY) return true;
  int flag = kAtEmptyPath;
  if (nr == Nr::k_fspick) flag = 0x8;                             // FSPICK_EMPTY_PATH
  if (nr == Nr::k_move_mount) flag = path.arg == 1 ? 0x4 : 0x40;  // MOVE_MOUNT_F_, _T_EMPTY_PATH
  return path.length_arg >= 0 && path.IsString() && (flags & flag) != 0;
}

const Syscall& SyscallOf(Nr nr) {
  static const auto* const table = new std::vector<Syscall>(MakeTable());
  return (*table)[static_cast<size_t>(nr)];
}

}  // namespace knotcheck::model
