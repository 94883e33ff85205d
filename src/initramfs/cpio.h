/* Unpacks an initramfs image, in memory.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef CPIO_H
#define CPIO_H

#include <stdbool.h>
#include <sys/types.h>

#include "initramfs/rootfs.h"

#define CPIO_HEADER 110 /* bytes: the magic number and 13 fields of 8 hexadecimal digits */

/* Documentation/driver-api/early-userspace/buffer-format.rst; the field's number after the magic one. */
enum { FIELD_INODE = 0, FIELD_MODE = 1, FIELD_LINKS = 4, FIELD_SIZE = 6, FIELD_MAJOR = 7, FIELD_MINOR = 8,
       FIELD_NAME_SIZE = 11 };

/* Reads that field of a header. False if it is no number. */
bool cpio_field(const char *header, int number, unsigned long *value);

/* Unpacks an image as the kernel does (init/initramfs.c of 5.10 and 7.2): archives in the newc format, each compressed
 * or not, zero bytes between them. What follows that is neither ends it, and what was before is there. Returns 0 or
 * -errno: -EBADMSG if it is no such image or is cut short, -ENOPKG if a program that decompresses is missing. */
int cpio_unpack(int fd, struct rootfs *root);

/* From start to before end of fd as a file of its own, in memory, at its beginning. Returns a file descriptor owned by
 * the caller, or -errno; -EBADMSG if fd ends before that. */
int cpio_part(int fd, off_t start, off_t end);

#endif
