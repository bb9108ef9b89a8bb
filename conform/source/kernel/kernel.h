/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the compiled kernel files need of the kernel's headers: types, tasks, locks, atomics. One
 * header stands for all that build.sh does not take from the user's tree. A lock, an atomic,
 * READ_ONCE() and WRITE_ONCE() begin with a yield, so that each is a step of its own.
 */
#ifndef KNOT_KERNEL_H
#define KNOT_KERNEL_H

#include "knot.h"

/* ---- Configuration */
#define CONFIG_SECCOMP 1
#define CONFIG_SECCOMP_FILTER 1
#define CONFIG_HAVE_ARCH_SECCOMP_FILTER 1
#define CONFIG_BPF_SYSCALL 1
#define CONFIG_MMU 1
#define CONFIG_SMP 1
#define CONFIG_64BIT 1
#define IS_ENABLED(option) 0
#define IS_BUILTIN(option) 0

/* ---- Types */
typedef unsigned char u8, __u8;
typedef unsigned short u16, __u16;
typedef unsigned int u32, __u32;
typedef unsigned long long u64, __u64;
typedef signed char s8, __s8;
typedef short s16, __s16;
typedef int s32, __s32;
typedef long long s64, __s64;
typedef __SIZE_TYPE__ size_t;
typedef long ssize_t, ptrdiff_t;
typedef unsigned long uintptr_t;
typedef int pid_t;
typedef long loff_t;
typedef unsigned int gfp_t, fmode_t, __poll_t, umode_t;
typedef u16 __le16, __be16, __sum16;
typedef u32 __le32, __be32, __wsum;
typedef u64 __le64, __be64, __aligned_u64;
typedef _Bool bool;
#define true 1
#define false 0
#ifndef NULL
#define NULL ((void *)0)
#endif
struct list_head { struct list_head *next, *prev; };
#define LIST_POISON1 ((void *)0x122)
#define LIST_POISON2 ((void *)0x122)
struct hlist_node { struct hlist_node *next, **pprev; };
struct hlist_head { struct hlist_node *first; };
struct callback_head {
	struct callback_head *next;
	void (*func)(struct callback_head *head);
};
#define rcu_head callback_head
typedef struct { int counter; } atomic_t;
typedef struct { s64 counter; } atomic64_t;
typedef struct { long counter; } atomic_long_t;

/* ---- Compiler */
#define __user
#define __kernel
#define __iomem
#define __rcu
#define __force
#define __init
#define __exit
#define __percpu
#define __sched
#define __weak __attribute__((weak))
#define __must_check
#define __always_inline inline __attribute__((always_inline))
#define noinline __attribute__((noinline))
#define __read_mostly
#define __ro_after_init
#define __maybe_unused __attribute__((unused))
#define __always_unused __attribute__((unused))
#define __randomize_layout
#define __signed_wrap
#define __unsigned_wrap
#define __packed __attribute__((packed))
#define __aligned(n) __attribute__((aligned(n)))
#define __noreturn __attribute__((noreturn))
#define __printf(a, b)
#define __counted_by(member)
#define __acquires(x)
#define __releases(x)
#define __must_hold(x)
#define __cond_acquires(x)
#define __acquire(x) ((void)0)
#define __release(x) ((void)0)
#define __no_sanitize_or_inline
#define fallthrough __attribute__((fallthrough))
#define likely(x) (!!(x))
#define unlikely(x) (!!(x))
#define barrier() __asm__ volatile("" ::: "memory")
#define unreachable() __builtin_unreachable()
#define EXPORT_SYMBOL(name)
#define EXPORT_SYMBOL_GPL(name)
#define MODULE_LICENSE(name)
#define device_initcall(function)
#define THIS_MODULE NULL
#define BUILD_BUG_ON(condition) ((void)sizeof(char[1 - 2 * !!(condition)]))
#define static_assert _Static_assert
#define sizeof_field(type, member) sizeof(((type *)0)->member)
#define offsetof(type, member) __builtin_offsetof(type, member)
#define container_of(pointer, type, member) ((type *)((char *)(pointer) - offsetof(type, member)))
#define typeof_member(type, member) typeof(((type *)0)->member)
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define struct_size(pointer, member, count) \
	(sizeof(*(pointer)) + sizeof((pointer)->member[0]) * (count))
#define __struct_group(tag, name, attrs, members...) \
	union { struct { members } attrs; struct tag { members } attrs name; }
#define struct_group(name, members...) __struct_group(, name, , members)
#define DECLARE_BITMAP(name, bits) unsigned long name[((bits) + 63) / 64]
#define BIT(n) (1UL << (n))
#define INT_MAX 0x7fffffff
#define INT_MIN (-INT_MAX - 1)
#define UINT_MAX (~0U)
#define LONG_MAX ((long)(~0UL >> 1))
#define ULONG_MAX (~0UL)
#define U32_MAX (~0U)
#define min(a, b) ({ typeof(a) a_ = (a); typeof(b) b_ = (b); a_ < b_ ? a_ : b_; })
#define max(a, b) ({ typeof(a) a_ = (a); typeof(b) b_ = (b); a_ > b_ ? a_ : b_; })
#define min_t(type, a, b) min((type)(a), (type)(b))
#define max_t(type, a, b) max((type)(a), (type)(b))
#define clamp(v, lo, hi) min(max(v, lo), hi)
#define check_add_overflow(a, b, d) __builtin_add_overflow(a, b, d)
#define check_mul_overflow(a, b, d) __builtin_mul_overflow(a, b, d)
#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))
#define ALIGN(x, a) (((x) + (a) - 1) & ~((typeof(x))(a) - 1))

/* ---- Errors */
#define EPERM 1
#define ENOENT 2
#define ESRCH 3
#define EINTR 4
#define EIO 5
#define E2BIG 7
#define EBADF 9
#define ECHILD 10
#define EAGAIN 11
#define ENOMEM 12
#define EACCES 13
#define EFAULT 14
#define EBUSY 16
#define EEXIST 17
#define ENOTDIR 20
#define EINVAL 22
#define EMFILE 24
#define ENOTTY 25
#define EFBIG 27
#define ENOSPC 28
#define ERANGE 34
#define ENAMETOOLONG 36
#define ENOSYS 38
#define EOVERFLOW 75
#define ENOTSOCK 88
#define EOPNOTSUPP 95
#define EINPROGRESS 115
#define EMEDIUMTYPE 124
#define ERESTARTSYS 512
#define ERESTARTNOINTR 513
#define ERESTARTNOHAND 514
#define ERESTART_RESTARTBLOCK 516
#define MAX_ERRNO 4095
#define IS_ERR_VALUE(x) ((unsigned long)(void *)(x) >= (unsigned long)-MAX_ERRNO)
static inline void *ERR_PTR(long error) { return (void *)error; }
static inline long PTR_ERR(const void *p) { return (long)p; }
static inline bool IS_ERR(const void *p) { return IS_ERR_VALUE((unsigned long)p); }
static inline bool IS_ERR_OR_NULL(const void *p) { return !p || IS_ERR(p); }
static inline void *ERR_CAST(const void *p) { return (void *)p; }

/* ---- Words in front of messages, and what ends a step with a defect */
#define KNOT_STRING_(x) #x
#define KNOT_STRING(x) KNOT_STRING_(x)
#define KNOT_HERE __FILE__ ":" KNOT_STRING(__LINE__)
#define WARN_ON(condition) \
	({ if (condition) knot_fail(KNOT_WARN, KNOT_HERE ": WARN_ON(" #condition ")"); 0; })
#define WARN_ON_ONCE(condition) WARN_ON(condition)
#define WARN(condition, text...) WARN_ON(condition)
#define WARN_ONCE(condition, text...) WARN_ON(condition)
#define BUG() knot_fail(KNOT_BUG, KNOT_HERE ": BUG()")
#define BUG_ON(condition) \
	do { if (condition) knot_fail(KNOT_BUG, KNOT_HERE ": BUG_ON(" #condition ")"); } while (0)
#define pr_warn(text...) ((void)0)
#define pr_err(text...) ((void)0)
#define pr_info(text...) ((void)0)
#define pr_warn_once(text...) ((void)0)
#define might_sleep() knot_might_sleep(KNOT_HERE)
#define cond_resched() ((void)0)
void knot_might_sleep(const char *where);

/* ---- Shared accesses. READ_ONCE() and WRITE_ONCE() are volatile, which the instrumented code
 * tells the search of (__tsan_volatile_*). */
#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, value) \
	do { *(volatile typeof(x) *)&(x) = (value); } while (0)
#define __READ_ONCE READ_ONCE
#define __WRITE_ONCE WRITE_ONCE
#define data_race(x) (x)
#define rcu_dereference(p) READ_ONCE(p)
#define rcu_read_lock() ((void)0)
#define rcu_read_unlock() ((void)0)
#define smp_mb() barrier()
#define smp_rmb() barrier()
#define smp_wmb() barrier()
#define smp_mb__before_atomic() barrier()
#define smp_mb__after_atomic() barrier()
#define smp_acquire__after_ctrl_dep() barrier()
#define smp_store_mb(x, value) WRITE_ONCE(x, value)
#define smp_load_acquire(p) READ_ONCE(*(p))
#define smp_store_release(p, value) WRITE_ONCE(*(p), value)

/* ---- Atomics: one step each */
#define ATOMIC_INIT(i) { (i) }
#define atomic_read(v) READ_ONCE((v)->counter)
#define atomic_set(v, i) WRITE_ONCE((v)->counter, (i))
#define atomic_long_read atomic_read
#define atomic_read_acquire atomic_read
int knot_atomic_add(int *counter, int n);             /* gives the old value */
bool knot_atomic_try_cmpxchg(int *counter, int *old, int wanted);
int knot_atomic_dec_if_positive(int *counter);
#define atomic_inc(v) ((void)knot_atomic_add(&(v)->counter, 1))
#define atomic_dec(v) ((void)knot_atomic_add(&(v)->counter, -1))
#define atomic_add(n, v) ((void)knot_atomic_add(&(v)->counter, (n)))
#define atomic_sub(n, v) ((void)knot_atomic_add(&(v)->counter, -(n)))
#define atomic_inc_return(v) (knot_atomic_add(&(v)->counter, 1) + 1)
#define atomic_dec_and_test(v) (knot_atomic_add(&(v)->counter, -1) == 1)
#define atomic_fetch_add_relaxed(n, v) knot_atomic_add(&(v)->counter, (n))
#define atomic_fetch_add_acquire(n, v) knot_atomic_add(&(v)->counter, (n))
#define atomic_fetch_sub_release(n, v) knot_atomic_add(&(v)->counter, -(n))
#define atomic_try_cmpxchg_relaxed(v, old, n) knot_atomic_try_cmpxchg(&(v)->counter, old, n)
#define atomic_try_cmpxchg_acquire atomic_try_cmpxchg_relaxed
#define atomic_try_cmpxchg_release atomic_try_cmpxchg_relaxed
#define atomic_dec_if_positive(v) knot_atomic_dec_if_positive(&(v)->counter)
void *knot_xchg(void **place, void *value);
bool knot_try_cmpxchg(void **place, void **old, void *value);
#define xchg(place, value) \
	((typeof(*(place)))knot_xchg((void **)(place), (void *)(value)))
#define try_cmpxchg(place, old, value) \
	knot_try_cmpxchg((void **)(place), (void **)(old), (void *)(value))
#define test_bit(n, bits) (((bits)[(n) / 64] >> ((n) % 64)) & 1)

/* ---- Locks. `owner` is the task's number and one. */
struct lock_class_key { };
struct lockdep_map { };
typedef struct raw_spinlock { int owner; } raw_spinlock_t, spinlock_t;
struct mutex { int owner; };
#define __RAW_SPIN_LOCK_UNLOCKED(name) (raw_spinlock_t){ 0 }
#define __SPIN_LOCK_UNLOCKED(name) (spinlock_t){ 0 }
#define spin_lock_init(l) ((void)((l)->owner = 0))
#define raw_spin_lock_init spin_lock_init
#define mutex_init(l) ((void)((l)->owner = 0))
void knot_spin_lock(raw_spinlock_t *lock);
void knot_spin_unlock(raw_spinlock_t *lock);
#define raw_spin_lock(l) knot_spin_lock(l)
#define raw_spin_unlock(l) knot_spin_unlock(l)
#define raw_spin_lock_irq raw_spin_lock
#define raw_spin_unlock_irq raw_spin_unlock
#define spin_lock raw_spin_lock
#define spin_unlock raw_spin_unlock
#define spin_lock_irq raw_spin_lock
#define spin_unlock_irq raw_spin_unlock
#define raw_spin_lock_irqsave(l, flags) ((flags) = 0, raw_spin_lock(l))
#define raw_spin_unlock_irqrestore(l, flags) ((void)(flags), raw_spin_unlock(l))
#define spin_lock_irqsave raw_spin_lock_irqsave
#define spin_unlock_irqrestore raw_spin_unlock_irqrestore
void mutex_lock(struct mutex *lock);
void mutex_unlock(struct mutex *lock);
int mutex_lock_interruptible(struct mutex *lock);
int mutex_lock_killable(struct mutex *lock);
bool mutex_is_locked(struct mutex *lock);
void knot_assert_held(const void *lock, const char *where);
#define lockdep_assert_held(l) knot_assert_held(l, KNOT_HERE)
#define assert_spin_locked(l) knot_assert_held(l, KNOT_HERE)
#define lockdep_assert_RT_in_threaded_ctx() ((void)0)
#define lockdep_set_class_and_name(l, key, name) ((void)(key))
#define lock_acquire(a...) ((void)0)

/* ---- Memory */
#define GFP_KERNEL 1
#define GFP_KERNEL_ACCOUNT 1
#define GFP_ATOMIC 1
#define GFP_USER 1
#define __GFP_NOWARN 0
#define __GFP_ZERO 0
#define kzalloc(bytes, flags) knot_alloc(bytes, 0)
#define kvzalloc kzalloc
#define kmalloc(bytes, flags) knot_alloc(bytes, KNOT_NEVER_WRITTEN)
#define kvmalloc kmalloc
#define kcalloc(n, bytes, flags) knot_alloc((n) * (bytes), 0)
#define kzalloc_obj(object, flags...) ((typeof(object) *)knot_alloc(sizeof(object), 0))
#define kmalloc_obj(object, flags...) \
	((typeof(object) *)knot_alloc(sizeof(object), KNOT_NEVER_WRITTEN))
#define kfree(p) knot_free(p)
#define kvfree(p) knot_free(p)
#define memcpy(to, from, bytes) knot_memcpy(to, from, bytes)
#define memmove(to, from, bytes) knot_memcpy(to, from, bytes)
#define memset(to, byte, bytes) knot_memset(to, byte, bytes)
bool kthread_should_stop_or_park(void);
int memcmp(const void *a, const void *b, size_t bytes);
size_t strlen(const char *text);
size_t strnlen(const char *text, size_t most);
int strcmp(const char *a, const char *b);
ssize_t strscpy(char *to, const char *from, size_t most);
/* One page of the shims has fewer bytes, so that states stay small. */
#define PAGE_SHIFT 8
#define PAGE_SIZE (1UL << PAGE_SHIFT)
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define offset_in_page(p) ((unsigned long)(p) & ~PAGE_MASK)
#define untagged_addr_remote(mm, address) (address)

struct kvec { void *iov_base; size_t iov_len; };

/* ---- User memory: all that is not the caller's own */
unsigned long copy_from_user(void *to, const void __user *from, unsigned long bytes);
unsigned long copy_to_user(void __user *to, const void *from, unsigned long bytes);
int check_zeroed_user(const void __user *from, size_t bytes);
int copy_struct_from_user(void *to, size_t to_bytes, const void __user *from, size_t bytes);
long strncpy_from_user(char *to, const char __user *from, long most);
long strnlen_user(const char __user *from, long most);
#define get_user(x, p) (copy_from_user(&(x), p, sizeof(x)) ? -EFAULT : 0)
#define put_user(x, p) ({ typeof(*(p)) x_ = (x); copy_to_user(p, &x_, sizeof(x_)) ? -EFAULT : 0; })
#define access_ok(p, bytes) 1
#define u64_to_user_ptr(x) ((void __user *)(unsigned long)(x))

/* ---- Tasks */
#define TASK_RUNNING 0
#define TASK_INTERRUPTIBLE 1
#define TASK_UNINTERRUPTIBLE 2
#define TASK_WAKEKILL 0x100
#define TASK_KILLABLE (TASK_WAKEKILL | TASK_UNINTERRUPTIBLE)
#define TASK_FREEZABLE 0
#define TASK_IDLE TASK_UNINTERRUPTIBLE
#define TASK_NORMAL (TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE)
#define PF_EXITING 4
#define PT_SUSPEND_SECCOMP 0
#define MAX_SCHEDULE_TIMEOUT LONG_MAX
#define WF_SYNC 0x10
#define WF_CURRENT_CPU 0x40
#define SIGKILL 9
#define SIGSYS 31

struct sighand_struct { spinlock_t siglock; };
struct signal_struct {
	struct mutex cred_guard_mutex;
	atomic_t live;
	bool group_exit;
};
struct mm_struct {
	int users;
	int space; /* a number of the search's */
};
struct pt_regs { long orig_ax; long ax; unsigned long args[6]; };
struct inode;
struct poll_table_struct;
struct file;
struct file_operations {
	void *owner;
	__poll_t (*poll)(struct file *, struct poll_table_struct *);
	int (*release)(struct inode *, struct file *);
	long (*unlocked_ioctl)(struct file *, unsigned int, unsigned long);
	long (*compat_ioctl)(struct file *, unsigned int, unsigned long);
};
struct file {
	const struct file_operations *f_op;
	void *private_data;
	int refs;
	int what; /* enum knot_file */
	struct callback_head work;
};
struct files_struct {
	int users;
	int nofile;
	unsigned int reserved; /* slots that get_unused_fd_flags() has given */
	unsigned int cloexec;
	struct file *fd[KNOT_FDS];
};

#include <linux/seccomp_types.h>

struct task_struct {
	unsigned int __state;
	unsigned int flags;
	unsigned int ptrace;
	int pid;
	int dead;
	int usage;
	bool no_new_privs;
	bool has_seccomp; /* SYSCALL_WORK_SECCOMP */
	bool pending;     /* TIF_SIGPENDING: a signal with a handler, or SIGKILL */
	bool usr1;        /* SIGUSR1 waits */
	bool fatal;       /* SIGKILL waits */
	bool blocked;     /* SIGUSR1, while its handler runs */
	bool resume;      /* TIF_NOTIFY_RESUME */
	bool signalled;   /* somebody may signal it */
	bool filtered;
	int handler;      /* as knot_task.handler */
	struct seccomp seccomp;
	struct sighand_struct *sighand;
	struct signal_struct *signal;
	struct callback_head *task_works;
	raw_spinlock_t pi_lock;
	struct mm_struct *mm;
	struct files_struct *files;
	struct pt_regs regs;
};

struct task_struct *knot_task(int number);
#define current knot_task(knot_current())
#define task_pt_regs(task) (&(task)->regs)
#define current_pt_regs() (&current->regs)
#define get_current() current
#define syscall_get_nr(task, registers) ((int)(registers)->orig_ax)
#define syscall_get_arch(task) 0xc000003e
#define KSTK_EIP(task) 0
static inline void syscall_get_arguments(struct task_struct *task, struct pt_regs *regs,
					 unsigned long *args)
{
	for (int i = 0; i < 6; i++)
		args[i] = regs->args[i];
}
static inline void syscall_set_return_value(struct task_struct *task, struct pt_regs *regs,
					    int error, long value)
{
	regs->ax = (long)error ?: value;
}
#define syscall_rollback(task, registers) ((registers)->ax = (registers)->orig_ax)
#define test_syscall_work(flag) (current->has_seccomp)
#define set_task_syscall_work(task, flag) ((task)->has_seccomp = true)
#define task_pid_vnr(task) ((task)->pid)
#define task_no_new_privs(task) ((task)->no_new_privs)
#define task_set_no_new_privs(task) ((task)->no_new_privs = true)
#define current_user_ns() NULL
#define ns_capable_noaudit(ns, capability) 0
#define capable(capability) 0
#define CAP_SYS_ADMIN 21
#define set_notify_resume(task) ((task)->resume = true)
#define set_notify_signal(task) ((task)->resume = true)
#define __set_notify_signal(task) ((task)->resume = true)
#define set_tsk_thread_flag(task, flag) ((task)->resume = true)
#define kasan_record_aux_stack(work) ((void)(work))
#define kasan_record_aux_stack_noalloc(work) ((void)(work))
#define set_current_state(state) WRITE_ONCE(current->__state, (state))
#define __set_current_state(state) WRITE_ONCE(current->__state, (state))
struct task_struct *get_task_struct(struct task_struct *task);
void put_task_struct(struct task_struct *task);
struct task_struct *knot_next_thread(struct task_struct *of, struct task_struct *after);
#define for_each_thread(of, thread) \
	for (thread = knot_next_thread(of, NULL); thread; thread = knot_next_thread(of, thread))
bool knot_signal_pending(struct task_struct *task);
bool knot_signal_pending_state(unsigned int state, struct task_struct *task);
bool fatal_signal_pending(struct task_struct *task);
#define signal_pending knot_signal_pending
#define signal_pending_state knot_signal_pending_state
void schedule(void);
long schedule_timeout(long timeout);
#define io_schedule_timeout schedule_timeout
int wake_up_process(struct task_struct *task);
int wake_up_state(struct task_struct *task, unsigned int state);
int try_to_wake_up(struct task_struct *task, unsigned int state, int wake_flags);
void do_exit(long code) __noreturn;
void force_sig_seccomp(int call, int reason, bool force_coredump);
#define ptrace_event_enabled(task, event) 0
#define ptrace_event(event, data) ((void)0)
#define PTRACE_EVENT_SECCOMP 7
#define audit_seccomp(call, signal, action) ((void)0)
#define audit_sockaddr(bytes, address) 0
#define audit_reusename(name) NULL
#define audit_getname(name) ((void)0)
#define kmemleak_not_leak(p) ((void)0)

/* ---- Files */
#define O_CLOEXEC 02000000
#define O_RDWR 2
struct file *fget(unsigned int fd);
void fput(struct file *file);
int get_unused_fd_flags(unsigned int flags);
void put_unused_fd(unsigned int fd);
void fd_install(unsigned int fd, struct file *file);
int receive_fd(struct file *file, int __user *ufd, unsigned int o_flags);
int receive_fd_replace(int new_fd, struct file *file, unsigned int o_flags);
struct file *anon_inode_getfile(const char *name, const struct file_operations *f_op, void *priv,
				int flags);

/* ---- poll() */
typedef struct poll_table_struct {
	void (*_qproc)(struct file *, struct wait_queue_head *, struct poll_table_struct *);
	__poll_t _key;
} poll_table;
#define EPOLLIN 1u
#define EPOLLOUT 4u
#define EPOLLERR 8u
#define EPOLLHUP 0x10u
#define EPOLLRDNORM 0x40u
#define EPOLLWRNORM 0x100u
#define POLLFREE 0x4000u
#define poll_to_key(m) ((void *)(unsigned long)(m))
#define key_to_poll(m) ((__poll_t)(unsigned long)(void *)(m))
static inline void poll_wait(struct file *file, struct wait_queue_head *head, poll_table *table)
{
	if (table && table->_qproc)
		table->_qproc(file, head, table);
}

/* ---- Filters: a list of calls instead of a program */
#define BPF_MAXINSNS 4096
struct sock_fprog_kern { u16 len; void *filter; };
struct bpf_prog { u32 len; struct sock_fprog_kern *orig_prog; int traps; };
struct sock_filter;
struct sock_fprog;
typedef int (*knot_check_filter)(struct sock_filter *filter, unsigned int length);
int bpf_prog_create_from_user(struct bpf_prog **prog, struct sock_fprog *fprog,
			      knot_check_filter check, bool save_orig);
void bpf_prog_destroy(struct bpf_prog *prog);
struct seccomp_data;
u32 bpf_prog_run_pin_on_cpu(const struct bpf_prog *prog, const struct seccomp_data *data);

/* ---- Other tasks' memory */
struct mm_struct *get_task_mm(struct task_struct *task);
void mmput(struct mm_struct *mm);
int access_remote_vm(struct mm_struct *mm, unsigned long address, void *buf, int bytes,
		     unsigned int gup_flags);
int copy_remote_vm_str(struct task_struct *task, unsigned long address, void *buf, int bytes,
		       unsigned int gup_flags);

/* ---- Calls */
#define SYSCALL_DEFINE3(name, t1, a1, t2, a2, t3, a3) long knot_sys_##name(t1 a1, t2 a2, t3 a3)
#define __NR_seccomp_read 0
#define __NR_seccomp_write 1
#define __NR_seccomp_exit 60
#define __NR_seccomp_sigreturn 15
#define get_random_u64() 1ULL
#define SECCOMP_ARCH_NONE 1

#include <uapi/asm-generic/ioctl.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/wait.h>
#include <linux/swait.h>
#include <linux/completion.h>
#include <linux/task_work.h>
#include <uapi/linux/bpf_common.h>
#include <uapi/linux/filter.h>
#include <uapi/linux/seccomp.h>
#include <linux/seccomp.h>

#endif
