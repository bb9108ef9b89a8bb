// SPDX-License-Identifier: GPL-2.0
/* Descriptor tables, files, filters. */
#include "kernel.h"

#include "internal.h"

/* ---- fs/file.c, fs/file_table.c. A table that tasks share has a lock, taken once by each. */

static void lock_table(void)
{
	if (current->files->users > 1)
		knot_yield();
}

static struct file *file_of(int what)
{
	return &knot->fixed[what];
}

void knot_open_fixed(struct files_struct *files, int fd, int what)
{
	files->fd[fd] = file_of(what);
	files->fd[fd]->what = what;
	files->fd[fd]->refs++;
}

struct file *fget(unsigned int fd)
{
	struct files_struct *files = current->files;
	struct file *file;

	lock_table();
	for (;;) {
		file = fd < KNOT_FDS ? files->fd[fd] : NULL;
		if (!file || !knot->plan.closes)
			break;
		/* __get_file_rcu(): who has no reference left, or another place, is not taken. The
		 * memory stays what it is until then. */
		knot_yield();
		if (file->refs > 0 && file == files->fd[fd])
			break;
	}
	if (file)
		file->refs++;
	return file;
}

static void __fput(struct file *file)
{
	if (file->f_op && file->f_op->release)
		file->f_op->release(NULL, file);
	if (file < knot->fixed || file >= knot->fixed + ARRAY_SIZE(knot->fixed))
		kfree(file);
}

static void ____fput(struct callback_head *work)
{
	__fput(container_of(work, struct file, work));
}

static bool last_reference(struct file *file)
{
	if (knot->plan.closes || file->refs == 1)
		knot_yield();
	knot_touch(file, sizeof(*file));
	if (file->refs <= 0)
		knot_fail(KNOT_DOUBLE_FREE, "fput() of a file without references");
	return --file->refs == 0;
}

void fput(struct file *file)
{
	if (!last_reference(file))
		return;
	init_task_work(&file->work, ____fput);
	if (task_work_add(current, &file->work, TWA_RESUME))
		__fput(file); /* delayed_fput(): by a kernel thread */
}

void knot_fput_sync(struct file *file)
{
	if (last_reference(file))
		__fput(file);
}

int get_unused_fd_flags(unsigned int flags)
{
	struct files_struct *files = current->files;
	int fd;

	lock_table();
	for (fd = 0; fd < files->nofile && fd < KNOT_FDS; fd++) {
		if (files->fd[fd] || (files->reserved & BIT(fd)))
			continue;
		files->reserved |= BIT(fd);
		if (flags & O_CLOEXEC)
			files->cloexec |= BIT(fd);
		else
			files->cloexec &= ~BIT(fd);
		return fd;
	}
	return -EMFILE;
}

void put_unused_fd(unsigned int fd)
{
	lock_table();
	current->files->reserved &= ~BIT(fd);
}

void fd_install(unsigned int fd, struct file *file)
{
	lock_table();
	current->files->fd[fd] = file;
	current->files->reserved &= ~BIT(fd);
}

int receive_fd(struct file *file, int __user *ufd, unsigned int o_flags)
{
	const int fd = get_unused_fd_flags(o_flags);

	if (fd < 0)
		return fd;
	if (knot->plan.closes)
		knot_yield();
	file->refs++;
	fd_install(fd, file);
	return fd;
}

/* replace_fd(), do_dup2() */
int receive_fd_replace(int new_fd, struct file *file, unsigned int o_flags)
{
	struct files_struct *files = current->files;
	struct file *old;

	lock_table();
	if (new_fd < 0 || new_fd >= files->nofile || new_fd >= KNOT_FDS)
		return -EBADF;
	old = files->fd[new_fd];
	if (!old && (files->reserved & BIT(new_fd)))
		return -EBUSY;
	file->refs++;
	files->fd[new_fd] = file;
	if (old)
		fput(old);
	return new_fd;
}

struct file *anon_inode_getfile(const char *name, const struct file_operations *f_op, void *priv,
				int flags)
{
	struct file *file = kzalloc(sizeof(*file), GFP_KERNEL);

	if (!file)
		return ERR_PTR(-ENOMEM);
	file->f_op = f_op;
	file->private_data = priv;
	file->refs = 1;
	file->what = KNOT_NOTIFY;
	return file;
}

/* ---- net/core/filter.c: a filter is the list of calls that it sends to the supervisor, or none */

int bpf_prog_create_from_user(struct bpf_prog **prog, struct sock_fprog *fprog,
			      knot_check_filter check, bool save_orig)
{
	*prog = kzalloc(sizeof(**prog), GFP_KERNEL);
	if (!*prog)
		return -ENOMEM;
	(*prog)->len = 1;
	(*prog)->traps = fprog->len == KNOT_TRAPS;
	return 0;
}

void bpf_prog_destroy(struct bpf_prog *prog)
{
	kfree(prog);
}

u32 bpf_prog_run_pin_on_cpu(const struct bpf_prog *prog, const struct seccomp_data *data)
{
	unsigned int i;

	knot_touch(prog, sizeof(*prog));
	for (i = 0; prog->traps && i < knot->trap_count; i++)
		if (knot->traps[i] == data->nr)
			return SECCOMP_RET_USER_NOTIF;
	return SECCOMP_RET_ALLOW;
}
