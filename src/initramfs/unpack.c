/* Unpacked images; see unpack.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "initramfs/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "initramfs/cpio.h"
#include "system/pe.h"

#define KEPT 6 /* images, each some 10 MiB in memory: those of three kernels, whole and without what was laid behind */

#define MS 1000000 /* nanoseconds */
#define SECOND (1000 * MS)

/* What the times of a file are counted in: the kernel's clock tick, 10 ms at most, or where none has a fraction whole
 * seconds, two on FAT. Of two writes in one of these the second leaves no trace. */
#define FINE (20 * MS)
#define COARSE (3LL * SECOND)

/* An image that was unpacked. */
struct unpacked {
	dev_t dev;
	ino_t ino;
	off_t size, len; /* bytes: of the file, and of what was unpacked */
	struct timespec written, changed;
	const struct rootfs *root; /* owned; NULL: none */
};

static struct unpacked unpacked[KEPT];
static size_t oldest;

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool is_of(const struct unpacked *u, const struct stat *st, off_t len)
{
	return u->root && u->dev == st->st_dev && u->ino == st->st_ino && u->size == st->st_size && u->len == len &&
	       same_time(&u->written, &st->st_mtim) && same_time(&u->changed, &st->st_ctim);
}

static const struct rootfs *find(const struct stat *st, off_t len)
{
	for (size_t i = 0; i < KEPT; i++)
		if (is_of(&unpacked[i], st, len))
			return rootfs_share(unpacked[i].root);
	return NULL;
}

/* Whether another write from now on would show in the file's times. Where that takes a moment, it is waited for. */
static bool is_settled(const struct stat *st)
{
	struct timespec now, moment = { .tv_nsec = FINE };

	if (clock_gettime(CLOCK_REALTIME, &now) < 0)
		return false;
	int64_t age = (int64_t)(now.tv_sec - st->st_ctim.tv_sec) * SECOND + now.tv_nsec - st->st_ctim.tv_nsec;
	bool coarse = st->st_ctim.tv_nsec == 0;
	if (age < 0 || coarse)
		return age >= COARSE;
	return age >= FINE || nanosleep(&moment, NULL) == 0;
}

static void keep(const struct stat *st, off_t len, const struct rootfs *root)
{
	struct unpacked *u = &unpacked[oldest];

	rootfs_free(u->root);
	*u = (struct unpacked){ st->st_dev, st->st_ino, st->st_size, len, st->st_mtim, st->st_ctim,
				rootfs_share(root) };
	oldest = (oldest + 1) % KEPT;
}

/* A unified kernel image has the archive in a section, with others behind it. */
static int unpack_unified(int fd, struct rootfs *root)
{
	off_t offset;
	size_t len;

	int r = pe_section(fd, ".initrd", &offset, &len);
	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	int alone = cpio_part(fd, offset, offset + (off_t)len);
	if (alone < 0)
		return alone;
	r = cpio_unpack(alone, root);
	close(alone);
	return r;
}

static int unpack_first(int fd, off_t len, struct rootfs *root)
{
	int alone = cpio_part(fd, 0, len);
	if (alone < 0)
		return alone;
	int r = cpio_unpack(alone, root);
	close(alone);
	return r;
}

static int unpack_new(int fd, off_t size, off_t len, struct rootfs *root)
{
	if (len < size)
		return unpack_first(fd, len, root);
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
	bool settled = is_settled(&st);
	struct rootfs *made = rootfs_new();
	int r = made ? unpack_new(fd, st.st_size, len, made) : -ENOMEM;
	if (r < 0) {
		rootfs_free(made);
		return r;
	}
	*root = made;
	struct unpacked was = { st.st_dev, st.st_ino, st.st_size, len, st.st_mtim, st.st_ctim, made };
	if (settled && fstat(fd, &after) == 0 && is_of(&was, &after, len))
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
