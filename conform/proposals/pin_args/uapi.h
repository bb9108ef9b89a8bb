// SPDX-License-Identifier: Apache-2.0
//
// SECCOMP_IOCTL_NOTIF_PIN_ARGS, declared as conform/runner/uapi.h declares the listener's own
// ioctls.

#pragma once

#include <sys/ioctl.h>

#include <cstdint>

namespace knotcheck::runner {

struct seccomp_pin_arg {
  uint8_t arg_idx;
  uint8_t kind;
  uint16_t reserved;
  uint32_t max_bytes;
  uint32_t max_entries;
  uint32_t reserved2;
  uint32_t actual_size;
  uint32_t actual_entries;
  uint32_t truncated;
  uint32_t reserved3;
  uint64_t user_addr;
  uint64_t buf_offset;
};

struct seccomp_notif_pin_args {
  uint64_t id;
  uint32_t nr_args;
  uint32_t buf_size;
  uint64_t buf;
  seccomp_pin_arg args[6];
};

inline constexpr int kPinCstring = 1;
inline constexpr int kPinCstringArray = 2;
inline constexpr unsigned long kIoctlPinArgs = _IOWR('!', 5, seccomp_notif_pin_args);

}  // namespace knotcheck::runner
