// SPDX-License-Identifier: Apache-2.0
//
// PIN_ARGS in C programs.

#include "conform/emit_c_room.h"

namespace knotcheck::conform {
namespace {

const EmitterRoom& Room() {
  static const auto* const room = new EmitterRoom{
      .proposal = "pin_args",
      .head =
          {
              {{"SECCOMP_USER_NOTIF_FLAG_CONTINUE_PINNED", "seccomp_notif_pin_args"},
               R"c(
#ifndef SECCOMP_USER_NOTIF_FLAG_CONTINUE_PINNED
#define SECCOMP_USER_NOTIF_FLAG_CONTINUE_PINNED	(1UL << 1)
#endif
)c"},
              {{"seccomp_notif_pin_args"},
               R"c(
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
)c"},
          },
      .world =
          {
              {{"pin_args"},
               R"c(
static int pin_args(int t, struct seccomp_notif_pin_args *pin)
{
	struct seccomp_pin_arg *arg;
	__u32 i, e;

	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_PIN_ARGS, pin))
		return -1;
	for (arg = pin->args; arg < pin->args + pin->nr_args; arg++) {
		char *text = shared->actor[t].saw[arg->arg_idx];
		char *bytes = (char *)(uintptr_t)pin->buf + arg->buf_offset;
		__u32 *table = (__u32 *)bytes;

		*text = 0;
		/* Zeros at the end are not told: who knows where it ends. */
		for (e = arg->actual_size; e && !bytes[e - 1];)
			e--;
		if (arg->kind == SECCOMP_PIN_FIXED)
			put_text(text, 200, bytes, e);
		else if (arg->kind == SECCOMP_PIN_CSTRING)
			put_text(text, 200, bytes,
				 strnlen(bytes, arg->actual_size));
		else
			for (i = 0; i < table[0]; i++) {
				e = strlen(text);
				put_text(text + e, 200 - e,
					 bytes + table[i + 1],
					 strlen(bytes + table[i + 1]));
				if (i + 1 < table[0] && strlen(text) < 198)
					strcat(text, ",");
			}
		if (arg->truncated)
			strcat(text, " (cut)");
	}
	return 0;
}
)c"},
          },
      .makes = {{"pin", "pin_args"}}};
  return *room;
}

[[maybe_unused]] const int kRegistered = RegisterEmitter(&Room());

}  // namespace
}  // namespace knotcheck::conform
