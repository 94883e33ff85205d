/* Keeps libkmod inside a root directory; see libkmod-root.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "evidence/libkmod-root.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static const struct root *current;
static int missed;

void root_libkmod_begin(const struct root *root)
{
	current = root;
	missed = 0;
}

int root_libkmod_end(void)
{
	current = NULL;
	return missed;
}

void root_libkmod_note(int error)
{
	if (error == -ENOMEM || error == -EMFILE || error == -ENFILE || error == -EIO || error == -EACCES)
		missed = missed ? missed : error;
}

bool root_libkmod_active(void)
{
	return current != NULL;
}

/* Returns a file descriptor, or -1 with errno set. libkmod only reads; anything else is a surprise and is refused. */
static int open_below(const char *path, int flags)
{
	int fd = -EPERM;

	if (current && !(flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)))
		fd = root_open(current, path, flags);
	if (fd >= 0)
		return fd;
	root_libkmod_note(fd);
	errno = -fd;
	return -1;
}

int root_libkmod_open(const char *path, int flags, ...)
{
	return open_below(path, flags);
}

FILE *root_libkmod_fopen(const char *path, const char *mode)
{
	int fd = open_below(path, O_RDONLY);
	if (fd < 0)
		return NULL;

	FILE *file = fdopen(fd, mode);
	if (!file) {
		root_libkmod_note(-errno);
		close(fd);
	}
	return file;
}

DIR *root_libkmod_opendir(const char *path)
{
	int fd = open_below(path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return NULL;

	DIR *dir = fdopendir(fd);
	if (!dir) {
		root_libkmod_note(-errno);
		close(fd);
	}
	return dir;
}

int root_libkmod_stat(const char *path, struct stat *st)
{
	int fd = open_below(path, O_PATH);
	if (fd < 0)
		return -1;

	int r = fstat(fd, st);
	close(fd);
	return r;
}
