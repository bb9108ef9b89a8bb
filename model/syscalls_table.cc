// SPDX-License-Identifier: Apache-2.0
//
// Compiled without optimisation, which takes long here and of which nobody has anything.

#include "model/syscalls_table.h"

#include <cstring>
#include <string>

#include "base/check.h"

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

}  // namespace

std::vector<Syscall> MakeSyscalls() {
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

}  // namespace knotcheck::model
