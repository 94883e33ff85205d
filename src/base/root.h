/* Files of one root directory, the live system's or that of a tree given by --root.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Below a tree every path, also one reached through symbolic links, stays inside that tree: openat2(2) with
 * RESOLVE_IN_ROOT. So a recorded or mounted tree can never show something of the host.
 */
#ifndef ROOT_H
#define ROOT_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct root {
	int fd;          /* the directory, owned; closed by root_close() */
	const char *dir; /* its path as the caller gave it, not owned */
	bool live;       /* the running system's own "/" */
};

/* Opens dir ("/" is the live system). Returns 0 or -errno. */
int root_init(struct root *root, const char *dir);
void root_close(struct root *root);

/* Opens an absolute path below the root; O_CLOEXEC, O_NOCTTY and O_NONBLOCK are added so that a device or FIFO in the
 * way can't hang us. Returns a file descriptor owned by the caller, or -errno. */
int root_open(const struct root *root, const char *path, int flags);

/* Reads a whole file into buf and puts a NUL behind it. Returns the length, or -errno; -EFBIG if it does not fit.
 * The text may hold NUL bytes. */
ssize_t root_read(const struct root *root, const char *path, char *buf, size_t size);

/* What a symbolic link says, not followed. Returns 0 or -errno; -EINVAL if it is no link. */
int root_readlink(const struct root *root, const char *path, char *buf, size_t size);

/* Opens a directory to list it; close it with closedir(3). Returns NULL with errno set. */
DIR *root_opendir(const struct root *root, const char *path);

/* Calls visit with each name in a directory that does not begin with a dot, in the file system's order, until it
 * returns something else than 0. dirfd is the directory. Returns what visit did, or -errno. For sysfs: no memory is
 * allocated. */
typedef int root_visit(int dirfd, const char *name, void *context);
int root_list(const struct root *root, const char *path, root_visit *visit, void *context);

/* Reads what is left in fd, as above. Does not close it. */
ssize_t read_all(int fd, char *buf, size_t size);

/* The same for a one-line value: without the trailing newline. root_read_line_at() takes a path relative to dirfd;
 * below a tree it can't leave dirfd. */
ssize_t root_read_line(const struct root *root, const char *path, char *buf, size_t size);
ssize_t root_read_line_at(const struct root *root, int dirfd, const char *path, char *buf, size_t size);

/* Makes a directory and those above it, each 0755, as far as they are not there. Returns 0 or -errno. */
int root_mkdirs(const struct root *root, const char *path);

/* Writes a new file, in place of what stands there, and reads it back. Returns 0 or -errno; -EIO if what was read is
 * not what was written. For a directory of our own only: not atomic. */
int root_write(const struct root *root, const char *path, const void *data, size_t len, mode_t mode);

/* Whether something is there. Anything but a certain "no" (ENOENT, ENOTDIR) counts as there. */
bool root_exists(const struct root *root, const char *path);

/* Whether something is certainly there: for what makes us do less. */
bool root_certain(const struct root *root, const char *path);

/* Whether path is the mount point of the file system with this statfs(2) magic (live system), or a directory with
 * something in it (a tree). */
bool root_mounted(const struct root *root, const char *path, unsigned long magic);

/* Writes all of data to fd. Does not close it. Returns 0 or -errno. */
int write_all(int fd, const void *data, size_t len);

/* Reads fd from its start, as far as it goes, and compares. Returns 0 or -errno; -EIO if it holds something else. */
int read_back_all(int fd, const void *data, size_t len);

#endif
