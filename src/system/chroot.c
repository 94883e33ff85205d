/* --root: a tree that is not running; see chroot.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "system/chroot.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "system/message.h"

/* What commands such as dracut and grub-mkconfig need. A tree that lacks one of the directories does without. */
static const struct {
	const char *dir, *type;
	unsigned long flags;
} mounts[] = {
	{ "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC },
	{ "sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY },
	{ "dev", NULL, MS_BIND | MS_REC },
	{ "run", "tmpfs", MS_NOSUID | MS_NODEV },
};

static bool adrift, mounted;
static const char *entered;

bool tree_adrift(void)
{
	return adrift;
}

bool tree_mounted(void)
{
	return mounted;
}

const char *tree_dir(void)
{
	return entered;
}

static int failed(const char *what)
{
	fail("--root: %s: %s", what, strerror(errno));
	return -1;
}

/* A file system of its own, on a device that has a number (btrfs gives each subvolume one that belongs to none). */
static bool on_device(int dir)
{
	struct stat here, above;

	return fstat(dir, &here) == 0 && fstatat(dir, "..", &above, 0) == 0 && here.st_dev != above.st_dev &&
	       major(here.st_dev) != 0;
}

/* The number of the mount that a directory is in, or 0. */
static unsigned long mount_of(int dir, const char *name)
{
	struct statx st;

	return statx(dir, name, AT_EMPTY_PATH, STATX_MNT_ID, &st) == 0 && st.stx_mask & STATX_MNT_ID ? st.stx_mnt_id
												     : 0;
}

/* Whether a whole file system is mounted there, from a device or a pool; a directory that is bound onto itself is none.
 * btrfs: each subvolume is mounted as one, see proc_pid_mountinfo(5) for the fields. */
static bool is_mounted(int dir)
{
	char *line = NULL, root[4096], type[64], source[4096];
	unsigned long id, here = mount_of(dir, "");
	bool found = false;
	size_t size = 0;

	FILE *list = here && here != mount_of(dir, "..") ? fopen("/proc/self/mountinfo", "re") : NULL;
	while (list && getline(&line, &size, list) >= 0) {
		const char *rest = strstr(line, " - ");
		if (!rest || sscanf(line, "%lu %*u %*s %4095s", &id, root) != 2 || id != here ||
		    sscanf(rest, " - %63s %4095s", type, source) != 2)
			continue;
		found = strcmp(type, "zfs") == 0 || strcmp(type, "btrfs") == 0 ||
			(strcmp(root, "/") == 0 && source[0] == '/');
	}
	if (list)
		fclose(list);
	free(line);
	return found;
}

int chroot_enter(const char *dir, bool *device)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return failed("a mount namespace of its own");
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return failed(dir);
	*device = on_device(fd);
	adrift = !*device;
	mounted = *device || is_mounted(fd);
	entered = dir;
	int r = fchdir(fd);
	close(fd);
	if (r < 0)
		return failed(dir);
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		struct stat st;
		const char *source = mounts[i].type ? mounts[i].type : "/dev";
		/* Never through a link: what is mounted there must be in the tree. */
		if (lstat(mounts[i].dir, &st) < 0 || !S_ISDIR(st.st_mode))
			continue;
		if (mount(source, mounts[i].dir, mounts[i].type, mounts[i].flags, NULL) < 0)
			return failed(mounts[i].dir);
	}
	return chroot(".") < 0 || chdir("/") < 0 ? failed(dir) : 0;
}
