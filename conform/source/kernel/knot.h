/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The seam between the search (conform/source) and the kernel's own files with the shims that
 * they are compiled against. No type of the kernel passes through it.
 */
#ifndef KNOT_H
#define KNOT_H

#ifdef __cplusplus
extern "C" {
#endif

/* Tasks of a plan, and descriptors of a table (model/program.h, kMaxFds). */
#define KNOT_TASKS 12
#define KNOT_FDS 8
/* The listener's number in supervisors' tables, and that of the file that ADDFD gives. */
#define KNOT_LISTENER 6
#define KNOT_GIVEN 7

/* What a descriptor is of. */
enum knot_file {
	KNOT_STDIO = 1,
	KNOT_SOCKET,
	KNOT_REGULAR,
	KNOT_LEGACY,
	KNOT_GIFT,
	KNOT_OPENED,
	KNOT_NOTIFY
};

/* What the C did that no kernel may do. */
enum knot_defect {
	KNOT_USE_AFTER_FREE,
	KNOT_DOUBLE_FREE,
	KNOT_OUT_OF_BOUNDS,
	KNOT_USE_AFTER_RETURN,
	KNOT_UNINITIALISED,      /* bytes that user space gets */
	KNOT_UNINITIALISED_READ, /* bytes that a call acts on */
	KNOT_LEAK,
	KNOT_LOCK_HELD,     /* at return to user mode */
	KNOT_LOCK_NOT_HELD, /* lockdep_assert_held(), or an unlock */
	KNOT_SLEEPS,        /* with a spinlock */
	KNOT_WARN,
	KNOT_BUG,
	KNOT_WILD_POINTER,
	KNOT_LOOP, /* a step that does not end */
	KNOT_DEADLOCK,
	KNOT_LOST, /* the plan asks for what the shims do not have */
	KNOT_DEFECTS
};

/* ---- What the search does for the C. All of these but knot_yield() may be called while locks are
 * held. Between two yields of one task nothing of another task happens. */

/* Another task may step here; what follows is the next step. */
void knot_yield(void);
/* The next step begins when ready(what) is true. It must not yield, and not write. */
void knot_wait(int (*ready)(void *), void *what);
/* The next step begins with one of 0 .. count-1, whichever. */
unsigned int knot_choose(unsigned int count);
/* The running task's number; KNOT_TASKS while the world is made. */
int knot_current(void);
/* Memory that is full of `byte`; NULL where an allocation is made to fail. */
void *knot_alloc(unsigned long bytes, int byte);
/* What nobody has written yet: two such bytes are told, when user space gets them or a call acts on
 * them. */
#define KNOT_NEVER_WRITTEN 0xa5
void knot_free(const void *memory);
/* The step ends here, with a defect. */
void knot_fail(enum knot_defect defect, const char *what) __attribute__((noreturn));
/* Locks that the running task has, for the check of races and for lockdep. */
void knot_locked(const void *lock, int spins);
void knot_unlocked(const void *lock, int spins);
int knot_holds(const void *lock);
int knot_holds_any(void);
int knot_spins(void); /* whether one of them is a spinlock */
/* User memory of an address space, word by word, a yield before each. What could not be copied,
 * in bytes. The supervisors' own memory, which is theirs alone, is copied at once. */
unsigned long knot_read_user(int space, unsigned long from, void *to, unsigned long bytes);
unsigned long knot_write_user(int space, unsigned long to, const void *from, unsigned long bytes);
/* A defect unless the memory is in use. */
void knot_touch(const void *at, unsigned long bytes);
/* memmove(3) and memset(3), watched as the C's own loads and stores are. */
void *knot_memcpy(void *to, const void *from, unsigned long bytes);
void *knot_memset(void *to, int byte, unsigned long bytes);
/* A forked child's memory is what its parent's is now. */
void knot_copy_space(int from, int to);
/* The address space of a program, and whether there is such a file. */
int knot_image(const char *path);
int knot_exists(const char *path);
/* What the running task's call acted on: `key` is "used" or "argv"; later ones behind commas. */
void knot_acted(const char *key, const void *bytes, unsigned long count);
/* ... is a file, which is told from the root. */
void knot_acted_path(const char *name);
/* ... is what stands at this address of its own memory. */
void knot_acted_buffer(unsigned long address, unsigned long count);
/* The script of the running task's signal handler. */
void knot_run_handler(void);
/* A task that fork() or clone() has made begins its script. */
void knot_started(int task);
/* The running task is gone. */
void knot_gone(void) __attribute__((noreturn));

/* ---- What the C has for the search. */

/* Of what changes: bytes, and where it is put. */
unsigned long knot_kernel_bytes(void);
void knot_kernel_begin(void *memory);

/* The tasks as a plan has them, in its order, before anything runs. */
struct knot_task {
	int filtered;   /* has the target's filter */
	int supervises; /* has a table without files */
	int signalled;  /* somebody may signal or kill it */
	int starts;     /* from the beginning */
	int space;      /* whose memory: the number of a task */
	int files;      /* whose table */
	int group;      /* whose process */
	int handler;    /* 0 none, 1 restarts, 2 plain, 3 ignored */
	int nofile;     /* RLIMIT_NOFILE; -1: as many as there are */
};
void knot_task_begin(int task, const struct knot_task *how);
/* What no task of the plan does, nobody can be disturbed by: then it is no step. */
struct knot_plan {
	int looks;    /* at another task's memory */
	int closes;   /* files, by whatever means */
	int installs; /* filters */
};
void knot_plan_begin(const struct knot_plan *plan);
/* Numbers of the calls that the filter sends to the supervisor. `installer` is a target. An error:
 * what seccomp(2) returned. */
long knot_filter_begin(int installer, const int *traps, unsigned int count, int wait_killable);
void knot_give_listener(int supervisor);

/* A call of the running task from user mode to user mode again. */
long knot_call(int nr, const unsigned long args[6]);
/* One of a supervisor on the listener: ioctl(2) with command and argument, poll(2) with events and
 * whether it waits, close(2). */
enum knot_listener_call { KNOT_CALL_IOCTL, KNOT_CALL_POLL, KNOT_CALL_CLOSE };
long knot_listener_call(enum knot_listener_call call, unsigned long a, unsigned long b);
/* Between two calls: signals that have come; and, for knot_wait(), whether there are any. */
void knot_user_mode(void);
int knot_may_be_interrupted(void *task);
/* For knot_wait(), too: some task has a filter. */
int knot_is_filtered(void *unused);
/* Which child fork() and clone() make. */
void knot_next_child(int task);
/* Signals: `fatal` is SIGKILL. */
void knot_signal(int task, int fatal);
int knot_is_dead(int task);
/* Whether who waits so (knot_wait()) waits for a lock. */
int knot_waits_for_lock(int (*ready)(void *));
/* knotcheck's own look at a task's memory, as process_vm_readv(2) does it: bytes, or an error. */
long knot_read_remote(int pid, unsigned long from, void *to, unsigned long bytes);
int knot_pid(int task);

#ifdef __cplusplus
}
#endif

#endif
