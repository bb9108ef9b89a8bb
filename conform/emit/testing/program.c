// SPDX-License-Identifier: Apache-2.0
//
// What the emitter writes into each program, and the names that it gives to need.c, so that all
// pieces compile in one file (tests/emit_pieces_test.sh).

enum { T, S, ACTORS };
#define EXECUTES	T

static const char *const names[] = { "T", "S" };
static const int trapped[] = { __NR_openat };
#define TRAPPED	1
static const char as_expected[] = "not ok 1";
static const char otherwise[] = "ok 1";
static const char *const files[] = { "/ok" };

struct STRUCTURE {
	__u64 id;
	__u32 COUNT;
	struct {
		__u32 BYTES;
	} ARRAY[6];
};
#define IOCTL	SECCOMP_IOWR(9, struct STRUCTURE)
