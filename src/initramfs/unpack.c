/* Unpacked images; see unpack.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "initramfs/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "initramfs/cpio.h"
#include "system/pe.h"
#include "system/seen.h"

#define KEPT 6 /* images, each some 10 MiB in memory: those of three kernels, whole and without what was laid behind */

#define MOMENT 20000000 /* nanoseconds that are waited for a file to settle */

/* An image that was unpacked. */
struct unpacked {
	struct stat st;
	off_t len; /* bytes of it */
	const struct rootfs *root; /* owned; NULL: none */
};

static struct unpacked unpacked[KEPT];
static size_t oldest;

static const struct rootfs *find(const struct stat *st, off_t len)
{
	for (size_t i = 0; i < KEPT; i++) {
		const struct unpacked *u = &unpacked[i];
		if (u->root && u->len == len && seen_same_file(&u->st, st))
			return rootfs_share(u->root);
	}
	return NULL;
}

/* Whether another write from now on would show; on FAT that can take longer than to unpack it again. */
static bool has_settled(const struct stat *st)
{
	long long left = seen_settles(st);

	if (left > MOMENT)
		return false;
	seen_wait(left);
	return true;
}

static void keep(const struct stat *st, off_t len, const struct rootfs *root)
{
	struct unpacked *u = &unpacked[oldest];

	rootfs_free(u->root);
	*u = (struct unpacked){ *st, len, rootfs_share(root) };
	oldest = (oldest + 1) % KEPT;
}

static int unpack_part(int fd, off_t start, off_t end, struct rootfs *root)
{
	int alone = cpio_part(fd, start, end);
	if (alone < 0)
		return alone;
	int r = cpio_unpack(alone, root);
	close(alone);
	return r;
}

/* A unified kernel image has the archive in a section, with others behind it. */
static int unpack_unified(int fd, struct rootfs *root)
{
	off_t offset;
	size_t len;

	int r = pe_section(fd, ".initrd", &offset, &len);
	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	return unpack_part(fd, offset, offset + (off_t)len, root);
}

static int unpack_new(int fd, off_t size, off_t len, struct rootfs *root)
{
	if (len < size)
		return unpack_part(fd, 0, len, root);
	return pe_is(fd) ? unpack_unified(fd, root) : cpio_unpack(fd, root);
}

/* All of it where len is -1. */
static int unpack(int fd, off_t len, const struct rootfs **root)
{
	struct stat st, after;

	*root = NULL;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (len < 0)
		len = st.st_size;
	*root = find(&st, len);
	if (*root)
		return 0;
	bool settled = has_settled(&st);
	struct rootfs *made = rootfs_new();
	int r = made ? unpack_new(fd, st.st_size, len, made) : -ENOMEM;
	if (r < 0) {
		rootfs_free(made);
		return r;
	}
	*root = made;
	if (settled && fstat(fd, &after) == 0 && seen_same_file(&st, &after))
		keep(&st, len, made);
	return 0;
}

int initramfs_unpack_part(int fd, off_t len, const struct rootfs **root)
{
	return unpack(fd, len, root);
}

int initramfs_unpack(const char *path, const struct rootfs **root, struct error *error)
{
	*root = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : unpack(fd, -1, root);
	if (fd >= 0)
		close(fd);
	if (r == -EBADMSG)
		return error_set(error, r, "is no initramfs, or cut short");
	if (r == -ENOPKG)
		return error_set(error, r, "can't be unpacked: its decompressor is missing");
	return r < 0 ? error_errno(error, r) : 0;
}
