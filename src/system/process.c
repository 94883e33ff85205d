/* Other processes; see process.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "system/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/* A proc of our own, mounted nowhere: gone with the descriptor. */
static int mount_proc(void)
{
	int made = (int)syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC), fd = -1;

	if (made >= 0 && syscall(SYS_fsconfig, made, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		fd = (int)syscall(SYS_fsmount, made, FSMOUNT_CLOEXEC, 0);
	int r = fd < 0 ? -errno : fd;
	if (made >= 0)
		close(made);
	return r;
}

/* Returns a file descriptor, or -errno. */
static int open_proc(void)
{
	struct statfs fs;

	int fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC)
		return fd;
	if (fd >= 0)
		close(fd);
	return mount_proc();
}

/* PID/stat: the parent follows the name, which stands in parentheses and can hold anything. */
static pid_t parent_of(int proc, pid_t pid)
{
	char path[64], text[512];
	int parent = 0;

	snprintf(path, sizeof(path), "%d/stat", (int)pid);
	int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	const char *end = strrchr(text, ')');
	return end && sscanf(end + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

bool process_is_ancestor(pid_t pid, const char *variable)
{
	if (pid == getppid())
		return pid > 0;
	int proc = open_proc();
	if (proc < 0)
		return variable && getenv(variable);
	bool found = false;
	for (pid_t p = getppid(); p > 0 && !found; p = parent_of(proc, p))
		found = p == pid;
	close(proc);
	return found;
}

static DIR *open_dir(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

static bool has_open(int proc, const char *pid, const struct stat *file)
{
	char path[300];
	struct stat st;
	bool found = false;

	snprintf(path, sizeof(path), "%s/fd", pid);
	DIR *dir = open_dir(proc, path);
	if (!dir)
		return false; /* it has ended meanwhile */
	for (const struct dirent *entry; !found && (entry = readdir(dir));)
		found = entry->d_name[0] != '.' && fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 &&
			st.st_dev == file->st_dev && st.st_ino == file->st_ino;
	closedir(dir);
	return found;
}

int process_that_has_open(const struct stat *file, pid_t *pid)
{
	int proc = open_proc();
	if (proc < 0)
		return proc;
	DIR *dir = open_dir(proc, ".");
	int r = dir ? 0 : -errno;
	close(proc);
	for (const struct dirent *entry; r == 0 && (entry = readdir(dir));) {
		*pid = (pid_t)atoi(entry->d_name);
		r = *pid > 0 && has_open(dirfd(dir), entry->d_name, file);
	}
	if (dir)
		closedir(dir);
	return r;
}
