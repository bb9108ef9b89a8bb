// SPDX-License-Identifier: Apache-2.0
//
// The ioctl, and what it showed.

// piece: pin_args
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
