// SPDX-License-Identifier: Apache-2.0
//
// `hold T`: a sleeping task is moved to a processor that a real-time thread keeps busy, so that it
// does not run when it is woken. All tasks of such a plan run on another processor.

#pragma once

#include <string>

namespace knotcheck::runner {

// Keeps the caller, and all that it starts, on the first of two processors and starts the thread
// for the other. On failure false, and why.
bool OpenHold(std::string* reason);

void Hold(int tid);
void Release(int tid);

}  // namespace knotcheck::runner
