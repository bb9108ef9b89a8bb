// SPDX-License-Identifier: Apache-2.0
//
// `hold O`: the pages of an object come from a file whose server answers a read only when it is
// told to. The server is a process of its own that maps nothing of the file, so that its end frees
// whoever waits for it.

#pragma once

#include <string>

#include "conform/runner/control.h"

namespace knotcheck::runner {

// Mounts a FUSE file of `bytes` bytes for an object and starts its server. Returns a descriptor of
// the file; on failure -1, and why.
int ServeObject(Control* control, int object, uint64_t bytes, std::string* reason);

// Drops what is cached of the object, so that the next read comes to the server, and keeps that
// read waiting. False if the server does not answer.
bool ArmObject(Control* control, int object);

// Whether a read waits.
bool IsObjectHeld(const Control& control, int object);

// Answers it.
void ReleaseObject(Control* control, int object);

}  // namespace knotcheck::runner
