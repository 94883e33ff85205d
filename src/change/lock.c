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
#include <time.h>
#include <unistd.h>

#include "base/paths.h"
#include "base/run.h"
#include "change/build-time.h"
#include "system/files.h"
#include "system/message.h"
#include "system/process.h"

#define LOCK STATE_DIR "/lock"

static bool held, made;

/* The programs that we start inherit the descriptor, so that the lock is held while one of them lives: also one that
 * goes on after we were killed. A record lock is the process's own, and tells whether it is that. */
static int take_own(int fd)
{
	struct flock alive = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	const struct timespec nap = { .tv_nsec = 100000000 };
	enum { NAPS = 100 };

	for (int i = 0;; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
			fcntl(fd, F_SETLK, &alive);
			return 0;
		}
		if (errno != EWOULDBLOCK)
			return fail(LOCK ": %s", strerror(errno));
		struct flock holder = alive;
		if (fcntl(fd, F_GETLK, &holder) == 0 && holder.l_type != F_UNLCK)
			return fail(LOCK ": another iommu-install is at work");
		if (i == NAPS)
			return fail(LOCK ": a program that an iommu-install started, which is gone, is still at work; "
				    "try again when it is done");
		nanosleep(&nap, NULL);
	}
}

static int lock_own(void)
{
	struct stat st;

	int r = file_own_dir(STATE_DIR, 0700);
	if (r == -ENOTDIR || r == -EPERM)
		return fail(STATE_DIR ": not root's own directory, or others can write to it");
	if (r < 0)
		return fail(STATE_DIR ": %s", strerror(-r));
	/* It stays open on purpose, here and in those programs; LVM's tell about it. */
	int fd = open(LOCK, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail(LOCK ": %s", strerror(errno));
	run_setting("LVM_SUPPRESS_FD_WARNINGS=1");
	r = take_own(fd);
	if (r)
		return r;
	/* A file that has no name any more is one that lock_undo() took away. */
	if (fstat(fd, &st) < 0 || st.st_nlink == 0)
		return fail(LOCK ": another iommu-install is at work");
	held = true;
	return 0;
}

static bool is_there(void)
{
	struct stat st;

	return lstat(STATE_DIR, &st) == 0 || errno != ENOENT;
}

/* Package managers whose lock is a record lock. One that is only asked is not taken: the programs that we start ask
 * rpm, which would wait for it. */
static const struct {
	const char *path;
	bool take;
	const char *variable; /* what a script that it runs has in its environment */
} record_locks[] = {
	/* dpkg's and apt's (dpkg: lib/dpkg/dbmodify.c:modstatdb_lock()). */
	{ "/var/lib/dpkg/lock-frontend", true, "DPKG_MAINTSCRIPT_NAME" },
	/* rpm's, dnf's and zypper's, by the place of its database (rpm: lib/rpmlock.c). */
	{ "/usr/lib/sysimage/rpm/.rpm.lock", false, NULL },
	{ "/var/lib/rpm/.rpm.lock", false, NULL },
};

/* pacman's is a file that is there while it works (libalpm: handle.c), and after it has been killed. */
#define PACMAN_LOCK "/var/lib/pacman/db.lck"

static int busy(const char *path, pid_t holder)
{
	return fail("%s: the package manager is at work (process %d); try again when it is done", path, (int)holder);
}

static int look_at_record(size_t i, bool look)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	bool take = record_locks[i].take && !look;

	/* The descriptor of a lock that is taken stays open on purpose. */
	int fd = open(record_locks[i].path, (take ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return 0; /* not here */
	if (take && fcntl(fd, F_SETLK, &lock) == 0)
		return 0;
	int r = fcntl(fd, F_GETLK, &lock);
	if (!take)
		close(fd);
	/* Who only reads has a shared one. */
	if (r < 0 || lock.l_type != F_WRLCK)
		return 0;
	return process_is_ancestor(lock.l_pid, record_locks[i].variable) ? 0 : busy(record_locks[i].path, lock.l_pid);
}

static int look_at_pacman(void)
{
	struct stat st;
	pid_t holder;

	if (stat(PACMAN_LOCK, &st) < 0)
		return 0;
	int r = process_that_has_open(&st, &holder);
	if (r < 0)
		return fail(PACMAN_LOCK ": the package manager may be at work; try again when it is done");
	return r == 0 || process_is_ancestor(holder, NULL) ? 0 : busy(PACMAN_LOCK, holder);
}

static int lock_packages(bool look)
{
	for (size_t i = 0; i < sizeof(record_locks) / sizeof(record_locks[0]); i++)
		if (look_at_record(i, look))
			return -1;
	return look_at_pacman() ? -1 : 0;
}

int lock_all(void)
{
	return (is_there() && lock_own()) || lock_packages(false) ? -1 : 0;
}

int lock_look(void)
{
	int fd = open(LOCK, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	bool taken = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;

	if (fd >= 0)
		close(fd);
	if (taken)
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
	build_time_forget();
	rmdir(STATE_DIR);
	made = false;
}
