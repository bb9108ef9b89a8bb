// SPDX-License-Identifier: Apache-2.0

#include "conform/cpio.h"

#include <cstddef>

#include "absl/strings/str_format.h"

namespace knotcheck::conform {
namespace {

void PadToFour(std::string* archive) { archive->resize((archive->size() + 3) / 4 * 4, '\0'); }

void Append(const CpioEntry& entry, uint32_t inode, std::string* archive) {
  const uint32_t links = 1;
  const uint32_t fields[] = {inode,
                             entry.mode,
                             0,  // uid
                             0,  // gid
                             links,
                             0,  // mtime
                             static_cast<uint32_t>(entry.content.size()),
                             0,  // major and minor of the device that the file was on
                             0,
                             entry.rdev_major,
                             entry.rdev_minor,
                             static_cast<uint32_t>(entry.path.size() + 1),
                             0};  // no checksum in this format
  archive->append("070701");
  for (const uint32_t field : fields) archive->append(absl::StrFormat("%08X", field));
  archive->append(entry.path).push_back('\0');
  PadToFour(archive);
  archive->append(entry.content);
  PadToFour(archive);
}

}  // namespace

std::string WriteCpio(const std::vector<CpioEntry>& entries) {
  std::string archive;
  uint32_t inode = 0;
  for (const CpioEntry& entry : entries) Append(entry, ++inode, &archive);
  Append({.path = "TRAILER!!!"}, 0, &archive);
  return archive;
}

}  // namespace knotcheck::conform
