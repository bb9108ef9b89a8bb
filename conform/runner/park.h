// SPDX-License-Identifier: Apache-2.0
//
// Holds the kernel's first copy to a supervisor's page: userfaultfd with write protection.

#pragma once

#include <string>

namespace knotcheck::runner {

// Opens the userfaultfd of this process. On failure false, and why.
bool OpenPark(std::string* reason);

// From now on the first write to this page, which must be present, waits. Called by the supervisor
// that is about to hand the page to the kernel, and undone by it afterwards.
void ArmPark(void* page);
void DisarmPark(void* page);

// Whether something waits to write to the page. Called by the conductor only.
bool IsParked(const void* page);

// Lets it write; or makes the write fail.
void Unpark(void* page, bool fault);

}  // namespace knotcheck::runner
