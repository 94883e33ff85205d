/* Changes files atomically; see files.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "facts.h"
#include "lock.h"
#include "root.h"

#define SIZE_LIMIT (16u << 20) /* bytes */

const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

char *file_read(const char *path, size_t *len)
{
	struct stat st;
	ssize_t n = -1;

	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return NULL;
	char *text = NULL;
	if (fstat(fd, &st) == 0 && st.st_size <= SIZE_LIMIT)
		text = malloc((size_t)st.st_size + 2); /* room to see that it grew */
	else
		errno = EFBIG;
	if (text) {
		n = read_all(fd, text, (size_t)st.st_size + 2);
		errno = n < 0 ? (int)-n : 0;
	}
	int saved = errno;
	close(fd);
	errno = saved;
	if (n < 0) {
		free(text);
		return NULL;
	}
	if (len)
		*len = (size_t)n;
	return text;
}

/* Opens the directory that holds path. Returns a file descriptor, or -1 with errno set; *name is the last component. */
static int open_dir_of(const char *path, const char **name)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');

	*name = slash ? slash + 1 : path;
	snprintf(dir, sizeof(dir), "%.*s", slash && slash > path ? (int)(slash - path) : 1, slash ? path : ".");
	return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int file_sync_dir(const char *path)
{
	const char *name;

	int fd = open_dir_of(path, &name);
	if (fd < 0)
		return -errno;
	int r = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return r;
}

int file_own_dir(const char *path, mode_t mode)
{
	struct stat st;

	if ((mkdir(path, mode) < 0 && errno != EEXIST) || lstat(path, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	return st.st_uid != geteuid() || (st.st_mode & 022) ? -EPERM : 0;
}

static int make_dirs(const char *path)
{
	char dir[PATH_MAX];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
		if (mkdir(dir, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

/* Gives fd the extended attributes of the file at path: its SELinux label, access lists. A file system that knows none
 * has none to lose. */
static int copy_attributes(int fd, const char *path)
{
	char names[4096], value[4096];

	ssize_t len = llistxattr(path, names, sizeof(names));
	if (len < 0)
		return errno == ENOTSUP ? 0 : -errno;
	for (const char *name = names; name < names + len; name += strlen(name) + 1) {
		ssize_t size = lgetxattr(path, name, value, sizeof(value));
		if (size < 0 || (fsetxattr(fd, name, value, (size_t)size, 0) < 0 && errno != ENOTSUP))
			return -errno;
	}
	return 0;
}

/* Gives fd mode, owner and extended attributes of the file at path, or mode where there is none. */
static int like(int fd, const char *path, mode_t mode)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return fchmod(fd, mode) < 0 ? -errno : 0;
	if (fchown(fd, st.st_uid, st.st_gid) < 0 || fchmod(fd, st.st_mode & 07777) < 0)
		return -errno;
	return copy_attributes(fd, path);
}

static bool on_fat(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == MSDOS_SUPER_MAGIC;
}

static int sync_all(const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = syncfs(fd) < 0 ? -errno : 0;
	close(fd);
	return r;
}

int file_move(const char *from, const char *to)
{
	bool fat = on_fat(from);
	int r = fat ? sync_all(from) : 0;

	if (r == 0 && fat && renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) == 0) {
		r = sync_all(to);
		return r == 0 && unlink(from) < 0 ? -errno : r;
	}
	/* There is no file to exchange with, or the kernel (before 6.0) can't. */
	if (r == 0 && rename(from, to) < 0)
		r = -errno;
	return r == 0 && fat ? sync_all(to) : r;
}

static int check(const char *path, const char *text, size_t len)
{
	size_t back_len;
	char *back = file_read(path, &back_len);

	if (!back)
		return -errno;
	int r = back_len == len && memcmp(back, text, len) == 0 ? 0 : -EIO;
	free(back);
	return r;
}

/* In our own directories are no links of anybody's. */
static bool is_own(const char *path)
{
	return strncmp(path, RUN_DIR "/", strlen(RUN_DIR "/")) == 0 || strncmp(path, STATE_DIR "/", strlen(STATE_DIR "/")) == 0;
}

/* Where path really is, a link being followed so that it stays one, and the name that a new one of it is written under. */
static void names_of(const char *path, char real[PATH_MAX], char temporary[PATH_MAX + 32])
{
	if (is_own(path) || !realpath(path, real))
		snprintf(real, PATH_MAX, "%s", path);
	snprintf(temporary, PATH_MAX + 32, "%s.iommu-new", real);
}

/* Gives a file that has been written (r: how that went) its name, or takes it away. */
static int put_in_place(const char *temporary, const char *real, int r)
{
	if (r == 0)
		r = file_move(temporary, real);
	if (r < 0) {
		unlink(temporary);
		return r;
	}
	return file_sync_dir(real);
}

/* Writes path anew, to be like the file at model. */
static int write_like(const char *path, const char *text, size_t len, const char *model, mode_t mode)
{
	char real[PATH_MAX], temporary[PATH_MAX + 32];

	int r = make_dirs(path);
	if (r < 0)
		return r;
	names_of(path, real, temporary);
	if (unlink(temporary) < 0 && errno != ENOENT)
		return -errno;
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text, len);
	if (r == 0)
		r = like(fd, model ? model : real, mode);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0)
		r = check(temporary, text, len);
	return put_in_place(temporary, real, r);
}

int file_write(const char *path, const char *text, size_t len, mode_t mode)
{
	return write_like(path, text, len, NULL, mode);
}

int file_copy(const char *from, const char *to)
{
	size_t len;

	char *text = file_read(from, &len);
	if (!text)
		return -errno;
	int r = write_like(to, text, len, from, 0600);
	free(text);
	return r;
}

/* Writes name and gives it the name to, both in dir. */
static int publish_in(int dir, const char *name, const char *to, const char *text, size_t len)
{
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return -errno;
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int r = write_all(fd, text, len);
	if (r == 0 && (fchmod(fd, 0644) < 0 || fsync(fd) < 0))
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && renameat(dir, name, dir, to) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(dir, name, 0);
	return r;
}

int file_publish(const char *path, const char *text, size_t len)
{
	char temporary[NAME_MAX + 32];
	const char *name;

	int fd = open_dir_of(path, &name);
	if (fd < 0)
		return -errno;
	snprintf(temporary, sizeof(temporary), "%.*s.iommu-new", NAME_MAX, name);
	int r = publish_in(fd, temporary, name, text, len);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	close(fd);
	return r;
}

void file_tidy(const char *path)
{
	char real[PATH_MAX], temporary[PATH_MAX + 32];

	names_of(path, real, temporary);
	unlink(temporary);
}

int file_remove(const char *path)
{
	if (unlink(path) < 0)
		return errno == ENOENT ? 0 : -errno;
	return file_sync_dir(path);
}

int file_replace(const char *from, const char *to)
{
	int fd = open(from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = like(fd, to, 0644);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	close(fd);
	if (r == 0)
		r = file_move(from, to);
	return r < 0 ? r : file_sync_dir(to);
}

/* Copies what from holds to to, or with compare looks whether it is that. */
static int copy(int from, int to, bool compare)
{
	static char here[1 << 16], there[1 << 16];
	ssize_t len;

	if (lseek(from, 0, SEEK_SET) < 0 || lseek(to, 0, SEEK_SET) < 0)
		return -errno;
	while ((len = read_all(from, here, sizeof(here))) > 0 || len == -EFBIG) {
		size_t n = len == -EFBIG ? sizeof(here) : (size_t)len;
		if (!compare) {
			int r = write_all(to, here, n);
			if (r < 0)
				return r;
			continue;
		}
		ssize_t back = read_all(to, there, sizeof(there));
		if ((back < 0 ? back != -EFBIG || n != sizeof(there) : (size_t)back != n) || memcmp(here, there, n) != 0)
			return -EIO;
	}
	return (int)len;
}

int file_place(const char *from, const char *to)
{
	char real[PATH_MAX], temporary[PATH_MAX + 32];

	names_of(to, real, temporary);
	if (unlink(temporary) < 0 && errno != ENOENT)
		return -errno;
	int in = open(from, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return -errno;
	int out = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = out < 0 ? -errno : copy(in, out, false);
	if (r == 0)
		r = like(out, real, 0644);
	if (r == 0 && fsync(out) < 0)
		r = -errno;
	if (r == 0)
		r = copy(in, out, true);
	close(in);
	if (out >= 0)
		close(out);
	return put_in_place(temporary, real, r);
}
