/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What unotify.pml and unotify_coarse.pml share: the parameters, the state of
 * the filter and of the targets, and the pieces of code that hold no lock
 * themselves.
 */
#ifndef N
#define N 1
#endif
#ifndef M
#define M 1
#endif
#ifndef K
#define K 1
#endif
#ifndef S
#define S 1
#endif
#ifndef R
#define R 1
#endif
#ifndef W
#define W 2
#endif
#ifndef V
#define V 2
#endif
#ifndef SIG
#define SIG 0
#endif
#ifndef MODE
#define MODE 1
#endif
#ifndef FIX
#define FIX 0
#endif
#ifndef OUTLIVE
#define OUTLIVE 1
#endif

#if N < 1 || N > 4 || K < 1 || K > 3 || V < 1 || V > 3 || S < 1
#error "supported: 1 <= N <= 4, 1 <= K <= 3, 1 <= V <= 3, 1 <= S"
#endif

/* The notification of a target; a reply also says what was decided. */
#define NONE	0	/* not on the filter's list */
#define INIT	1	/* queued */
#define SENT	2	/* received by a supervisor */
#define DENY	3	/* replied: fail the call */
#define CONT	4	/* replied: run the call */

/* The pin of a target. */
#define UNPINNED 0
#define HELD	1	/* attached, waits for the reply */
#define LIVE	2	/* the running call reads it; task_work will drop it */

/* What PIN_ARGS said; zero is success. */
#define ENOENT	1
#define EEXIST	2
#define EBUSY	3

byte requests;		/* the filter's semaphore of unreceived notifications */
byte next_cookie = 1;
byte signals = SIG;
byte arg[K];		/* user memory */

byte knotif[N];
byte cookie[N];		/* identifies the notification, zero if none */
byte pin[N];
bit  copying[N];	/* some PIN_ARGS is between its two locked parts */
byte pin_cookie[N];	/* the notification that the pin was made for */
byte pinned[N * K];

/* Straight-line loops: no counters, so nothing to reset and nothing stored. */
#if K == 1
#define EACH_CELL(f, x) f(x, 0)
#define ALL_ALLOWED(a)  (a[0] == 0)
#elif K == 2
#define EACH_CELL(f, x) f(x, 0); f(x, 1)
#define ALL_ALLOWED(a)  (a[0] == 0 && a[1] == 0)
#else
#define EACH_CELL(f, x) f(x, 0); f(x, 1); f(x, 2)
#define ALL_ALLOWED(a)  (a[0] == 0 && a[1] == 0 && a[2] == 0)
#endif

#define ZERO_PINNED(x, c)	pinned[(x) * K + c] = 0
#define COPY_PINNED(x, c)	pinned[(x) * K + c] = seen[c]
#define ZERO_SEEN(x, c)		seen[c] = 0

#define DROP_PIN(x) \
	pin[x] = UNPINNED; pin_cookie[x] = 0; EACH_CELL(ZERO_PINNED, x)

#define UNLINK(x) \
	knotif[x] = NONE; cookie[x] = 0

#if OUTLIVE
#define CHECK_PIN(x) \
	assert(pin[x] != HELD || \
	       (knotif[x] != NONE && cookie[x] == pin_cookie[x]))
#else
#define CHECK_PIN(x) skip
#endif

/* The targets are started first: their process numbers are 0 .. N-1. */
#define self _pid

/* A writer may store any value to any argument word. */
#define STORE(c, v)	:: d_step { stores > 0 -> arg[c] = v; stores-- }
#if V == 1
#define STORE_ANY(c)	STORE(c, 0)
#elif V == 2
#define STORE_ANY(c)	STORE(c, 0) STORE(c, 1)
#else
#define STORE_ANY(c)	STORE(c, 0) STORE(c, 1) STORE(c, 2)
#endif

#define OLDEST(i) \
	if \
	:: knotif[i] == INIT && (id == 0 || cookie[i] < id) -> \
		id = cookie[i]; who = i \
	:: else \
	fi

/* Still ours to reply to: not interrupted, not restarted. */
#define MINE	(knotif[who] == SENT && cookie[who] == id)
