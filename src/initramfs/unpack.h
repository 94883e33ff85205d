/* An initramfs image unpacked: once, as long as its file stays the same.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A change looks at an image many times, and each time costs as long as a boot takes to unpack it. What was unpacked
 * last is kept, under the identity of the file: its inode, size, and both its times.
 */
#ifndef UNPACK_H
#define UNPACK_H

#include <sys/types.h>

#include "base/error.h"
#include "initramfs/rootfs.h"

/* Unpacks it, or what a unified kernel image holds: *root is to be given back by rootfs_free(). Returns 0, or -errno
 * with what the image is or lacks, without its path, in *error, and *root NULL. */
int initramfs_unpack(const char *path, const struct rootfs **root, struct error *error);

/* Unpacks the first len bytes of the image in fd, all of it or less. Returns 0, or -errno as cpio_unpack(). */
int initramfs_unpack_part(int fd, off_t len, const struct rootfs **root);

#endif
