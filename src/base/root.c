/* Files of one root directory; see root.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "base/root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

int root_init(struct root *root, const char *dir)
{
	root->dir = dir;
	root->live = strcmp(dir, "/") == 0;
	root->fd = openat(AT_FDCWD, dir, O_PATH | O_DIRECTORY | O_CLOEXEC); /* musl's open() is two system calls */
	return root->fd < 0 ? -errno : 0;
}

void root_close(struct root *root)
{
	if (root->fd >= 0)
		close(root->fd);
	root->fd = -1;
}

/* While somebody mounts or renames, anywhere, the kernel can't always tell that a path stays inside, and says so. */
static int open_inside(int dirfd, const char *path, const struct open_how *how)
{
	enum { TRIES = 1000 };
	int fd;

	for (int i = 0;
	     (fd = (int)syscall(__NR_openat2, dirfd, path, how, sizeof(*how))) < 0 && errno == EAGAIN && i < TRIES; i++)
		;
	return fd < 0 ? -errno : fd;
}

/* A path of a tree, kept inside it by resolve. Reading from a device node there could hang, or act on this machine's
 * hardware: only files and directories are opened, and /dev/null, which stands for "nothing". */
static int open_in_tree(int dirfd, const char *path, int flags, unsigned long long resolve)
{
	struct open_how how = { .flags = (unsigned int)(O_PATH | O_CLOEXEC | (flags & O_DIRECTORY)),
				.resolve = resolve };
	const dev_t null = makedev(1, 3);
	struct stat st;

	int fd = open_inside(dirfd, path, &how);
	if (fd < 0 || flags & O_PATH)
		return fd;
	int r = fstat(fd, &st) < 0 ? -errno : 0;
	close(fd);
	if (r == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) && st.st_rdev != null)
		r = -ENXIO;
	if (r < 0)
		return r;
	how.flags = (unsigned int)flags;
	return open_inside(dirfd, path, &how);
}

static int open_at(const struct root *root, int dirfd, const char *path, int flags, unsigned long long resolve)
{
	/* O_PATH knows no other flags than these: openat() would refuse. */
	flags |= O_CLOEXEC;
	if (!(flags & O_PATH))
		flags |= O_NOCTTY | O_NONBLOCK;
	if (!root->live)
		return open_in_tree(dirfd, path, flags, resolve);

	int fd = openat(dirfd, path, flags);
	return fd < 0 ? -errno : fd;
}

int root_open(const struct root *root, const char *path, int flags)
{
	return open_at(root, root->fd, path, flags, RESOLVE_IN_ROOT);
}

/* Reads to the end, or only to a newline that ends what one read(2) gave: of a file with one line that is all. */
static ssize_t read_up_to(int fd, char *buf, size_t size, bool line)
{
	size_t len = 0;

	do {
		/* Ask for one byte more than may be there, so that a file of exactly size bytes is told from one
		 * that fits. */
		ssize_t n = read(fd, buf + len, size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
		if (len == size)
			return -EFBIG;
	} while (!line || buf[len - 1] != '\n');
	buf[len] = '\0';
	return (ssize_t)len;
}

ssize_t read_all(int fd, char *buf, size_t size)
{
	return read_up_to(fd, buf, size, false);
}

static ssize_t read_and_close(int fd, char *buf, size_t size, bool line)
{
	if (fd < 0)
		return fd;
	ssize_t len = read_up_to(fd, buf, size, line);
	close(fd);
	return len;
}

ssize_t root_read(const struct root *root, const char *path, char *buf, size_t size)
{
	return read_and_close(root_open(root, path, O_RDONLY), buf, size, false);
}

static ssize_t read_line(int fd, char *buf, size_t size)
{
	ssize_t len = read_and_close(fd, buf, size, true);

	while (len > 0 && (buf[len - 1] == '\n' || buf[len - 1] == '\r'))
		buf[--len] = '\0';
	return len;
}

ssize_t root_read_line(const struct root *root, const char *path, char *buf, size_t size)
{
	return read_line(root_open(root, path, O_RDONLY), buf, size);
}

ssize_t root_read_line_at(const struct root *root, int dirfd, const char *path, char *buf, size_t size)
{
	return read_line(open_at(root, dirfd, path, O_RDONLY, RESOLVE_BENEATH), buf, size);
}

/* Opens the directory that holds path. Returns a file descriptor or -errno; *name is the last component. */
static int open_parent(const struct root *root, const char *path, const char **name)
{
	char parent[4096];
	const char *slash = strrchr(path, '/');

	if (!slash || (size_t)(slash - path) >= sizeof(parent))
		return -EINVAL;
	*name = slash + 1;
	memcpy(parent, path, (size_t)(slash - path));
	parent[slash - path] = '\0';
	return root_open(root, parent[0] ? parent : "/", O_PATH | O_DIRECTORY);
}

int root_readlink(const struct root *root, const char *path, char *buf, size_t size)
{
	const char *name;
	int fd = open_parent(root, path, &name);
	if (fd < 0)
		return fd;

	ssize_t len = readlinkat(fd, name, buf, size);
	int r = len < 0 ? -errno : (size_t)len == size ? -ENAMETOOLONG : 0;
	close(fd);
	if (r == 0)
		buf[len] = '\0';
	return r;
}

DIR *root_opendir(const struct root *root, const char *path)
{
	int fd = root_open(root, path, O_RDONLY | O_DIRECTORY);
	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	DIR *dir = fdopendir(fd);
	if (!dir)
		close(fd);
	return dir;
}

/* The C library's readdir(3) would cost a mapping of memory, its faults and four more system calls. */
int root_list(const struct root *root, const char *path, root_visit *visit, void *context)
{
	_Alignas(struct dirent) char buf[4096];
	ssize_t len = 0;
	int r = 0;

	int fd = root_open(root, path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	while (r == 0 && (len = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0)
		for (ssize_t at = 0; r == 0 && at < len;) {
			const struct dirent *entry = (const struct dirent *)(buf + at);

			at += entry->d_reclen;
			if (entry->d_name[0] != '.')
				r = visit(fd, entry->d_name, context);
		}
	if (len < 0)
		r = errno == ENOENT ? -EIO : -errno; /* one that goes meanwhile is not one that was never there */
	close(fd);
	return r;
}

int root_mkdirs(const struct root *root, const char *path)
{
	char part[4096];

	for (const char *end = path; *end;) {
		end += 1 + strcspn(end + 1, "/");
		if ((size_t)(end - path) >= sizeof(part))
			return -ENAMETOOLONG;
		memcpy(part, path, (size_t)(end - path));
		part[end - path] = '\0';

		const char *name;
		int fd = open_parent(root, part, &name);
		if (fd < 0)
			return fd;
		int r = mkdirat(fd, name, 0755) < 0 && errno != EEXIST ? -errno : 0;
		close(fd);
		if (r < 0)
			return r;
	}
	return 0;
}

int write_all(int fd, const void *data, size_t len)
{
	for (const char *from = data; len > 0;) {
		ssize_t n = write(fd, from, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		from += n;
		len -= (size_t)n;
	}
	return 0;
}

int read_back_all(int fd, const void *data, size_t len)
{
	char *back = malloc(len + 1);
	if (!back)
		return -ENOMEM;
	ssize_t n = lseek(fd, 0, SEEK_SET) < 0 ? -errno : read_all(fd, back, len + 1);
	int r = n < 0 && n != -EFBIG ? (int)n : n != (ssize_t)len || memcmp(back, data, len) != 0 ? -EIO : 0;
	free(back);
	return r;
}

int root_write(const struct root *root, const char *path, const void *data, size_t len, mode_t mode)
{
	const char *name;
	int dir = open_parent(root, path, &name);
	if (dir < 0)
		return dir;

	int r = unlinkat(dir, name, 0) < 0 && errno != ENOENT ? -errno : 0;
	int fd = r < 0 ? r : openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (r == 0 && fd < 0)
		r = -errno;
	close(dir);
	if (r < 0)
		return r;

	r = write_all(fd, data, len);
	if (r == 0 && fchmod(fd, mode) < 0)
		r = -errno;
	if (r == 0)
		r = read_back_all(fd, data, len);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

bool root_exists(const struct root *root, const char *path)
{
	int fd = root_open(root, path, O_PATH);

	if (fd < 0)
		return fd != -ENOENT && fd != -ENOTDIR;
	close(fd);
	return true;
}

bool root_certain(const struct root *root, const char *path)
{
	int fd = root_open(root, path, O_PATH);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int found_one(int dirfd, const char *name, void *context)
{
	(void)dirfd;
	(void)name;
	(void)context;
	return 1;
}

bool root_mounted(const struct root *root, const char *path, unsigned long magic)
{
	struct statfs fs;

	if (!root->live)
		return root_list(root, path, found_one, NULL) == 1;
	int fd = root_open(root, path, O_PATH | O_DIRECTORY);
	if (fd < 0)
		return false;
	bool mounted = fstatfs(fd, &fs) == 0 && (unsigned long)fs.f_type == magic;
	close(fd);
	return mounted;
}
