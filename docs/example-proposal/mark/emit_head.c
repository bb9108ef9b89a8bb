// SPDX-License-Identifier: Apache-2.0
//
// MARK, which no header has.

// piece: seccomp_notif_mark
#ifndef SECCOMP_IOCTL_NOTIF_MARK
struct seccomp_notif_mark {
	__u64	id;
	__u32	flags;
	__u32	pad;
};

#define SECCOMP_IOCTL_NOTIF_MARK	SECCOMP_IOW(9, struct seccomp_notif_mark)
#endif
