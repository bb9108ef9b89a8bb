// SPDX-License-Identifier: Apache-2.0
//
// How main() drives the actors.

// piece: SOCK_FD FILE_FD COMM_FD FREE_FD
/*
 * What a target begins with: a socket, a file with ->write_iter, and one
 * with ->write, /proc/self/comm.
 */
enum { SOCK_FD = 3, FILE_FD, COMM_FD, FREE_FD };
// piece: SHARED_FD
#define SHARED_FD	200
// piece: ANY
#define ANY	LONG_MIN
// piece: TRIES
#define TRIES	10000		/* of 200 microseconds */

// piece: shared
struct actor {
	pid_t tid;
	int go;			/* operations that main() has started */
	int begun;		/* ... that have begun */
	int done;		/* ... that have returned */
	long ret;		/* of the last one */
	int uffd;
	long held;		/* context switches then, and one */
	char call[128];
	char saw[6][256];	/* arguments as a supervisor saw them */
};

static struct {
	struct actor actor[ACTORS];
	pid_t children[ACTORS + 2];
	int nr_children;
	pid_t main;
	int listener;		/* its number in the target; -1: see why */
	int taken;		/* main() has it */
	__u64 refused;		/* the id before the first of the run */
	int spin;
	int spins;
	char why[128];
} *shared;

// piece: listener
static int listener = -1;
// piece: file
static int file;
// piece: given
static int given;
// piece: dir
static char dir[] = "/tmp/seccomp-XXXXXX";

// piece: set
static void set(int *at, int to)
{
	__atomic_store_n(at, to, __ATOMIC_SEQ_CST);
	syscall(__NR_futex, at, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

// piece: get
static int get(int *at)
{
	return __atomic_load_n(at, __ATOMIC_SEQ_CST);
}

// piece: await
static int await(int *at, int old)
{
	int now;

	while ((now = get(at)) == old)
		syscall(__NR_futex, at, FUTEX_WAIT, old, NULL, NULL, 0);
	return now;
}

// piece: remove_files
static void remove_files(void)
{
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), "%s%s", dir, files[i]);
		if (unlink(path))
			rmdir(path);
	}
	rmdir(dir);
}

// piece: over
/* Ends everything with a line of TAP. */
static void __attribute__((noreturn)) over(const char *result)
{
	int i;

	for (i = 0; i < shared->nr_children; i++)
		kill(shared->children[i], SIGKILL);
	while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
		;
#if EMIT_FILES
	remove_files();
#endif
	printf("%s\n", result);
	if (!strncmp(result, "not ok", 6))
		exit(1);
	exit(strstr(result, "# SKIP") ? 4 : 0);
}

// piece: skip
static void __attribute__((noreturn)) skip(const char *why)
{
	char line[256];

	snprintf(line, sizeof(line), "ok 1 # SKIP %s", why);
	over(line);
}

// piece: switches
static long switches(int t)
{
	char path[32], text[4096] = "", *at = text;
	long sum = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", shared->actor[t].tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		*text = 0;
	close(fd);
	while ((at = strstr(at, "voluntary_ctxt_switches:"))) {
		at += strlen("voluntary_ctxt_switches:");
		sum += atol(at);
	}
	return sum;
}

// piece: check_held
/* A processor that is kept busy for long runs others now and then. */
static void check_held(void)
{
	int t;

	for (t = 0; t < ACTORS; t++)
		if (shared->actor[t].held &&
		    switches(t) + 1 != shared->actor[t].held)
			skip("a task that was held has run; please try again");
}

// piece: too_late
static void too_late(int sig)
{
	if (getpid() != shared->main)
		_exit(1);
	/* Should it hang in skip(). */
	signal(SIGALRM, SIG_DFL);
	alarm(5);
	skip(sig == SIGALRM ? "no end within 30 seconds" : "interrupted");
}

// piece: differ
static void __attribute__((noreturn, format(printf, 1, 2)))
differ(const char *format, ...)
{
	va_list args;

#if EMIT_HOLDS
	check_held();
#endif
	va_start(args, format);
	printf("# not what was expected: ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	over(otherwise);
}

// piece: give_up
/* In an actor, before the run: main() ends it. */
static void __attribute__((noreturn)) give_up(const char *what)
{
	snprintf(shared->why, sizeof(shared->why), "%s: %s", what,
		 strerror(errno));
	set(&shared->spins, -1);
	set(&shared->listener, -1);
	for (;;)
		pause();
}

// piece: dies_with_main
static void dies_with_main(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != shared->main)
		_exit(1);
}

// piece: spawn
static pid_t spawn(int flags)
{
	pid_t pid = syscall(__NR_clone, flags | SIGCHLD, 0, 0, 0, 0);

	if (pid > 0)
		shared->children[shared->nr_children++] = pid;
	if (!pid)
		dies_with_main();
	return pid;
}

// piece: act
static void __attribute__((noreturn)) act(int t, void (*script)(void))
{
	shared->actor[t].tid = syscall(__NR_gettid);
	script();
	for (;;)
		pause();
}

// piece: spawn_actor
static void spawn_actor(int t, int flags, void (*script)(void))
{
	if (!spawn(flags))
		act(t, script);
}

// piece: turn
/* An actor waits for its turn, makes its call, and says what came of it. */
static void turn(int t, const char *call)
{
	struct actor *me = &shared->actor[t];

	await(&me->go, me->done);
	snprintf(me->call, sizeof(me->call), "%s", call);
	set(&me->begun, me->begun + 1);
}

// piece: end
static void end(int t, long ret)
{
	struct actor *me = &shared->actor[t];

	me->ret = ret == -1 ? -errno : ret;
	set(&me->done, me->done + 1);
}

// piece: DO
#define DO(t, ...) (turn(t, #__VA_ARGS__), end(t, (__VA_ARGS__)))

// piece: start
static void start(int t)
{
	set(&shared->actor[t].go, shared->actor[t].go + 1);
}

// piece: returned
static void returned(int t, long ret)
{
	struct actor *a = &shared->actor[t];
	int i;

	for (i = 0; i < TRIES && a->go != get(&a->done); i++)
		usleep(200);
	if (i == TRIES)
		differ("%s: %s does not return", names[t], a->call);
	printf("# %s: %s = %ld\n", names[t], a->call, a->ret);
	if (ret != ANY && ret != a->ret)
		differ("%ld, expected %ld", a->ret, ret);
}

// piece: state_of
static char state_of(int t)
{
	char path[32], line[256] = "", *at;
	int fd, len;

	snprintf(path, sizeof(path), "/proc/%d/stat", shared->actor[t].tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 'X';
	len = read(fd, line, sizeof(line) - 1);
	close(fd);
	at = len > 0 ? strrchr(line, ')') : NULL;
	return at ? at[2] : 'X';
}

// piece: asleep
/* Waits until the actor sleeps in its call, in two looks on end. */
static void asleep(int t)
{
	struct actor *a = &shared->actor[t];
	int i, looks = 0;

	for (i = 0; i < TRIES && looks < 2; i++) {
		int begun = get(&a->begun) == a->go;
		char state = state_of(t);

		if (begun && a->go == get(&a->done))
			differ("%s: %s = %ld, expected to sleep", names[t],
			       a->call, a->ret);
		looks = begun && (state == 'S' || state == 'D') ? looks + 1 : 0;
		usleep(200);
	}
	if (looks < 2)
		differ("%s does not sleep in %s", names[t], a->call);
	printf("# %s: %s sleeps\n", names[t], a->call);
}

// piece: dead
static void dead(int t)
{
	int i;

	for (i = 0; i < TRIES && !strchr("XZ", state_of(t)); i++)
		usleep(200);
	if (i == TRIES)
		differ("%s does not die", names[t]);
	printf("# %s is dead\n", names[t]);
}

// piece: nothing
static void nothing(int sig)
{
	(void)sig;
}

// piece: handle
static void handle(int flags)
{
	struct sigaction action = {
		.sa_handler = nothing,
		.sa_flags = flags,
	};

	sigaction(SIGUSR1, &action, NULL);
}

// piece: send_signal
static void send_signal(int t, int sig)
{
	syscall(__NR_tkill, shared->actor[t].tid, sig);
}

// piece: processors
static cpu_set_t processors[2];

// piece: spinner
/* Keeps the second processor busy, so that who is held there cannot run. */
static void spinner(void)
{
	struct sched_param param = { .sched_priority = 1 };

	if (sched_setaffinity(0, sizeof(cpu_set_t), &processors[1]) ||
	    sched_setscheduler(0, SCHED_FIFO, &param))
		give_up("SCHED_FIFO");
	set(&shared->spins, 1);
	for (;;) {
		await(&shared->spin, 0);
		set(&shared->spins, 2);
		while (get(&shared->spin))
			;
		set(&shared->spins, 1);
	}
}

// piece: start_spinner
static void start_spinner(void)
{
	cpu_set_t all;
	int cpu, nr = 0;

	sched_getaffinity(0, sizeof(all), &all);
	for (cpu = 0; cpu < CPU_SETSIZE && nr < 2; cpu++)
		if (CPU_ISSET(cpu, &all))
			CPU_SET(cpu, &processors[nr++]);
	if (nr < 2)
		skip("needs two processors");
	if (!spawn(0))
		spinner();
	if (await(&shared->spins, 0) < 0)
		skip(shared->why);
	sched_setaffinity(0, sizeof(cpu_set_t), &processors[0]);
}

// piece: hold
/* The actor sleeps; it does not run after it is woken, until release(). */
static void hold(int t)
{
	sched_setaffinity(shared->actor[t].tid, sizeof(cpu_set_t),
			  &processors[1]);
	if (!get(&shared->spin)) {
		set(&shared->spin, 1);
		while (await(&shared->spins, 1) != 2)
			;
	} else {
		set(&shared->spin, shared->spin + 1);
	}
	shared->actor[t].held = switches(t) + 1;
}

// piece: release
static void release(int t)
{
	check_held();
	shared->actor[t].held = 0;
	sched_setaffinity(shared->actor[t].tid, sizeof(cpu_set_t),
			  &processors[0]);
	set(&shared->spin, shared->spin - 1);
}
