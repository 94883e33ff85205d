/* One change at a time; see lock.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "change/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/paths.h"
#include "system/files.h"
#include "system/message.h"

/* dpkg's and apt's (dpkg: lib/dpkg/dbmodify.c:modstatdb_lock()). */
#define DPKG_LOCK "/var/lib/dpkg/lock-frontend"

#define LOCK STATE_DIR "/lock"

static bool held, made;

static int lock_own(void)
{
	struct stat st;

	int r = file_own_dir(STATE_DIR, 0700);
	if (r == -ENOTDIR || r == -EPERM)
		return fail(STATE_DIR ": not root's own directory, or others can write to it");
	if (r < 0)
		return fail(STATE_DIR ": %s", strerror(-r));
	errno = 0;
	int fd = open(LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(LOCK ": %s", strerror(errno));
	/* The descriptor stays open on purpose. A file that has no name any more is one that lock_undo() took away. */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &st) < 0 || st.st_nlink == 0)
		return fail(LOCK ": %s",
			    errno && errno != EWOULDBLOCK ? strerror(errno) : "another iommu-install is at work");
	held = true;
	return 0;
}

static bool is_there(void)
{
	struct stat st;

	return lstat(STATE_DIR, &st) == 0 || errno != ENOENT;
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

static int lock_packages(bool look)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	/* The descriptor of a lock that is taken stays open on purpose. */
	int fd = open(DPKG_LOCK, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return 0; /* no dpkg */
	if (!look && fcntl(fd, F_SETLK, &lock) == 0)
		return 0;
	int r = fcntl(fd, F_GETLK, &lock);
	if (look)
		close(fd);
	if (r == 0 && lock.l_type != F_UNLCK && !is_ancestor(lock.l_pid))
		return fail(DPKG_LOCK ": the package manager is at work (process %d); try again when it is done",
			    (int)lock.l_pid);
	return 0;
}

int lock_all(void)
{
	return (is_there() && lock_own()) || lock_packages(false) ? -1 : 0;
}

int lock_look(void)
{
	int fd = open(LOCK, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	bool busy = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;

	if (fd >= 0)
		close(fd);
	if (busy)
		return fail(LOCK ": another iommu-install is at work"), -1;
	return lock_packages(true) ? -1 : 0;
}

int lock_begin(void)
{
	struct stat st;

	if (held)
		return 0;
	made = !is_there();
	if (lock_own())
		return -1;
	/* There was no state directory when this process planned. */
	if (lstat(STATE_DIR "/change", &st) == 0)
		return fail(STATE_DIR ": another iommu-install has changed this machine meanwhile; run it again"), -1;
	return 0;
}

void lock_undo(void)
{
	if (!made)
		return;
	unlink(LOCK);
	rmdir(STATE_DIR);
	made = false;
}
