// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <vector>

#include "model/program.h"
#include "model/syscalls_table.h"

namespace knotcheck::model {

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
  static const auto* const table = new std::vector<Syscall>(MakeSyscalls());
  return (*table)[static_cast<size_t>(nr)];
}

}  // namespace knotcheck::model
