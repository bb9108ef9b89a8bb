// SPDX-License-Identifier: Apache-2.0

#include "base/check.h"
#include "model/program.h"

namespace knotcheck::model {

const Syscall& SyscallOf(Nr nr) {
  static const auto* const table = new std::vector<Syscall>{
      {"openat", 3, {{"path", 1, Shape::kPath, -1}}},
      {"bind", 3, {{"addr", 1, Shape::kSockaddr, 2}}},
      {"write", 3, {{"buf", 1, Shape::kBuffer, 2}}},
      {"read", 3, {{"buf", 1, Shape::kOutBuffer, 2}}},
      {"execve",
       3,
       {{"filename", 0, Shape::kPath, -1},
        {"argv", 1, Shape::kStrings, -1},
        {"envp", 2, Shape::kStrings, -1}}},
      {"umask", 1, {}},
      {"close", 1, {}},
      {"dup2", 2, {}},
      {"fork", 1, {}},
      {"clone", 1, {}},
      {"exit", 1, {}},
      {"seccomp", 1, {}},
  };
  KNOT_CHECK(table->size() == static_cast<size_t>(Nr::kCount));
  return (*table)[static_cast<size_t>(nr)];
}

}  // namespace knotcheck::model
