/* Runs the distribution's own programs; see run.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "base/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *const dirs[] = { "/usr/sbin", "/usr/bin", "/sbin", "/bin" };

/* The caller's environment stays out: it could change what a generator builds. Behind these, what run_setting()
 * adds. */
static const char *environment[16] = {
	"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
	"HOME=/root",
	"LC_ALL=C",
	"SHELL=/bin/sh",
	"IOMMU_INSTALL=1", /* dist/hooks/zzz-iommu-check keeps quiet */
};

static bool apart;
static volatile sig_atomic_t running, stopped; /* a process that leads a group; whether there are to be no more */

void run_apart(void)
{
	apart = true;
}

void run_stop(int number)
{
	stopped = 1;
	if (running)
		kill(-running, number);
}

void run_anew(void)
{
	stopped = 0;
}

int run_setting(const char *variable)
{
	for (size_t i = 0; i + 1 < sizeof(environment) / sizeof(environment[0]); i++) {
		if (environment[i] && strcmp(environment[i], variable) == 0)
			return 0;
		if (environment[i])
			continue;
		environment[i] = variable;
		return 0;
	}
	return -E2BIG;
}

bool run_find(const char *program, char *path, size_t size)
{
	if (program[0] == '/') {
		snprintf(path, size, "%s", program);
		return access(path, X_OK) == 0;
	}
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(path, size, "%s/%s", dirs[i], program);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/* Starts argv with these descriptors as its first three, in a group of its own if it leads one. Returns the process or
 * -errno. */
static pid_t spawn(const char *const argv[], int in, int out, int err, bool leads)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, usual;
	char path[256];
	pid_t pid;

	if (!run_find(argv[0], path, sizeof(path)))
		return -ENOENT;
	int r = posix_spawn_file_actions_init(&actions);
	if (r != 0)
		return -r;
	/* Signals that we ignore or block are none of its business. */
	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	sigaddset(&usual, SIGXFSZ);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &usual);
	posix_spawnattr_setflags(&attributes, (short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						       (leads ? POSIX_SPAWN_SETPGROUP : 0)));
	r = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
	if (r == 0)
		r = posix_spawn(&pid, path, &actions, &attributes, (char *const *)argv, (char *const *)environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return r == 0 ? pid : -r;
}

int run_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The same in a group of its own, known to run_stop() as long as end_group() has not been called for it. No signal
 * comes between. */
static pid_t spawn_apart(const char *const argv[], int in, int out)
{
	sigset_t all, before;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	pid_t pid = stopped ? -EINTR : spawn(argv, in, out, out, true);
	running = pid > 0 ? pid : 0;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

/* Waits for the leader. What it has started goes with it where it was stopped: it would go on writing. */
static void end_group(pid_t pid)
{
	siginfo_t info;

	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		;
	running = 0;
	if (stopped)
		kill(-pid, SIGKILL); /* the leader, not yet reaped, keeps the number from being another's */
}

/* Prints what a program said, each line marked as its own. */
static void show_output(const char *program, int fd)
{
	char line[512];

	if (lseek(fd, 0, SEEK_SET) < 0)
		return;
	FILE *file = fdopen(dup(fd), "r");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file))
		fprintf(stderr, "  %s: %s%s", program, line, strchr(line, '\n') ? "" : "\n");
	fclose(file);
}

/* Calls tick once a second until the process has ended, which is not waited for. One that is done soon is not kept. */
static void wait_ticking(pid_t pid, void (*tick)(void *context, unsigned seconds), void *context)
{
	struct timespec start, now, nap = { .tv_nsec = 20000000 };
	unsigned shown = 0;
	siginfo_t info;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (;;) {
		info.si_pid = 0;
		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid)
			return;
		nanosleep(&nap, NULL);
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - start.tv_sec > (time_t)shown)
			tick(context, ++shown);
		if (nap.tv_nsec < 200000000)
			nap.tv_nsec += nap.tv_nsec / 2;
	}
}

int run(const char *const argv[], bool verbose)
{
	return run_ticking(argv, verbose, NULL, NULL);
}

int run_ticking(const char *const argv[], bool verbose, void (*tick)(void *context, unsigned seconds), void *context)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int output = memfd_create("output", MFD_CLOEXEC);
	int status = -errno;

	if (null >= 0 && output >= 0) {
		pid_t pid = apart ? spawn_apart(argv, null, output) : spawn(argv, null, output, output, false);
		if (pid > 0 && tick)
			wait_ticking(pid, tick, context);
		if (pid > 0 && apart)
			end_group(pid);
		status = pid < 0 ? (int)pid : run_wait(pid);
		if (verbose || (status != 0 && !stopped))
			show_output(argv[0], output);
	}
	if (null >= 0)
		close(null);
	if (output >= 0)
		close(output);
	return status;
}

pid_t run_filter(const char *const argv[], int fd, FILE **out)
{
	int pipes[2];
	pid_t pid;

	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null < 0)
		return -errno;
	if (pipe2(pipes, O_CLOEXEC) < 0) {
		pid = -errno;
		close(null);
		return pid;
	}
	*out = fdopen(pipes[0], "r");
	pid = *out ? spawn(argv, fd, pipes[1], null, false) : -ENOMEM;
	close(pipes[1]);
	close(null);
	if (pid < 0 && *out)
		fclose(*out);
	else if (pid < 0)
		close(pipes[0]);
	return pid;
}

/* The child of run_detached(): becomes the program, with nothing to read. */
static _Noreturn void become(const char *const argv[], int out)
{
	char path[256];
	sigset_t none;

	int null = open("/dev/null", O_RDWR);
	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (run_find(argv[0], path, sizeof(path)))
		execve(path, (char *const *)argv, (char *const *)environment);
	_exit(127);
}

pid_t run_detached(const char *const argv[], int *out)
{
	int pipes[2];

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0)
		become(argv, pipes[1]);
	int code = errno;
	close(pipes[1]);
	if (pid < 0) {
		close(pipes[0]);
		return -code;
	}
	*out = pipes[0];
	return pid;
}
