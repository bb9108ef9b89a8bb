// SPDX-License-Identifier: GPL-2.0
/*
 * The bodies of calls as far as they read user memory and descriptors: what stands around the
 * functions that build.sh cuts from the user's tree (cut.c). Orders are those of the functions that
 * are named.
 */
#include "kernel.h"

#include "cut.h"
#include "internal.h"

/* copy_from_iter(): how much there was. */
static long from_iter(char *to, unsigned long bytes, struct iov_iter *iter)
{
	if (iter->count < bytes)
		bytes = iter->count;
	if (!iter->kvec)
		return bytes - copy_from_user(to, iter->ubuf, bytes);
	knot_touch(iter->kvec, sizeof(*iter->kvec));
	knot_touch(iter->kvec->iov_base, bytes);
	memcpy(to, iter->kvec->iov_base, bytes);
	return bytes;
}

/* What a file of zeros gives. */
static long zero(char __user *to, unsigned long bytes)
{
	static const char zeros[64];

	return bytes - copy_to_user(to, zeros, min(bytes, sizeof(zeros)));
}

static long zero_iter(unsigned long bytes, struct iov_iter *iter)
{
	if (iter->count < bytes)
		bytes = iter->count;
	if (!iter->kvec)
		return zero(iter->ubuf, bytes);
	knot_touch(iter->kvec->iov_base, bytes);
	memset(iter->kvec->iov_base, 0, bytes);
	return bytes;
}

/* What has no name below /. */
static int relative(const struct filename *name)
{
	return name->name[0] != '/';
}

/* path_init(): a relative name begins at the descriptor, and none of the files is a directory. */
static long start_of(const struct filename *name, int dfd)
{
	if (!relative(name) || dfd == AT_FDCWD)
		return 0;
	return knot_has_file(dfd) ? -ENOTDIR : -EBADF;
}

static long do_openat(int dfd, const char __user *filename)
{
	struct filename *name = getname(filename);
	struct file *file;
	long fd, error;

	if (IS_ERR(name))
		return PTR_ERR(name);
	fd = get_unused_fd_flags(0);
	if (fd >= 0) {
		error = start_of(name, dfd);
		file = error ? ERR_PTR(error) : knot_open(name->name);
		if (IS_ERR(file)) {
			put_unused_fd(fd);
			fd = PTR_ERR(file);
		} else {
			knot_acted_path(name->name);
			fd_install(fd, file);
		}
	}
	putname(name);
	return fd;
}

static long do_bind(int fd, void __user *address, int bytes)
{
	struct sockaddr_storage storage;
	const int what = knot_file_at(fd);
	long ret;

	memset(&storage, KNOT_NEVER_WRITTEN, sizeof(storage));

	if (what == 0)
		return -EBADF;
	if (what != KNOT_SOCKET && what != KNOT_GIFT)
		return -ENOTSOCK;
	ret = move_addr_to_kernel(address, bytes, &storage);
	if (ret < 0)
		return ret;
	knot_acted("used", &storage, bytes);
	return 0;
}

/* ksys_write(): a driver's own ->write() copies itself, all others through import_ubuf(). */
static long do_write(int fd, const char __user *buf, unsigned long bytes)
{
	const int what = knot_file_at(fd);
	char kept[64];
	struct iov_iter iter;
	long ret, copied;

	if (what == 0)
		return -EBADF;
	if (bytes > sizeof(kept))
		bytes = sizeof(kept);
	if (what == KNOT_LEGACY) {
		copied = bytes - copy_from_user(kept, buf, bytes);
	} else {
		ret = import_ubuf(ITER_SOURCE, (void __user *)buf, bytes, &iter);
		if (ret)
			return ret;
		copied = from_iter(kept, bytes, &iter);
		bytes = iter.count;
	}
	if (copied == 0 && bytes > 0)
		return -EFAULT;
	knot_acted("used", kept, copied);
	return copied;
}

static long do_read(int fd, char __user *buf, unsigned long bytes)
{
	const int what = knot_file_at(fd);
	struct iov_iter iter;
	long ret, copied;

	if (what == 0)
		return -EBADF;
	if (what == KNOT_LEGACY) {
		copied = zero(buf, bytes);
	} else {
		ret = import_ubuf(ITER_DEST, buf, bytes, &iter);
		if (ret)
			return ret;
		copied = zero_iter(bytes, &iter);
		bytes = iter.count;
	}
	if (copied == 0 && bytes > 0)
		return -EFAULT;
	knot_acted_buffer((unsigned long)buf, copied);
	return copied;
}

/* do_execveat_common(), begin_new_exec() */
static long do_exec(struct filename *name, const char __user *const __user *argv,
		    const char __user *const __user *envp)
{
	struct linux_binprm bprm = { };
	struct user_arg_ptr args = { .ptr.native = argv }, env = { .ptr.native = envp };
	long ret;

	bprm.p = KNOT_ARG_BYTES;
	bprm.pages = kzalloc(KNOT_ARG_BYTES, GFP_KERNEL);
	if (!bprm.pages) {
		putname(name);
		return -ENOMEM;
	}
	bprm.filename = name->name;
	ret = count(args, 0x7fffffff);
	if (ret < 0)
		goto out;
	bprm.argc = ret;
	ret = count(env, 0x7fffffff);
	if (ret < 0)
		goto out;
	bprm.envc = ret;
	ret = copy_strings(bprm.envc, env, &bprm);
	if (ret < 0)
		goto out;
	ret = copy_strings(bprm.argc, args, &bprm);
	if (ret < 0)
		goto out;
	ret = knot_begin_new_exec(&bprm);
out:
	kfree(bprm.pages);
	putname(name);
	return ret;
}

static long do_close(int fd)
{
	struct file *file = knot_take_file(fd);

	if (!file)
		return -EBADF;
	knot_fput_sync(file);
	return 0;
}

static long do_dup2(int old, int new)
{
	struct file *file = fget(old);
	long ret;

	if (!file)
		return -EBADF;
	if (old == new) {
		fput(file);
		return new;
	}
	ret = receive_fd_replace(new, file, 0);
	fput(file);
	return ret;
}

/* The calls by number, x86-64's. */
long knot_body(int nr, const unsigned long *args)
{
	struct filename *name;

	switch (nr) {
	case 257:
		return do_openat(args[0], (const char __user *)args[1]);
	case 49:
		return do_bind(args[0], (void __user *)args[1], args[2]);
	case 1:
		return do_write(args[0], (const char __user *)args[1], args[2]);
	case 0:
		return do_read(args[0], (char __user *)args[1], args[2]);
	case 59:
		name = getname((const char __user *)args[0]);
		if (IS_ERR(name))
			return PTR_ERR(name);
		return do_exec(name, (const char __user *const __user *)args[1],
			       (const char __user *const __user *)args[2]);
	case 95:
		return 0; /* umask(2) */
	case 3:
		return do_close(args[0]);
	case 33:
		return do_dup2(args[0], args[1]);
	case 57:
		return knot_copy_process(0);
	case 56:
		return knot_copy_process(1);
	case 60:
		do_exit(0);
	case 317:
		return knot_install(args[0]);
	case 39:
		return 0; /* getpid(2) */
	default:
		knot_fail(KNOT_LOST, "a call without a body");
	}
}
