// SPDX-License-Identifier: Apache-2.0
//
// A kernel without the ioctl skips the test. What is in capitals here comes from the ioctl's
// signature.

// piece: need_VERB
/* A kernel that has the ioctl looks for the notification. */
static void need_VERB(void)
{
	struct STRUCTURE request = {
		.id = ~0ULL,
#if EMIT_DESCRIPTORS
		.COUNT = 1,
		.ARRAY = { { .BYTES = 1 } },
#endif
	};

	if (ioctl(listener, IOCTL, &request) &&
	    (errno == EINVAL || errno == ENOTTY))
		skip("no IOCTL");
}
