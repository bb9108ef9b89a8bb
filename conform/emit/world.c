// SPDX-License-Identifier: Apache-2.0
//
// What actors need to make their calls, and main() to see what came of them.

// piece: put_text
/* Bytes as text: what cannot be printed in octal. */
static void put_text(char *to, size_t size, const void *from, size_t len)
{
	const unsigned char *bytes = from;
	size_t i;

	for (i = 0; i < len && size > 5; i++) {
		int c = bytes[i];
		int n = snprintf(to, size, c > ' ' && c < 127 && c != '\\' ?
				 "%c" : "\\%03o", c);

		to += n;
		size -= n;
	}
	*to = 0;
}

// piece: remote
static int remote(pid_t pid, __u64 addr, void *to, size_t len)
{
	struct iovec here = { to, len }, there = { (void *)addr, len };
	ssize_t got = process_vm_readv(pid, &here, 1, &there, 1, 0);

	if (got >= 0 && (size_t)got != len)
		errno = EFAULT;
	return got < 0 || (size_t)got != len ? -1 : 0;
}

// piece: see_string
static int see_string(int t, struct seccomp_notif *req, int arg, size_t len)
{
	char *bytes = calloc(1, len);
	int ret = remote(req->pid, req->data.args[arg], bytes, len);

	if (!ret)
		put_text(shared->actor[t].saw[arg], 256, bytes,
			 strnlen(bytes, len));
	free(bytes);
	return ret;
}

// piece: see_bytes
static int see_bytes(int t, struct seccomp_notif *req, int arg, size_t len)
{
	char *bytes = calloc(1, len);
	int ret = remote(req->pid, req->data.args[arg], bytes, len);

	if (!ret)
		put_text(shared->actor[t].saw[arg], 256, bytes, len);
	free(bytes);
	return ret;
}

// piece: see_strings
static int see_strings(int t, struct seccomp_notif *req, int arg)
{
	char *text = shared->actor[t].saw[arg];
	__u64 table = req->data.args[arg], at;
	char one[64];
	size_t len;

	for (*text = 0;; table += 8) {
		if (remote(req->pid, table, &at, 8))
			return -1;
		if (!at)
			return 0;
		for (len = 0; len < sizeof(one); len++) {
			if (remote(req->pid, at + len, one + len, 1))
				return -1;
			if (!one[len])
				break;
		}
		if (*text)
			strcat(text, ",");
		put_text(text + strlen(text), 256 - strlen(text), one, len);
	}
}

// piece: out_pages
static void *out_pages(size_t size)
{
	void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (pages == MAP_FAILED)
		give_up("mmap()");
	return pages;
}

// piece: park_at
/* The next write to the pages is held until unpark(). */
static void park_at(int t, void *pages, size_t size)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP,
	};
	struct uffdio_register range = {
		.range = { (uintptr_t)pages, size },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};
	struct uffdio_writeprotect wp = {
		.range = range.range,
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};
	int uffd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) ||
	    ioctl(uffd, UFFDIO_REGISTER, &range) ||
	    ioctl(uffd, UFFDIO_WRITEPROTECT, &wp))
		uffd = -1;
	shared->actor[t].uffd = uffd;
}

// piece: parked
static void parked(int t)
{
	struct actor *a = &shared->actor[t];
	struct pollfd pfd = { .events = POLLIN };

	while (get(&a->begun) != a->go)
		usleep(200);
	pfd.fd = a->uffd;
	if (pfd.fd < 0)
		skip("no userfaultfd with write protection");
	if (poll(&pfd, 1, 2000) != 1)
		differ("%s: %s is not held", names[t], a->call);
	printf("# %s: %s is held\n", names[t], a->call);
}

// piece: unpark
/* Whoever was held goes on. */
static void unpark(int t)
{
	close(shared->actor[t].uffd);
}

// piece: poll_listener
static int poll_listener(int events, int timeout)
{
	struct pollfd pfd = { .fd = listener, .events = events };
	int ret = poll(&pfd, 1, timeout);

	return ret > 0 ? pfd.revents : ret;
}

// piece: seen
static void seen(int t, int arg, const char *expected)
{
	const char *text = shared->actor[t].saw[arg];

	printf("# %s saw argument %d: \"%s\"\n", names[t], arg, text);
	if (strcmp(text, expected))
		differ("\"%s\", expected \"%s\"", text, expected);
}

// piece: used_path
static void used_path(int t, const char *link, const char *expected)
{
	char path[64], name[PATH_MAX] = "";
	const char *text = name;

	snprintf(path, sizeof(path), "/proc/%d/%s", shared->actor[t].tid, link);
	if (readlink(path, name, sizeof(name) - 1) < 0)
		differ("%s cannot be read", path);
	if (!strncmp(name, dir, strlen(dir)))
		text += strlen(dir);
	printf("# %s acted on \"%s\"\n", names[t], text);
	if (strcmp(text, expected))
		differ("\"%s\", expected \"%s\"", text, expected);
}

// piece: opened
static void opened(int t, const char *expected)
{
	char link[32];

	snprintf(link, sizeof(link), "fd/%ld", shared->actor[t].ret);
	used_path(t, link, expected);
}

// piece: executed
static void executed(int t, const char *path, const char *argv)
{
	const char *text = shared->actor[t].saw[1];

	used_path(t, "exe", path);
	printf("# %s has the arguments \"%s\"\n", names[t], text);
	if (argv && strcmp(text, argv))
		differ("\"%s\", expected \"%s\"", text, argv);
}

// piece: fd_of
static int fd_of(pid_t pid, int fd)
{
	int pidfd = syscall(__NR_pidfd_open, pid, 0);
	int ret = syscall(__NR_pidfd_getfd, pidfd, fd, 0);

	close(pidfd);
	return ret;
}

// piece: used_bytes
static void used_bytes(int t, const char *bytes, int len, const char *expected)
{
	char text[256];

	put_text(text, sizeof(text), bytes, len < 0 ? 0 : len);
	printf("# %s acted on \"%s\"\n", names[t], text);
	if (strcmp(text, expected))
		differ("\"%s\", expected \"%s\"", text, expected);
}

// piece: bound
static void bound(int t, int leader, int fd, const char *expected)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	int sock = fd_of(shared->actor[leader].tid, fd);

	if (getsockname(sock, (struct sockaddr *)&address, &len))
		differ("%s has no socket at %d", names[t], fd);
	close(sock);
	used_bytes(t, (char *)&address, len, expected);
}

// piece: wrote
/* What stands in the file, or in comm; of other files nothing is known. */
static void wrote(int t, int leader, int fd, const char *expected)
{
	int pid = shared->actor[leader].tid, len = shared->actor[t].ret;
	char path[64], name[PATH_MAX] = "", bytes[64];
	int comm;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	if (readlink(path, name, sizeof(name) - 1) < 0)
		differ("%s cannot be read", path);
	if (strstr(name, "memfd:")) {
		len = pread(file, bytes, len, 0);
	} else if (strstr(name, "/comm")) {
		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		comm = open(path, O_RDONLY | O_CLOEXEC);
		len = read(comm, bytes, len);
		close(comm);
	} else {
		return;
	}
	used_bytes(t, bytes, len, expected);
}

// piece: object
/* What follows an object is not mapped. */
static void *object(size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE);
	size_t len = (size + page - 1) / page * page;
	char *at = mmap(NULL, len + page, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		skip("mmap()");
	munmap(at + len, page);
	return at + len - size;
}

// piece: copy_self
static void copy_self(int to)
{
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	while (sendfile(to, from, NULL, 1 << 20) > 0)
		;
	close(from);
}

// piece: keep_clean
/* A child that removes the files should main() be killed. */
static void keep_clean(void)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGHUP);
	if (getppid() == shared->main)
		sigwait(&set, &sig);
	remove_files();
	_exit(0);
}

// piece: make_files
static void make_files(void)
{
	char path[PATH_MAX], *slash;
	size_t i;

	if (!mkdtemp(dir))
		skip("mkdtemp()");
	chmod(dir, 0755);
	if (!spawn(0))
		keep_clean();
	for (i = sizeof(files) / sizeof(*files); i-- > 0;) {
		int fd;

		snprintf(path, sizeof(path), "%s%s", dir, files[i]);
		slash = path + strlen(path) - 1;
		if (*slash == '/') {
			mkdir(path, 0755);
			continue;
		}
		fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0755);
		if (fd < 0)
			skip("a file cannot be made");
#if EMIT_EXECUTES
		copy_self(fd);
#else
		if (write(fd, files[i], strlen(files[i])) < 0)
			skip("a file cannot be written");
#endif
		close(fd);
	}
}

// piece: confine
/* The target's root: with privilege, or in a user namespace. */
static void confine(void)
{
	if (chroot(dir) && (unshare(CLONE_NEWUSER) || chroot(dir)))
		give_up("chroot()");
	if (chdir("/"))
		give_up("chdir()");
	dies_with_main();
}

// piece: high
static int high(int fd)
{
	return fcntl(fd, F_DUPFD, 100);
}

// piece: descriptors
static void descriptors(void)
{
	int null = high(open("/dev/null", O_RDWR));
	int comm = high(open("/proc/self/comm", O_RDWR));
	int sock = high(socket(AF_UNIX, SOCK_STREAM, 0));

	if (null < 0 || comm < 0 || sock < 0)
		give_up("descriptors");
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	dup2(sock, SOCK_FD);
	dup2(file, FILE_FD);
	dup2(comm, COMM_FD);
	syscall(__NR_close_range, FREE_FD, 199, 0);
}

// piece: few_files
static void few_files(int nr)
{
	struct rlimit limit = { nr, nr };

	setrlimit(RLIMIT_NOFILE, &limit);
}

// piece: install
/* main() takes the listener; the target does not keep it. */
static void install(unsigned int flags)
{
	struct sock_filter filter[2 * TRAPPED + 2] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
	};
	struct sock_fprog prog = { .filter = filter };
	int i, fd, n = 1;

	for (i = 0; i < TRAPPED; i++) {
		filter[n++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, trapped[i], 0, 1);
		filter[n++] = (struct sock_filter)BPF_STMT(
			BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	}
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
						   SECCOMP_RET_ALLOW);
	prog.len = n;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	fd = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER,
		     flags | SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
	if (fd < 0)
		give_up("seccomp()");
	set(&shared->listener, fd);
	await(&shared->taken, 0);
	syscall(__NR_close_range, fd, fd, 0);
}

// piece: take_listener
static void take_listener(int t)
{
	int fd = await(&shared->listener, 0);

	if (fd < 0)
		skip(shared->why);
	listener = fd_of(shared->actor[t].tid, fd);
	if (listener < 0)
		skip("pidfd_getfd()");
	set(&shared->taken, 1);
}

// piece: refuse_one
/* Ids are given out in sequence; the first one is random. */
static void refuse_one(void)
{
	struct seccomp_notif req = {};
	struct seccomp_notif_resp resp = { .error = -EPERM };

	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &req))
		skip("NOTIF_RECV");
	shared->refused = resp.id = req.id;
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
}

// piece: thread
struct script {
	int t;
	void (*run)(void);
};

static void *thread_of(void *at)
{
	struct script *what = at;

	act(what->t, what->run);
	return NULL;
}

static void thread(int t, void (*script)(void))
{
	struct script *what = malloc(sizeof(*what));
	pthread_t id;

	what->t = t;
	what->run = script;
	if (pthread_create(&id, NULL, thread_of, what))
		_exit(1);
}

// piece: was_executed
/* This program, executed by the target: says which arguments it has. */
static void was_executed(int argc, char **argv)
{
	struct actor *me;
	int i;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED, SHARED_FD, 0);
	if (shared == MAP_FAILED)
		return;
	dies_with_main();
	me = &shared->actor[EXECUTES];
	for (i = 0, *me->saw[1] = 0; i < argc; i++) {
		size_t len = strlen(me->saw[1]);

		snprintf(me->saw[1] + len, 256 - len, "%s%s", i ? "," : "",
			 argv[i]);
	}
	end(EXECUTES, 0);
	await(&me->go, me->done);
	_exit(0);
}

// piece: begin
static void begin(void)
{
	setbuf(stdout, NULL);
	printf("TAP version 13\n1..1\n");
#if EMIT_EXECUTES
	if (dup2(memfd_create("shared", 0), SHARED_FD) < 0 ||
	    ftruncate(SHARED_FD, sizeof(*shared)))
		exit(4);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED, SHARED_FD, 0);
#else
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
#endif
	if (shared == MAP_FAILED) {
		printf("ok 1 # SKIP mmap()\n");
		exit(4);
	}
	shared->main = getpid();
	signal(SIGALRM, too_late);
	signal(SIGINT, too_late);
	signal(SIGTERM, too_late);
	alarm(30);
	file = high(memfd_create("file", MFD_CLOEXEC));
	if (file < 0 || ftruncate(file, 64))
		skip("memfd_create()");
}
