// SPDX-License-Identifier: Apache-2.0
//
// #include lines, and definitions that older headers lack. conform/emit/pieces.h says what a
// piece is.
//
// piece: errno
#include <errno.h>
// piece: O_RDONLY O_RDWR F_DUPFD AT_FDCWD
#include <fcntl.h>
// piece: LONG_MIN INT_MAX
#include <limits.h>
// piece: poll
#include <poll.h>
// piece: pthread_create
#include <pthread.h>
// piece: CLONE_FILES sched_setaffinity CLONE_NEWUSER
#include <sched.h>
// piece: SIGKILL sigaction
#include <signal.h>
// piece: va_list
#include <stdarg.h>
// piece: offsetof
#include <stddef.h>
// piece: uintptr_t
#include <stdint.h>
// piece: printf
#include <stdio.h>
// piece: exit mkdtemp
#include <stdlib.h>
// piece: over
#include <string.h>
// piece: ioctl
#include <sys/ioctl.h>
// piece: mmap
#include <sys/mman.h>
// piece: prctl
#include <sys/prctl.h>
// piece: setrlimit
#include <sys/resource.h>
// piece: sendfile
#include <sys/sendfile.h>
// piece: socket
#include <sys/socket.h>
// piece: umask mkdir
#include <sys/stat.h>
// piece: syscall
#include <sys/syscall.h>
// piece: process_vm_readv
#include <sys/uio.h>
// piece: waitpid
#include <sys/wait.h>
// piece: close usleep
#include <unistd.h>
// piece: sock_filter
#include <linux/filter.h>
// piece: FUTEX_WAIT
#include <linux/futex.h>
// piece: seccomp_notif install
#include <linux/seccomp.h>
// piece: uffdio_api
#include <linux/userfaultfd.h>

// piece: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV	(1UL << 5)
#endif

// piece: SECCOMP_ADDFD_FLAG_SEND
#ifndef SECCOMP_ADDFD_FLAG_SEND
#define SECCOMP_ADDFD_FLAG_SEND	(1UL << 1)
#endif

// piece: SECCOMP_IOCTL_NOTIF_SET_FLAGS
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS	SECCOMP_IOW(4, __u64)
#endif
