// SPDX-License-Identifier: Apache-2.0
//
// PIN_ARGS, where the headers lack it.

// piece: SECCOMP_USER_NOTIF_FLAG_CONTINUE_PINNED seccomp_notif_pin_args
#ifndef SECCOMP_USER_NOTIF_FLAG_CONTINUE_PINNED
#define SECCOMP_USER_NOTIF_FLAG_CONTINUE_PINNED	(1UL << 1)
#endif

// piece: seccomp_notif_pin_args
#ifndef SECCOMP_IOCTL_NOTIF_PIN_ARGS
#define SECCOMP_PIN_FIXED		0
#define SECCOMP_PIN_CSTRING		1
#define SECCOMP_PIN_CSTRING_ARRAY	2

struct seccomp_pin_arg {
	/* in */
	__u8	arg_idx;
	__u8	kind;
	__u16	_reserved;
	__u32	max_bytes;
	__u32	max_entries;
	__u32	_reserved2;
	/* out */
	__u32	actual_size;
	__u32	actual_entries;
	__u32	truncated;
	__u32	_reserved3;
	__u64	user_addr;
	__u64	buf_offset;
};

struct seccomp_notif_pin_args {
	__u64	id;
	__u32	nr_args;
	__u32	buf_size;
	__u64	buf;
	struct seccomp_pin_arg args[6];
};

#define SECCOMP_IOCTL_NOTIF_PIN_ARGS	SECCOMP_IOWR(5, \
						struct seccomp_notif_pin_args)
#endif
