// SPDX-License-Identifier: Apache-2.0
//
// Descriptors, as the functions that need them call them. Each is part of its caller's step; a
// number that is taken and filled in one step is a limit (docs/limits.md).

#pragma once

#include <cstddef>
#include <cstdint>

#include "model/kernel/kernel.h"

namespace knotcheck::model {

// The lowest free number of the running task's table, claimed; or -errno.
int get_unused_fd_flags(Kernel& k);
// The file of an ADDFD under the lowest free number, or under that one; or -errno.
int receive_fd(Kernel& k);
int receive_fd_replace(Kernel& k, int new_fd);
// Whether the path that getname() copied, of which that is the first word, is empty; whether it
// begins at the call's descriptor, which an empty one does as well.
bool IsEmpty(const Kernel& k, Value first);
bool IsRelative(const Kernel& k, Value first);
// Whether a descriptor is looked up, given what its path says.
bool LooksUp(const Kernel& k, const CallFd& fd, bool relative);
// fdget() of descriptor `index` of those that the running call has: its file, or kNoFile.
uint8_t LookUpFd(Kernel& k, size_t index);

}  // namespace knotcheck::model
