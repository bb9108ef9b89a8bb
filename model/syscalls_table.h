// SPDX-License-Identifier: Apache-2.0
//
// The table behind SyscallOf(), made of own_calls.def, syscalls.def and descriptors.def.

#pragma once

#include <vector>

#include "model/program.h"

namespace knotcheck::model {

// By Nr.
std::vector<Syscall> MakeSyscalls();

}  // namespace knotcheck::model
