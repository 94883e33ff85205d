/* One change at a time; see lock.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "files.h"
#include "refuse.h"

/* dpkg's and apt's (dpkg: lib/dpkg/dbmodify.c:modstatdb_lock()). */
#define DPKG_LOCK "/var/lib/dpkg/lock-frontend"

static int lock_own(void)
{
	int r = file_own_dir(STATE_DIR, 0700);

	if (r == -ENOTDIR || r == -EPERM)
		return fail(STATE_DIR ": not root's own directory, or others can write to it");
	if (r < 0)
		return fail(STATE_DIR ": %s", strerror(-r));
	int fd = open(STATE_DIR "/lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(STATE_DIR "/lock: %s", strerror(errno));
	/* The descriptor stays open on purpose. */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return fail(STATE_DIR "/lock: %s", errno == EWOULDBLOCK ? "another iommu-install is at work" : strerror(errno));
	return 0;
}

/* proc(5), /proc/PID/stat: the parent follows the name, which stands in parentheses and can hold anything. */
static pid_t parent_of(pid_t pid)
{
	char path[64], text[512];
	int parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return 0;
	size_t len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	const char *end = strrchr(text, ')');
	return end && sscanf(end + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

static bool is_ancestor(pid_t pid)
{
	for (pid_t p = getppid(); p > 0; p = parent_of(p))
		if (p == pid)
			return true;
	return false;
}

static int lock_packages(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	int fd = open(DPKG_LOCK, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return 0; /* no dpkg */
	if (fcntl(fd, F_SETLK, &lock) == 0)
		return 0;
	if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK && !is_ancestor(lock.l_pid))
		return fail(DPKG_LOCK ": the package manager is at work (process %d); try again when it is done", (int)lock.l_pid);
	return 0;
}

int lock_all(void)
{
	return lock_own() || lock_packages() ? -1 : 0;
}
