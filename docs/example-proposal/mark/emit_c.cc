// SPDX-License-Identifier: Apache-2.0
//
// MARK in C programs.

#include "conform/emit_c_room.h"

namespace knotcheck::conform {
namespace {

const EmitterRoom& Room() {
  static const auto* const room = new EmitterRoom{.proposal = "mark",
                                                  .head = {{{"seccomp_notif_mark"}, R"c(
#ifndef SECCOMP_IOCTL_NOTIF_MARK
struct seccomp_notif_mark {
	__u64	id;
	__u32	flags;
	__u32	pad;
};

#define SECCOMP_IOCTL_NOTIF_MARK	SECCOMP_IOW(9, struct seccomp_notif_mark)
#endif
)c"}},
                                                  .world = {}};
  return *room;
}

[[maybe_unused]] const int kRegistered = RegisterEmitter(&Room());

}  // namespace
}  // namespace knotcheck::conform
