/* The helper's side of libkmod-root.h: what libkmod calls in place of the C library's, renamed at build time.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Most of it is memory: libkmod passes over a line that it has no memory for, and nobody would know.
 */
#include "evidence/libkmod-root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* libkmod asks this of the entries of a directory opened above, only to pass over directories. A link is left as a
 * link: where it leads is found out below the root when the file is opened. */
int root_libkmod_fstatat(int dirfd, const char *name, struct stat *st, int flags)
{
	return fstatat(dirfd, name, st, flags | AT_SYMLINK_NOFOLLOW);
}

static void *noted(void *memory)
{
	if (!memory)
		root_libkmod_note(-ENOMEM);
	return memory;
}

void *root_libkmod_malloc(size_t size)
{
	return noted(malloc(size));
}

void *root_libkmod_calloc(size_t count, size_t size)
{
	return noted(calloc(count, size));
}

void *root_libkmod_realloc(void *old, size_t size)
{
	return noted(realloc(old, size));
}

char *root_libkmod_strdup(const char *text)
{
	return noted(strdup(text));
}

FILE *root_libkmod_fdopen(int fd, const char *mode)
{
	return noted(fdopen(fd, mode));
}

/* kmod 34 reads its index by it. */
ssize_t root_libkmod_getdelim(char **line, size_t *size, int delimiter, FILE *in)
{
	errno = 0;
	ssize_t len = getdelim(line, size, delimiter, in);
	if (len < 0 && errno)
		root_libkmod_note(-errno);
	return len;
}
