/* SPDX-License-Identifier: GPL-2.0 */
/* What the shims share among themselves. */
#ifndef KNOT_INTERNAL_H
#define KNOT_INTERNAL_H

#include "kernel.h"

enum { KNOT_NO_HANDLER, KNOT_RESTARTS, KNOT_PLAIN, KNOT_IGNORED };

/* sock_fprog.len of the filter that sends calls to the supervisor; any other allows all. */
#define KNOT_TRAPS 2
#define KNOT_MAX_TRAPS 16

/* All that changes, but for what knot_alloc() gives and the stacks. */
struct knot_kernel {
	struct task_struct tasks[KNOT_TASKS + 1]; /* and who makes the world */
	struct sighand_struct sighands[KNOT_TASKS];
	struct signal_struct signals[KNOT_TASKS];
	struct mm_struct spaces[KNOT_TASKS];
	struct mm_struct images[KNOT_TASKS]; /* of programs that tasks have executed */
	struct files_struct tables[KNOT_TASKS];
	struct files_struct unshared[KNOT_TASKS];
	struct file fixed[KNOT_NOTIFY];
	int traps[KNOT_MAX_TRAPS];
	unsigned int trap_count;
	int next_child[KNOT_TASKS];
	struct file *listener;
	struct knot_plan plan;
};
extern struct knot_kernel *knot;

int knot_has_signal(unsigned int state, const struct task_struct *task);
bool knot_to_user_mode(struct pt_regs *regs);
void knot_kill_others(struct task_struct *me);
struct file *knot_take_file(int fd);
struct file *knot_open(const char *name);
int knot_file_at(int fd);
int knot_has_file(int fd);
struct linux_binprm;
long knot_begin_new_exec(struct linux_binprm *bprm);
long knot_copy_process(int shares);
long knot_install(unsigned long flags);
long knot_body(int nr, const unsigned long *args);
void knot_open_fixed(struct files_struct *files, int fd, int what);
void knot_fput_sync(struct file *file);
/* Cut from do_exit(): what it has of seccomp. */
void knot_exit_seccomp(struct task_struct *tsk);
long knot_sys_seccomp(unsigned int op, unsigned int flags, void *uargs);
int __secure_computing(const struct seccomp_data *sd);

#endif
