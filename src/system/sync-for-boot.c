/* Makes what was written to /boot readable for a boot loader; see sync-for-boot.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "system/sync-for-boot.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THAW_AFTER_MS = 30000 };

/* Leaves open what is below 3 and these two: the lock goes with the process that took it, not with this one. */
static void keep_only(int a, int b)
{
	unsigned low = (unsigned)(a < b ? a : b), high = (unsigned)(a < b ? b : a);
	const unsigned gaps[][2] = { { 3, low - 1 }, { low + 1, high - 1 }, { high + 1, ~0u } };

	for (size_t i = 0; i < sizeof(gaps) / sizeof(gaps[0]); i++)
		if (gaps[i][0] <= gaps[i][1])
			syscall(__NR_close_range, gaps[i][0], gaps[i][1], 0);
}

/* A process of its own thaws when the pipe's other end is closed, however this one ends, or when it has taken too
 * long. */
static pid_t start_watchdog(int fd, const int pipes[2])
{
	pid_t pid = fork();
	if (pid != 0)
		return pid < 0 ? -errno : pid;

	struct pollfd end = { .fd = pipes[0], .events = POLLIN };
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	setsid();
	keep_only(fd, pipes[0]);
	poll(&end, 1, THAW_AFTER_MS);
	ioctl(fd, FITHAW, 0);
	_exit(0);
}

static int freeze_and_thaw(int fd)
{
	int pipes[2], status;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	pid_t pid = start_watchdog(fd, pipes);
	close(pipes[0]);
	int r = pid < 0 ? (int)pid : 0;
	if (r == 0 && ioctl(fd, FIFREEZE, 0) == 0)
		r = ioctl(fd, FITHAW, 0) < 0 ? -errno : 0;
	/* Else FAT, or not allowed, or somebody else has it frozen: all has been written by syncfs(2). */
	close(pipes[1]);
	if (pid > 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	return r;
}

int sync_for_boot_fd(int fd)
{
	struct stat boot, root;

	int r = syncfs(fd) < 0 ? -errno : 0;
	/* Freezing / would stop this very process. */
	if (r == 0 && fstat(fd, &boot) == 0 && stat("/", &root) == 0 && boot.st_dev != root.st_dev)
		r = freeze_and_thaw(fd);
	return r;
}

int sync_for_boot(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = sync_for_boot_fd(fd);
	close(fd);
	return r;
}
