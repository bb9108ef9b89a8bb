// SPDX-License-Identifier: Apache-2.0
//
// Numbers of the kernel's interface that its functions name.

#pragma once

#include <cstdint>

namespace knotcheck::model {

inline constexpr uint16_t kUserNotifContinue = 1;      // SECCOMP_USER_NOTIF_FLAG_CONTINUE
inline constexpr uint16_t kUserNotifFdSyncWakeUp = 1;  // SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
enum : uint8_t { kEpollIn = 1, kEpollOut = 4, kEpollErr = 8, kEpollHup = 16, kEpollNval = 32 };

}  // namespace knotcheck::model
