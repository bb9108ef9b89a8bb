// SPDX-License-Identifier: Apache-2.0
//
// The notifier's structures and ioctls. They are declared here, with the kernel's names and
// layouts, so that the runner builds against headers that are older than the kernel it tests.

#pragma once

#include <sys/ioctl.h>

#include <cstdint>

namespace knotcheck::runner {

struct seccomp_data {
  int32_t nr;
  uint32_t arch;
  uint64_t instruction_pointer;
  uint64_t args[6];
};

struct seccomp_notif {
  uint64_t id;
  uint32_t pid;
  uint32_t flags;
  seccomp_data data;
};

struct seccomp_notif_resp {
  uint64_t id;
  int64_t val;
  int32_t error;
  uint32_t flags;
};

struct seccomp_notif_addfd {
  uint64_t id;
  uint32_t flags;
  uint32_t srcfd;
  uint32_t newfd;
  uint32_t newfd_flags;
};

inline constexpr unsigned long kFlagNewListener = 1UL << 3;
inline constexpr unsigned long kFlagWaitKillable = 1UL << 5;
inline constexpr uint32_t kAddfdSetfd = 1;
inline constexpr uint32_t kAddfdSend = 2;

inline constexpr unsigned long kIoctlRecv = _IOWR('!', 0, seccomp_notif);
inline constexpr unsigned long kIoctlSend = _IOWR('!', 1, seccomp_notif_resp);
inline constexpr unsigned long kIoctlIdValid = _IOW('!', 2, uint64_t);
inline constexpr unsigned long kIoctlAddfd = _IOW('!', 3, seccomp_notif_addfd);
inline constexpr unsigned long kIoctlSetFlags = _IOW('!', 4, uint64_t);

}  // namespace knotcheck::runner
