// SPDX-License-Identifier: GPL-2.0
/* Other tasks' memory, and the running task's own. */
#include "kernel.h"

#include "internal.h"

/* ---- mm */

/* get_task_mm(): under task_lock() */
struct mm_struct *get_task_mm(struct task_struct *task)
{
	struct mm_struct *mm;

	knot_yield();
	mm = task->mm;
	if (mm)
		mm->users++;
	return mm;
}

/* Who puts the last reference nobody can tell: there is no page that would go. */
void mmput(struct mm_struct *mm)
{
	if (mm->users <= 0)
		knot_fail(KNOT_DOUBLE_FREE, "mmput() of an address space without users");
	mm->users--;
}

int access_remote_vm(struct mm_struct *mm, unsigned long address, void *buf, int bytes,
		     unsigned int gup_flags)
{
	return bytes - (int)knot_read_user(mm->space, address, buf, bytes);
}

/* A string of an address space, word by word as long as there is no NUL in it: bytes without the
 * NUL, `most` if there is none, -EFAULT. `done`: how many could be read. */
static long read_string(int space, unsigned long address, char *to, long most, long *done)
{
	*done = 0;
	while (*done < most) {
		const long chunk = min(most - *done, 8 - (long)((address + *done) & 7));
		unsigned long word = 0;
		long i;

		if (knot_read_user(space, address + *done, &word, chunk))
			return -EFAULT;
		memcpy(to + *done, &word, chunk);
		for (i = 0; i < chunk; i++)
			if (!to[*done + i])
				return *done + i;
		*done += chunk;
	}
	return most;
}

/* The primitive of 6.15, and what the port to 6.12 defines: how many bytes without the NUL. */
static int copy_string_of(int space, unsigned long address, char *to, int bytes)
{
	long done;
	const long length = read_string(space, address, to, bytes, &done);

	if (length < 0) {
		to[done] = 0;
		return length;
	}
	if (length < bytes)
		return length;
	to[bytes - 1] = 0;
	return bytes - 1;
}

int copy_remote_vm_str(struct task_struct *task, unsigned long address, void *buf, int bytes,
		       unsigned int gup_flags)
{
	struct mm_struct *mm;
	int ret;

	if (bytes == 0)
		return 0;
	*(char *)buf = 0;
	mm = get_task_mm(task);
	if (!mm)
		return -EFAULT;
	ret = copy_string_of(mm->space, address, buf, bytes);
	mmput(mm);
	return ret;
}

/* process_vm_readv(2): process_vm_rw_core() */
long knot_read_remote(int pid, unsigned long from, void *to, unsigned long bytes)
{
	struct task_struct *task = NULL;
	struct mm_struct *mm;
	unsigned long left;
	int i;

	knot_yield(); /* find_get_task_by_vpid() */
	for (i = 0; i < KNOT_TASKS; i++)
		if (knot->tasks[i].pid == pid && !knot->tasks[i].dead)
			task = &knot->tasks[i];
	if (!task)
		return -ESRCH;
	/* mm_access() */
	mm = get_task_mm(task);
	if (!mm)
		return -ESRCH;
	left = knot_read_user(mm->space, from, to, bytes);
	mmput(mm);
	return left == bytes ? -EFAULT : (long)(bytes - left);
}

/* ---- lib: copies of the running task's own memory */

static int own_space(void)
{
	return current->mm ? current->mm->space : -1;
}

unsigned long copy_from_user(void *to, const void __user *from, unsigned long bytes)
{
	const unsigned long left = knot_read_user(own_space(), (unsigned long)from, to, bytes);

	if (left)
		memset((char *)to + bytes - left, 0, left);
	return left;
}

unsigned long copy_to_user(void __user *to, const void *from, unsigned long bytes)
{
	return knot_write_user(own_space(), (unsigned long)to, from, bytes);
}

int check_zeroed_user(const void __user *from, size_t bytes)
{
	size_t at;

	for (at = 0; at < bytes; at += 8) {
		unsigned long word = 0;

		if (knot_read_user(own_space(), (unsigned long)from + at, &word,
				   min(bytes - at, (size_t)8)))
			return -EFAULT;
		if (word)
			return 0;
	}
	return 1;
}

int copy_struct_from_user(void *to, size_t to_bytes, const void __user *from, size_t bytes)
{
	const size_t common = min(to_bytes, bytes);

	memset(to, 0, to_bytes);
	if (bytes > to_bytes) {
		const int zeroed = check_zeroed_user((const char __user *)from + to_bytes,
						     bytes - to_bytes);

		if (zeroed <= 0)
			return zeroed ?: -E2BIG;
	}
	return copy_from_user(to, from, common) ? -EFAULT : 0;
}

long strncpy_from_user(char *to, const char __user *from, long most)
{
	long done;

	return read_string(own_space(), (unsigned long)from, to, most, &done);
}

/* With the NUL; 0: an error. */
long strnlen_user(const char __user *from, long most)
{
	long length = 0;

	while (length < most) {
		const unsigned long address = (unsigned long)from + length;
		const long bytes = min(most - length, 8 - (long)(address & 7));
		char word[8];
		long done;
		const long here = read_string(own_space(), address, word, bytes, &done);

		if (here < 0)
			return 0;
		if (here < bytes)
			return length + here + 1;
		length += bytes;
	}
	return most + 1;
}

bool kthread_should_stop_or_park(void)
{
	return false;
}

ssize_t strscpy(char *to, const char *from, size_t most)
{
	size_t i;

	for (i = 0; i < most; i++) {
		to[i] = from[i];
		if (!from[i])
			return i;
	}
	if (most)
		to[most - 1] = 0;
	return -E2BIG;
}
