// SPDX-License-Identifier: GPL-2.0
/*
 * What stands in for the rest of the kernel: locks, sleeping, signals, exit, files, other tasks'
 * memory. Each function names the kernel's whose order it keeps; what it leaves out no plan can ask
 * for. A step begins at knot_yield() or knot_wait().
 */
#include "kernel.h"

#include "internal.h"

struct knot_kernel *knot;

unsigned long knot_kernel_bytes(void)
{
	return sizeof(struct knot_kernel);
}

void knot_kernel_begin(void *memory)
{
	knot = memory;
}

void knot_plan_begin(const struct knot_plan *plan)
{
	knot->plan = *plan;
}

struct task_struct *knot_task(int number)
{
	return &knot->tasks[number];
}

/* ---- kernel/locking: a lock that is free is taken in one step, whoever waits */

static int lock_is_free(void *owner)
{
	return *(int *)owner == 0;
}

void knot_might_sleep(const char *where)
{
	if (knot_spins())
		knot_fail(KNOT_SLEEPS, where);
}

void knot_assert_held(const void *lock, const char *where)
{
	if (!knot_holds(lock))
		knot_fail(KNOT_LOCK_NOT_HELD, where);
}

static void take(int *owner, int spins)
{
	*owner = knot_current() + 1;
	knot_locked(owner, spins);
}

static void give(int *owner, int spins)
{
	knot_touch(owner, sizeof(*owner));
	if (*owner != knot_current() + 1)
		knot_fail(KNOT_LOCK_NOT_HELD, "an unlock of a lock that the task does not hold");
	*owner = 0;
	knot_unlocked(owner, spins);
}

void knot_spin_lock(raw_spinlock_t *lock)
{
	knot_touch(lock, sizeof(*lock));
	knot_wait(lock_is_free, &lock->owner);
	knot_touch(lock, sizeof(*lock));
	take(&lock->owner, 1);
}

void knot_spin_unlock(raw_spinlock_t *lock)
{
	give(&lock->owner, 1);
}

void mutex_lock(struct mutex *lock)
{
	might_sleep();
	knot_touch(lock, sizeof(*lock));
	knot_wait(lock_is_free, &lock->owner);
	knot_touch(lock, sizeof(*lock));
	take(&lock->owner, 0);
}

void mutex_unlock(struct mutex *lock)
{
	give(&lock->owner, 0);
}

struct interruptible {
	struct mutex *lock;
	struct task_struct *task;
	unsigned int state;
};

static int free_or_signalled(void *what)
{
	const struct interruptible *wait = what;

	return wait->lock->owner == 0 || knot_has_signal(wait->state, wait->task);
}

int knot_waits_for_lock(int (*ready)(void *))
{
	return ready == lock_is_free || ready == free_or_signalled;
}

/* __mutex_lock_common(): the lock is tried before signals are looked at, each time. */
static int lock_or_signal(struct mutex *lock, unsigned int state)
{
	struct interruptible wait = { lock, current, state };

	might_sleep();
	knot_touch(lock, sizeof(*lock));
	knot_wait(free_or_signalled, &wait);
	knot_touch(lock, sizeof(*lock));
	if (lock->owner != 0)
		return -EINTR;
	take(&lock->owner, 0);
	return 0;
}

int mutex_lock_interruptible(struct mutex *lock)
{
	return lock_or_signal(lock, TASK_INTERRUPTIBLE);
}

int mutex_lock_killable(struct mutex *lock)
{
	return lock_or_signal(lock, TASK_KILLABLE);
}

bool mutex_is_locked(struct mutex *lock)
{
	return lock->owner != 0;
}

/* ---- Atomics */

int knot_atomic_add(int *counter, int n)
{
	int old;

	knot_yield();
	knot_touch(counter, sizeof(*counter));
	old = *counter;
	*counter = old + n;
	return old;
}

bool knot_atomic_try_cmpxchg(int *counter, int *old, int wanted)
{
	knot_yield();
	knot_touch(counter, sizeof(*counter));
	if (*counter != *old) {
		*old = *counter;
		return false;
	}
	*counter = wanted;
	return true;
}

int knot_atomic_dec_if_positive(int *counter)
{
	int next;

	knot_yield();
	knot_touch(counter, sizeof(*counter));
	next = *counter - 1;
	if (next >= 0)
		*counter = next;
	return next;
}

void *knot_xchg(void **place, void *value)
{
	void *old;

	knot_yield();
	knot_touch(place, sizeof(*place));
	old = *place;
	*place = value;
	return old;
}

bool knot_try_cmpxchg(void **place, void **old, void *value)
{
	knot_yield();
	knot_touch(place, sizeof(*place));
	if (*place != *old) {
		*old = *place;
		return false;
	}
	*place = value;
	return true;
}

/* ---- kernel/sched/core.c */

int knot_has_signal(unsigned int state, const struct task_struct *task)
{
	if (!(state & (TASK_INTERRUPTIBLE | TASK_WAKEKILL)) || !task->pending)
		return 0;
	return (state & TASK_INTERRUPTIBLE) || task->fatal;
}

bool knot_signal_pending(struct task_struct *task)
{
	if (task->signalled)
		knot_yield();
	return task->pending;
}

bool knot_signal_pending_state(unsigned int state, struct task_struct *task)
{
	if (task->signalled)
		knot_yield();
	return knot_has_signal(state, task);
}

bool fatal_signal_pending(struct task_struct *task)
{
	if (task->signalled)
		knot_yield();
	return task->pending && task->fatal;
}

static int is_running(void *what)
{
	const struct task_struct *task = what;

	return task->__state == TASK_RUNNING || knot_has_signal(task->__state, task);
}

/* __schedule(): who has a signal for the state that he sleeps in does not sleep. */
void schedule(void)
{
	struct task_struct *task = current;

	might_sleep();
	knot_wait(is_running, task);
	task->__state = TASK_RUNNING;
}

long schedule_timeout(long timeout)
{
	schedule();
	return timeout;
}

/* try_to_wake_up(): under pi_lock, so one step. */
int try_to_wake_up(struct task_struct *task, unsigned int state, int wake_flags)
{
	knot_yield();
	knot_touch(task, sizeof(*task));
	if (!(task->__state & state))
		return 0;
	task->__state = TASK_RUNNING;
	return 1;
}

int wake_up_state(struct task_struct *task, unsigned int state)
{
	return try_to_wake_up(task, state, 0);
}

int wake_up_process(struct task_struct *task)
{
	return try_to_wake_up(task, TASK_NORMAL, 0);
}

int default_wake_function(struct wait_queue_entry *entry, unsigned int mode, int flags, void *key)
{
	return try_to_wake_up(entry->private, mode, flags);
}

/* Tasks lie in the world's memory for good; a use after the last put is told all the same. */
struct task_struct *get_task_struct(struct task_struct *task)
{
	if (task->usage <= 0)
		knot_fail(KNOT_USE_AFTER_FREE, "get_task_struct() of a task that is freed");
	task->usage++;
	return task;
}

void put_task_struct(struct task_struct *task)
{
	if (task->usage <= 0)
		knot_fail(KNOT_DOUBLE_FREE, "put_task_struct() of a task that is freed");
	task->usage--;
}

struct task_struct *knot_next_thread(struct task_struct *of, struct task_struct *after)
{
	int i = after ? (int)(after - knot->tasks) + 1 : 0;

	for (; i < KNOT_TASKS; i++)
		if (knot->tasks[i].signal == of->signal && knot->tasks[i].usage > 0 &&
		    !knot->tasks[i].dead)
			return &knot->tasks[i];
	return NULL;
}

/* ---- kernel/signal.c */

/* signal_wake_up_state() */
static void signal_wake_up(struct task_struct *task, unsigned int state)
{
	task->pending = true;
	if (task->__state & (state | TASK_INTERRUPTIBLE))
		task->__state = TASK_RUNNING;
}

/* complete_signal(): a signal that kills one thread kills all of its group. */
static void kill_group(struct task_struct *of, struct task_struct *but)
{
	struct task_struct *thread;

	for (thread = knot_next_thread(of, NULL); thread; thread = knot_next_thread(of, thread)) {
		if (thread == but)
			continue;
		thread->fatal = true;
		signal_wake_up(thread, TASK_WAKEKILL);
	}
}

/* __send_signal_locked(), under siglock: one step of who sends. SIGUSR1 does not queue, and nobody
 * is woken for what is blocked or ignored. */
void knot_signal(int number, int fatal)
{
	struct task_struct *task = knot_task(number);

	if (task->dead || task->usage <= 0 || !task->signal)
		return;
	if (fatal) {
		task->signal->group_exit = true;
		kill_group(task, NULL);
		return;
	}
	if (task->handler == KNOT_IGNORED || (task->flags & PF_EXITING))
		return;
	if (task->handler == KNOT_NO_HANDLER) {
		task->signal->group_exit = true;
		kill_group(task, NULL);
		return;
	}
	task->usr1 = true;
	if (!task->blocked)
		signal_wake_up(task, 0);
}

void force_sig_seccomp(int call, int reason, bool force_coredump)
{
	knot_fail(KNOT_LOST, "a filter that kills or traps");
}

static bool clears(struct task_struct *task)
{
	if (!task->resume)
		return false;
	task->resume = false;
	if (task_work_pending(task))
		task_work_run();
	return true;
}

static void run_works(struct task_struct *task)
{
	if (task_work_pending(task))
		task_work_run();
}

/* get_signal(). True: the handler's frame is to be made. */
static bool get_signal(struct task_struct *task)
{
	run_works(task);
	if (task->signalled)
		knot_yield();
	if (!task->pending)
		return false;
	if (task->fatal || task->signal->group_exit)
		do_exit(SIGKILL);
	task->pending = false;
	if (!task->usr1 || task->blocked)
		return false;
	task->usr1 = false;
	return true;
}

/* arch_do_signal_or_restart() and handle_signal() until the frame is there: whether the call begins
 * anew, which it does behind the handler. */
static bool restarts(struct pt_regs *regs, bool handled, int handler)
{
	switch (regs->ax) {
	case -ERESTARTNOHAND:
	case -ERESTART_RESTARTBLOCK:
		if (handled) {
			regs->ax = -EINTR;
			return false;
		}
		return true;
	case -ERESTARTSYS:
		if (handled && handler != KNOT_RESTARTS) {
			regs->ax = -EINTR;
			return false;
		}
		return true;
	case -ERESTARTNOINTR:
		return true;
	default:
		return false;
	}
}

/* exit_to_user_mode_loop(). True: the call begins anew. Without a call `regs` is NULL. */
bool knot_to_user_mode(struct pt_regs *regs)
{
	struct task_struct *task = current;
	struct pt_regs none = { .orig_ax = -1 };
	bool again = false;

	if (!regs)
		regs = &none;
	for (;;) {
		bool frame = false;

		for (;;) {
			if (task->signalled)
				knot_yield();
			if (task->pending) {
				const bool had = frame;

				frame |= get_signal(task);
				if (frame && !had) {
					again |= restarts(regs, true, task->handler);
					task->blocked = true;
				} else if (!frame) {
					again |= restarts(regs, false, 0);
				}
				continue;
			}
			if (clears(task))
				continue;
			break;
		}
		if (knot_holds_any())
			knot_fail(KNOT_LOCK_HELD, "a lock is held at the return to user mode");
		if (!frame)
			return again;
		{
			/* The frame on the user's stack. */
			const struct pt_regs kept = task->regs;

			knot_run_handler();
			/* rt_sigreturn(2): what came while the signal was blocked comes now. */
			task->regs = kept;
			task->blocked = false;
			if (task->usr1)
				task->pending = true;
		}
	}
}

/* ---- kernel/exit.c */

int knot_is_dead(int number)
{
	return knot_task(number)->dead;
}

int knot_pid(int number)
{
	return knot_task(number)->pid;
}

static void exit_files(struct task_struct *task)
{
	struct files_struct *files = task->files;
	int fd;

	if (files->users > 1)
		knot_yield();
	task->files = NULL;
	if (--files->users > 0)
		return;
	for (fd = 0; fd < KNOT_FDS; fd++) {
		struct file *file = files->fd[fd];

		files->fd[fd] = NULL;
		if (file)
			fput(file);
	}
}

void do_exit(long code)
{
	struct task_struct *task = current;
	struct mm_struct *mm = task->mm;

	if (task->signalled || knot->plan.installs)
		knot_yield();
	task->flags |= PF_EXITING; /* exit_signals() */
	knot_exit_seccomp(task);
	task->signal->live.counter--;
	if (mm) {
		if (knot->plan.looks)
			knot_yield();
		task->mm = NULL;
		mmput(mm);
	}
	exit_files(task);
	task_work_run(); /* exit_task_work() */
	if (knot_holds_any())
		knot_fail(KNOT_LOCK_HELD, "a lock is held by a task that is gone");
	knot_yield();
	task->dead = true;
	put_task_struct(task);
	knot_gone();
}

void knot_kill_others(struct task_struct *me)
{
	kill_group(me, me);
}
