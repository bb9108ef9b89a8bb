// SPDX-License-Identifier: Apache-2.0
//
// An initramfs: the "newc" cpio archive that the kernel unpacks into its first file system
// (Documentation/driver-api/early-userspace/buffer-format.rst).

#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace knotcheck::conform {

struct CpioEntry {
  std::string path{};       // without a leading slash; directories before what is in them
  uint32_t mode = 0;        // type and permissions, as in struct stat
  std::string content{};    // of regular files, less than 4 GiB
  uint32_t rdev_major = 0;  // of device nodes
  uint32_t rdev_minor = 0;
};

// The archive. Owner is root, time is 0: the same entries give the same bytes.
std::string WriteCpio(const std::vector<CpioEntry>& entries);

}  // namespace knotcheck::conform
