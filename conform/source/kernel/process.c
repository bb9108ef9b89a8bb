// SPDX-License-Identifier: GPL-2.0
/*
 * From user mode to user mode: system calls, the beginning of a task, fork, exec, and the file of
 * the listener as user space has it.
 */
#include "kernel.h"

#include "cut.h"
#include "internal.h"

/* ---- The world before anything runs */

static struct files_struct *table_of(int owner)
{
	return &knot->tables[owner];
}

void knot_task_begin(int number, const struct knot_task *how)
{
	struct task_struct *task = knot_task(number);
	int fd;

	task->pid = 100 + number;
	task->handler = how->handler;
	task->signalled = how->signalled;
	task->filtered = how->filtered;
	task->no_new_privs = true;
	task->sighand = &knot->sighands[how->group];
	task->signal = &knot->signals[how->group];
	if (!how->starts)
		return;
	task->usage = 1;
	task->signal->live.counter++;
	task->mm = &knot->spaces[how->space];
	task->mm->space = how->space;
	task->mm->users++;
	task->files = table_of(how->files);
	if (task->files->users++ > 0)
		return;
	task->files->nofile = how->nofile > 0 ? how->nofile : KNOT_FDS;
	if (how->supervises)
		return;
	for (fd = 0; fd < 3; fd++)
		knot_open_fixed(task->files, fd, KNOT_STDIO);
	knot_open_fixed(task->files, 3, KNOT_SOCKET);
	knot_open_fixed(task->files, 4, KNOT_REGULAR);
	knot_open_fixed(task->files, 5, KNOT_LEGACY);
}

/* What the filter is, in the place of a program. */
static struct sock_fprog program_of(int traps)
{
	const struct sock_fprog program = { .len = traps ? KNOT_TRAPS : 1 };

	return program;
}

/* seccomp(SECCOMP_SET_MODE_FILTER) of the running task, with memory of its own stack. */
static long set_filter(unsigned int flags, int traps)
{
	struct sock_fprog program = program_of(traps);

	return knot_sys_seccomp(SECCOMP_SET_MODE_FILTER, flags, &program);
}

/* By the first target, as `current`, which is KNOT_TASKS while the world is made. */
long knot_filter_begin(int installer, const int *traps, unsigned int count, int wait_killable)
{
	struct task_struct *task = knot_task(installer), *setup = knot_task(KNOT_TASKS);
	struct file *listener;
	int nofile;
	long fd;
	unsigned int i;

	if (count > KNOT_MAX_TRAPS)
		return -E2BIG;
	for (i = 0; i < count; i++)
		knot->traps[i] = traps[i];
	knot->trap_count = count;
	*setup = *task;
	nofile = task->files->nofile;
	task->files->nofile = KNOT_FDS;
	fd = set_filter(SECCOMP_FILTER_FLAG_NEW_LISTENER |
			(wait_killable ? SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV : 0), 1);
	task->files->nofile = nofile;
	if (fd < 0)
		return fd;
	listener = setup->files->fd[fd];
	setup->files->fd[fd] = NULL;
	task->seccomp = setup->seccomp;
	task->has_seccomp = true;
	for (i = 0; i < KNOT_TASKS; i++) {
		struct task_struct *other = knot_task(i);

		if (other == task || !other->usage || !other->filtered)
			continue;
		get_seccomp_filter(task);
		other->seccomp = task->seccomp;
		other->has_seccomp = true;
	}
	memset(setup, 0, sizeof(*setup));
	knot->listener = listener;
	listener->refs--;
	return 0;
}

/* A supervisor's process has the listener, and the file that ADDFD gives. */
void knot_give_listener(int number)
{
	struct files_struct *files = knot_task(number)->files;

	if (files->fd[KNOT_LISTENER])
		return;
	files->fd[KNOT_LISTENER] = knot->listener;
	knot->listener->refs++;
	knot_open_fixed(files, KNOT_GIVEN, KNOT_GIFT);
}

/* ---- Files of bodies */

int knot_file_at(int fd)
{
	struct file *file;

	if (current->files->users > 1)
		knot_yield();
	file = fd >= 0 && fd < KNOT_FDS ? current->files->fd[fd] : NULL;
	return file ? file->what : 0;
}

int knot_has_file(int fd)
{
	return knot_file_at(fd) != 0;
}

struct file *knot_open(const char *name)
{
	struct file *file;

	if (!knot_exists(name))
		return ERR_PTR(-ENOENT);
	file = kzalloc(sizeof(*file), GFP_KERNEL);
	if (!file)
		return ERR_PTR(-ENOMEM);
	file->refs = 1;
	file->what = KNOT_OPENED;
	return file;
}

/* file_close_fd() */
struct file *knot_take_file(int fd)
{
	struct files_struct *files = current->files;
	struct file *file;

	if (files->users > 1)
		knot_yield();
	file = fd >= 0 && fd < KNOT_FDS ? files->fd[fd] : NULL;
	if (file)
		files->fd[fd] = NULL;
	return file;
}

/* ---- fork() and clone(): copy_process() */

static void dup_fd(struct files_struct *to, struct files_struct *from)
{
	int fd;

	*to = *from;
	to->users = 1;
	to->reserved = 0;
	for (fd = 0; fd < KNOT_FDS; fd++)
		if (to->fd[fd])
			to->fd[fd]->refs++;
}

void knot_next_child(int number)
{
	knot->next_child[knot_current()] = number;
}

long knot_copy_process(int shares)
{
	const int number = knot->next_child[knot_current()];
	struct task_struct *me = current, *child = knot_task(number);

	/* recalc_sigpending() */
	if (signal_pending(me))
		return -ERESTARTNOINTR;
	child->handler = me->handler;
	child->blocked = me->blocked;
	child->no_new_privs = me->no_new_privs;
	if (me->files->users > 1)
		knot_yield();
	if (shares) {
		child->files = me->files;
		child->files->users++;
	} else {
		child->files = table_of(number);
		dup_fd(child->files, me->files);
	}
	knot_yield(); /* copy_mm() */
	if (shares) {
		child->mm = me->mm;
		child->mm->users++;
		child->signal = me->signal;
		child->sighand = me->sighand;
	} else {
		child->mm = &knot->spaces[number];
		child->mm->space = number;
		child->mm->users = 1;
		knot_copy_space(me->mm->space, number);
		child->signal = &knot->signals[number];
		child->sighand = &knot->sighands[number];
	}
	spin_lock(&me->sighand->siglock);
	if (me->pending && me->fatal) {
		spin_unlock(&me->sighand->siglock);
		return -EINTR;
	}
	copy_seccomp(child);
	child->usage = 1;
	child->signal->live.counter++;
	spin_unlock(&me->sighand->siglock);
	knot_started(number);
	return 1;
}

/* ---- exec: begin_new_exec() */

static bool others_live(struct task_struct *me)
{
	struct task_struct *thread;

	for (thread = knot_next_thread(me, NULL); thread; thread = knot_next_thread(me, thread))
		if (thread != me)
			return true;
	return false;
}

static int is_alone(void *what)
{
	struct task_struct *me = what;

	return !others_live(me) || (me->pending && me->fatal);
}

static long de_thread(struct task_struct *me)
{
	knot_yield();
	if (me->fatal || me->signal->group_exit)
		return -EAGAIN;
	knot_kill_others(me);
	knot_wait(is_alone, me);
	return me->fatal ? -EAGAIN : 0;
}

long knot_begin_new_exec(struct linux_binprm *bprm)
{
	struct task_struct *me = current;
	struct mm_struct *old = me->mm;
	const long ret = de_thread(me);
	unsigned long at = bprm->p;
	int fd, i;

	if (ret)
		return ret;
	if (me->files->users > 1) {
		struct files_struct *own = &knot->unshared[knot_current()];

		knot_yield(); /* unshare_files() */
		dup_fd(own, me->files);
		me->files->users--;
		me->files = own;
	}
	for (fd = 0; fd < KNOT_FDS; fd++) {
		/* do_close_on_exec() */
		struct file *file = me->files->fd[fd];

		if (!file || !(me->files->cloexec & BIT(fd)))
			continue;
		me->files->fd[fd] = NULL;
		fput(file);
	}
	knot_yield(); /* exec_mmap() */
	me->mm = &knot->images[knot_current()];
	me->mm->users = 1;
	me->mm->space = knot_image(bprm->filename);
	mmput(old);
	me->handler = me->handler == KNOT_IGNORED ? KNOT_IGNORED : KNOT_NO_HANDLER;
	if (me->usr1 && !me->blocked) {
		me->fatal = true;
		me->signal->group_exit = true;
	}
	knot_acted_path(bprm->filename);
	if (bprm->argc == 0)
		knot_acted("argv", "", 0);
	for (i = 0; i < bprm->argc; i++) {
		const char *text = bprm->pages + at;

		knot_acted("argv", text, strlen(text));
		at += strlen(text) + 1;
	}
	return 0;
}

/* seccomp(NEW_LISTENER) and with TSYNC, of a filter that allows everything. */
long knot_install(unsigned long flags)
{
	return set_filter(flags, 0);
}

/* ---- fs/select.c: do_poll() of one descriptor */

struct waiter {
	struct wait_queue_entry entry;
	struct poll_table_struct table;
	struct wait_queue_head *head;
	struct task_struct *task;
	__poll_t events;
	int triggered;
};

/* pollwake() */
static int wake(struct wait_queue_entry *entry, unsigned int mode, int flags, void *key)
{
	struct waiter *waiter = container_of(entry, struct waiter, entry);

	if (key && !(key_to_poll(key) & waiter->events))
		return 0;
	waiter->triggered = 1;
	return try_to_wake_up(waiter->task, TASK_NORMAL, flags);
}

/* __pollwait() */
static void queue(struct file *file, struct wait_queue_head *head, struct poll_table_struct *table)
{
	struct waiter *waiter = container_of(table, struct waiter, table);

	waiter->head = head;
	waiter->entry.private = waiter;
	add_wait_queue(head, &waiter->entry);
}

static long poll_file(int fd, __poll_t wanted, int waits)
{
	struct waiter waiter = { .task = current, .events = wanted | EPOLLERR | EPOLLHUP };
	struct file *file;
	long found = 0;

	waiter.entry.func = wake;
	waiter.table._qproc = waits ? queue : NULL;
	for (;;) {
		file = fget(fd);
		if (!file) {
			found = 0x20; /* POLLNVAL */
		} else {
			found = file->f_op->poll(file, &waiter.table) &
				(wanted | EPOLLERR | EPOLLHUP);
			fput(file);
		}
		waiter.table._qproc = NULL;
		if (found || !waits)
			break;
		if (signal_pending(current)) {
			found = -EINTR; /* -ERESTARTNOHAND behind poll_select_finish() */
			break;
		}
		/* poll_schedule_timeout() */
		set_current_state(TASK_INTERRUPTIBLE);
		if (!READ_ONCE(waiter.triggered))
			schedule();
		__set_current_state(TASK_RUNNING);
		WRITE_ONCE(waiter.triggered, 0);
	}
	if (waiter.head)
		remove_wait_queue(waiter.head, &waiter.entry);
	return found;
}

/* ---- A supervisor's calls: ioctl(2), poll(2), close(2) on the listener */

long knot_listener_call(enum knot_listener_call call, unsigned long a, unsigned long b)
{
	struct pt_regs regs = { .orig_ax = call };
	struct file *file;

	do {
		switch (call) {
		case KNOT_CALL_IOCTL:
			file = fget(KNOT_LISTENER);
			if (!file) {
				regs.ax = -EBADF;
				break;
			}
			regs.ax = file->f_op->unlocked_ioctl(file, a, b);
			fput(file);
			break;
		case KNOT_CALL_POLL:
			regs.ax = poll_file(KNOT_LISTENER, a, b);
			break;
		case KNOT_CALL_CLOSE:
			file = knot_take_file(KNOT_LISTENER);
			regs.ax = file ? 0 : -EBADF;
			if (file)
				knot_fput_sync(file);
			break;
		}
	} while (knot_to_user_mode(&regs));
	return regs.ax;
}

/* ---- arch/x86/entry/common.c: do_syscall_64() */

long knot_call(int nr, const unsigned long args[6])
{
	struct task_struct *task = current;
	struct pt_regs *regs = &task->regs;
	int i;

	do {
		regs->orig_ax = nr;
		regs->ax = -ENOSYS;
		for (i = 0; i < 6; i++)
			regs->args[i] = args[i];
		/* syscall_trace_enter() */
		if (!task->has_seccomp || __secure_computing(NULL) != -1)
			regs->ax = knot_body(nr, args);
	} while (knot_to_user_mode(regs));
	return regs->ax;
}

/* Between two calls. */
void knot_user_mode(void)
{
	knot_to_user_mode(NULL);
}

int knot_is_filtered(void *unused)
{
	int i;

	for (i = 0; i < KNOT_TASKS; i++)
		if (knot->tasks[i].seccomp.filter)
			return 1;
	return 0;
}

int knot_may_be_interrupted(void *what)
{
	return knot_task((int)(long)what)->pending;
}
