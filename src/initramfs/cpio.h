/* Reads files out of a built initramfs image.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef CPIO_H
#define CPIO_H

#include <stddef.h>
#include <sys/types.h>

/* A file to look for. found and what follows are filled in. */
struct cpio_file {
	const char *name; /* without a leading slash */
	char *data;       /* owned by the caller, NUL behind it; NULL if not there or no regular file */
	size_t len;
	mode_t mode;
};

/* Reads an image as the kernel unpacks it (init/initramfs.c): archives in the newc format, the last one compressed or
 * not, later members in place of earlier ones. Returns 0 or -errno: -EBADMSG if it is no such image or is cut short,
 * -ENOPKG if the program that decompresses it is missing. What was found before that is the caller's, too. */
int cpio_read(int fd, struct cpio_file *files, size_t count);

#endif
