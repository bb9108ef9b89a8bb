// SPDX-License-Identifier: Apache-2.0
//
// The runner as the first process of a virtual machine.

#pragma once

namespace knotcheck::runner {

// Mounts what the plans need.
void SetUpGuest();

// Says goodbye and turns the machine off.
[[noreturn]] void EndGuest();

}  // namespace knotcheck::runner
