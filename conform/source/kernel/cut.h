/* SPDX-License-Identifier: GPL-2.0 */
/* What the functions of cut.c, which build.sh cuts from the user's tree, are declared with. */
#ifndef KNOT_CUT_H
#define KNOT_CUT_H

#include "kernel.h"

#define AT_FDCWD -100
#define LOOKUP_EMPTY 0x4000
#define AT_EMPTY_PATH 0x1000
#define PATH_MAX 64
#define EMBEDDED_NAME_MAX (PATH_MAX - (long)offsetof(struct filename, iname))
#define MAX_RW_COUNT 0x7ffff000
#define MAX_ARG_STRLEN 4096
#define MAX_ARG_STRINGS 0x7fffffff
#define ITER_SOURCE 1
#define ITER_DEST 0
#define KNOT_ARG_BYTES 256

struct filename {
	const char *name;
	const __user char *uptr;
	atomic_t refcnt;
	void *aname;
	const char iname[];
};
#define __getname() ((void *)knot_alloc(PATH_MAX, KNOT_NEVER_WRITTEN))
#define __putname(name) knot_free(name)

struct sockaddr_storage { char bytes[128]; };

struct iov_iter {
	int source;
	size_t count;
	void __user *ubuf;
	const struct kvec *kvec;
};
#define iov_iter_ubuf(i, rw, buf, len) (*(i) = (struct iov_iter){ rw, len, buf, NULL })
#define iov_iter_kvec(i, rw, vec, n, len) (*(i) = (struct iov_iter){ rw, len, NULL, vec })

struct page;
struct linux_binprm {
	unsigned long p;
	char *pages;
	const char *filename;
	int argc, envc;
};
struct user_arg_ptr { union { const char __user *const __user *native; } ptr; };
#define get_arg_page(bprm, pos, write) ((struct page *)((bprm)->pages + ((pos) & PAGE_MASK)))
#define put_arg_page(page) ((void)(page))
#define flush_arg_page(bprm, pos, page) ((void)0)
#define flush_dcache_page(page) ((void)0)
#define kmap_local_page(page) ((char *)(page))
#define kunmap_local(address) ((void)(address))
#define bprm_hit_stack_limit(bprm) ((long)(bprm)->p < 0)
#define valid_arg_len(bprm, len) ((unsigned long)(len) <= (bprm)->p)
#define min_not_zero(a, b) ((a) == 0 ? (b) : (b) == 0 ? (a) : min(a, b))
#define memcpy_to_page(page, offset, from, bytes) memcpy((char *)(page) + (offset), from, bytes)

struct filename *getname_flags(const char __user *filename, int flags);
struct filename *getname_kernel(const char *filename);
struct filename *getname(const char __user *filename);
void putname(struct filename *name);
int count(struct user_arg_ptr argv, int max);
int copy_strings(int argc, struct user_arg_ptr argv, struct linux_binprm *bprm);
int copy_string_kernel(const char *arg, struct linux_binprm *bprm);
int move_addr_to_kernel(void __user *uaddr, int ulen, struct sockaddr_storage *kaddr);
int import_ubuf(int rw, void __user *buf, size_t len, struct iov_iter *i);
void copy_seccomp(struct task_struct *p);

#endif
