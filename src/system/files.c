/* Changes files atomically; see files.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "system/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/root.h"
#include "system/place.h"
#include "system/sync-for-boot.h"

#define SIZE_LIMIT (16u << 20) /* bytes */

const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Reads what is open, from its beginning. As file_read_at(). */
static char *read_open(int fd, size_t *len, struct stat *st)
{
	ssize_t n = -1;
	char *text = NULL;

	if (fstat(fd, st) == 0 && st->st_size <= SIZE_LIMIT)
		text = malloc((size_t)st->st_size + 2); /* room to see that it grew */
	else
		errno = EFBIG;
	if (text) {
		n = read_all(fd, text, (size_t)st->st_size + 2);
		errno = n < 0 ? (int)-n : 0;
	}
	if (n < 0) {
		free(text);
		return NULL;
	}
	if (len)
		*len = (size_t)n;
	return text;
}

char *file_read_at(const char *path, size_t *len, struct stat *st)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return NULL;
	char *text = read_open(fd, len, st);
	int saved = errno;
	close(fd);
	errno = saved;
	return text;
}

char *file_read(const char *path, size_t *len)
{
	struct stat st;

	return file_read_at(path, len, &st);
}

const char *file_error(int r)
{
	return r == -ELOOP ? "a link that must not be followed: others than root could turn it, or it leads to no file"
			   : strerror(-r);
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

/* --- What a file is beside its content ---------------------------------------------------------------------------- */

#define ACCESS_LIST "system.posix_acl_access"
#define LABEL "security.selinux"

/* Copies one extended attribute. A file system that does not know it has none to lose. */
static int copy_attribute(int fd, int model, const char *name)
{
	char *value = malloc(XATTR_SIZE_MAX);
	if (!value)
		return -ENOMEM;
	ssize_t size = fgetxattr(model, name, value, XATTR_SIZE_MAX);
	int r = size < 0 || (fsetxattr(fd, name, value, (size_t)size, 0) < 0 && errno != ENOTSUP) ? -errno : 0;
	free(value);
	return r;
}

/* A signature of other content is worth nothing. And a label says where a file is: what is kept in our own directory
 * may have been given another one there. */
static bool is_copied(const char *name, bool label)
{
	return strcmp(name, "security.ima") != 0 && strcmp(name, "security.evm") != 0 &&
	       (label || strcmp(name, LABEL) != 0);
}

/* Extended attributes, the access list among them. One that the directory has given fd goes. */
static int copy_attributes(int fd, int model, bool label)
{
	char *names = malloc(XATTR_LIST_MAX);
	if (!names)
		return -ENOMEM;
	ssize_t len = flistxattr(model, names, XATTR_LIST_MAX);
	int r = len < 0 && errno != ENOTSUP ? -errno : 0;
	len = len < 0 ? 0 : len;
	if (r == 0 && fremovexattr(fd, ACCESS_LIST) < 0 && errno != ENODATA && errno != ENOTSUP)
		r = -errno;
	for (const char *name = names; r == 0 && name < names + len; name += strlen(name) + 1)
		r = is_copied(name, label) ? copy_attribute(fd, model, name) : 0;
	free(names);
	return r;
}

/* What chattr(1) sets and a file can be given that is written: best effort, as few file systems know any of it. */
static void copy_flags(int fd, int model)
{
	const int ours = FS_SYNC_FL | FS_NODUMP_FL | FS_NOATIME_FL | FS_COMPR_FL | FS_NOCOMP_FL;
	int from, to;

	if (ioctl(model, FS_IOC_GETFLAGS, &from) < 0 || ioctl(fd, FS_IOC_GETFLAGS, &to) < 0 ||
	    ((from ^ to) & ours) == 0)
		return;
	to = (to & ~ours) | (from & ours);
	ioctl(fd, FS_IOC_SETFLAGS, &to);
}

/* Gives fd mode, owner and attributes of the file that is open in model; the label is that of old, the file in whose
 * place fd comes (-1: there is none). Nobody else can open it before all is done: where there is an access list, the
 * group's bits of a mode are the most that it grants, and not what the group may do. */
static int like(int fd, int model, int old)
{
	struct stat st;

	if (fstat(model, &st) < 0 || fchmod(fd, 0600) < 0 || fchown(fd, st.st_uid, st.st_gid) < 0)
		return -errno;
	int r = copy_attributes(fd, model, model == old);
	if (r == 0 && old >= 0 && model != old && fgetxattr(old, LABEL, NULL, 0) > 0)
		r = copy_attribute(fd, old, LABEL);
	if (r == 0 && fchmod(fd, st.st_mode & 07777) < 0)
		r = -errno;
	if (r == 0)
		copy_flags(fd, model);
	return r;
}

/* --- Names -------------------------------------------------------------------------------------------------------- */

static bool on_fat(int dir)
{
	struct statfs fs;

	return fstatfs(dir, &fs) == 0 && fs.f_type == MSDOS_SUPER_MAGIC;
}

/* Whether a boot loader may read it: off the disk as it is, without a look at the journal. A link from /boot can lead
 * to any place but those of the running system. */
static bool is_for_boot(const struct place *place)
{
	static const char *const of_the_system[] = { "/etc/", "/usr/", "/var/", "/run/" };

	for (size_t i = 0; i < sizeof(of_the_system) / sizeof(of_the_system[0]); i++)
		if (strncmp(place->real, of_the_system[i], strlen(of_the_system[i])) == 0)
			return on_fat(place->dir);
	return true;
}

/* Directory, the new file and what was the old one's are written in no order. So all of the new one is there before it
 * gets the name, and the old one is given up once nothing on the disk leads to it. */
static int exchange(const struct place *to, const char *from)
{
	int r = sync_for_boot_fd(to->dir);

	if (r < 0)
		return r;
	if (renameat2(to->dir, from, to->dir, to->name, RENAME_EXCHANGE) == 0) {
		r = sync_for_boot_fd(to->dir);
		if (r == 0 && unlinkat(to->dir, from, 0) < 0)
			r = -errno;
		if (r < 0)
			renameat2(to->dir, from, to->dir, to->name, RENAME_EXCHANGE);
		return r;
	}
	/* There is no file to exchange with, or neither the kernel (FAT: before 6.0) nor the file system can. */
	return renameat(to->dir, from, to->dir, to->name) < 0 ? -errno : sync_for_boot_fd(to->dir);
}

/* Gives from, in the same directory and synced, the name to. */
static int move_in(const struct place *to, const char *from)
{
	if (is_for_boot(to))
		return exchange(to, from);
	return renameat(to->dir, from, to->dir, to->name) < 0 || fsync(to->dir) < 0 ? -errno : 0;
}

/* --- A new file in the place of an old one ------------------------------------------------------------------------ */

/* It is written beside the old one, under another name. */
struct draft {
	struct place place;
	char name[NAME_MAX + 16];
	int fd, old; /* -1: not made yet; no file is there */
};

static void new_name(const struct place *place, char name[NAME_MAX + 16])
{
	snprintf(name, NAME_MAX + 16, "%.*s.iommu-new", NAME_MAX, place->name);
}

/* The file in whose place another comes. Returns a file descriptor, or -1 with errno set. */
static int open_old(const struct place *place)
{
	return openat(place->dir, place->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* Gives up what it has open. */
static void draft_close(struct draft *d)
{
	if (d->old >= 0)
		close(d->old);
	place_close(&d->place);
}

/* Finds the place and opens the file that is there. Returns 0 or -errno, and then there is nothing to end. */
static int draft_find(struct draft *d, const char *path)
{
	d->fd = d->old = -1;
	int r = place_find(path, true, &d->place);
	if (r < 0)
		return r;
	if (d->place.there && (d->old = open_old(&d->place)) < 0) {
		r = -errno;
		draft_close(d);
	}
	return r;
}

/* Makes the new file. As draft_find(). */
static int draft_make(struct draft *d)
{
	int r = 0;

	new_name(&d->place, d->name);
	if (unlinkat(d->place.dir, d->name, 0) < 0 && errno != ENOENT)
		r = -errno;
	d->fd = r < 0 ? -1 : openat(d->place.dir, d->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (r == 0 && d->fd < 0)
		r = -errno;
	if (r < 0)
		draft_close(d);
	return r;
}

static int draft_open(struct draft *d, const char *path)
{
	int r = draft_find(d, path);

	return r < 0 ? r : draft_make(d);
}

/* Makes it be like model, or, without one (-1), like the file in whose place it comes; with mode if there is none. */
static int draft_like(const struct draft *d, int model, mode_t mode)
{
	int r = model >= 0 || d->old >= 0 ? like(d->fd, model >= 0 ? model : d->old, d->old)
		: fchmod(d->fd, mode) < 0 ? -errno
					  : 0;

	return r == 0 && fsync(d->fd) < 0 ? -errno : r;
}

/* Gives it its name if all went well (r), else takes it away. */
static int draft_end(struct draft *d, int r)
{
	if (close(d->fd) < 0 && r == 0)
		r = -errno;
	if (r == 0)
		r = move_in(&d->place, d->name);
	if (r < 0)
		unlinkat(d->place.dir, d->name, 0);
	draft_close(d);
	return r;
}

/* Writes the text into one that has been made. */
static int draft_write(struct draft *d, const char *text, size_t len, mode_t mode)
{
	int r = write_all(d->fd, text, len);

	if (r == 0)
		r = draft_like(d, -1, mode);
	if (r == 0)
		r = read_back_all(d->fd, text, len);
	return draft_end(d, r);
}

int file_write(const char *path, const char *text, size_t len, mode_t mode)
{
	struct draft d;

	int r = draft_open(&d, path);
	return r < 0 ? r : draft_write(&d, text, len, mode);
}

int file_put_if(const char *path, const char *text, size_t len, mode_t mode, file_may *may, void *arg)
{
	struct draft d;
	struct stat st;
	size_t had = 0;

	int r = draft_find(&d, path);
	if (r < 0)
		return r;
	char *now = d.old >= 0 ? read_open(d.old, &had, &st) : NULL;
	r = d.old >= 0 && !now ? -errno : may(now, had, arg);
	free(now);
	if (r <= 0) {
		draft_close(&d);
		return r;
	}
	r = draft_make(&d);
	if (r == 0)
		r = draft_write(&d, text, len, mode);
	return r < 0 ? r : 1;
}

struct content {
	const char *text;
	size_t len;
};

static int differs(const char *now, size_t len, void *arg)
{
	const struct content *wanted = arg;

	return !now || len != wanted->len || memcmp(now, wanted->text, len) != 0;
}

int file_put(const char *path, const char *text, size_t len, mode_t mode)
{
	return file_put_if(path, text, len, mode, differs, &(struct content){ text, len });
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
		if ((back < 0 ? back != -EFBIG || n != sizeof(there) : (size_t)back != n) ||
		    memcmp(here, there, n) != 0)
			return -EIO;
	}
	return (int)len;
}

/* Writes to as a copy of what is open in from, to be like model; see draft_like(). */
static int copy_like(int from, const char *to, int model, mode_t mode)
{
	struct draft d;

	int r = draft_open(&d, to);
	if (r < 0)
		return r;
	r = copy(from, d.fd, false);
	if (r == 0)
		r = draft_like(&d, model, mode);
	if (r == 0)
		r = copy(from, d.fd, true);
	return draft_end(&d, r);
}

int file_copy(const char *from, const char *to)
{
	struct place place;

	int in = place_open(from, &place);
	if (in < 0)
		return in;
	place_close(&place);
	int r = copy_like(in, to, in, 0600);
	close(in);
	return r;
}

int file_place(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (in < 0)
		return -errno;
	int r = copy_like(in, to, -1, 0644);
	close(in);
	return r;
}

bool file_same(const char *a, const char *b)
{
	struct stat of_a, of_b;
	bool same = false;

	int in_a = open(a, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int in_b = open(b, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (in_a >= 0 && in_b >= 0 && fstat(in_a, &of_a) == 0 && fstat(in_b, &of_b) == 0)
		same = of_a.st_size == of_b.st_size && copy(in_a, in_b, true) == 0;
	if (in_a >= 0)
		close(in_a);
	if (in_b >= 0)
		close(in_b);
	return same;
}

/* A file that a program has made, fd, takes the other's place in the same directory. */
static int move_over(int fd, const struct place *from, const struct place *to)
{
	int old = to->there ? open_old(to) : -1;
	if (to->there && old < 0)
		return -errno;
	int r = old >= 0 ? like(fd, old, old) : fchmod(fd, from->st.st_mode & 0755) < 0 ? -errno : 0;
	if (old >= 0)
		close(old);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r < 0 ? r : move_in(to, from->name);
}

static bool same_dir(const struct place *a, const struct place *b)
{
	return a->name - a->real == b->name - b->real && strncmp(a->real, b->real, (size_t)(a->name - a->real)) == 0;
}

int file_replace(const char *from, const char *to)
{
	struct place source, place;

	int fd = place_open(from, &source);
	if (fd < 0)
		return fd;
	int r = place_find(to, false, &place);
	if (r == 0) {
		/* Where to is a link, the file that it leads to can be on another file system. */
		r = same_dir(&source, &place) ? move_over(fd, &source, &place) : copy_like(fd, to, -1, 0644);
		if (r == 0 && !same_dir(&source, &place) && unlinkat(source.dir, source.name, 0) < 0)
			r = -errno;
		place_close(&place);
	}
	close(fd);
	place_close(&source);
	return r;
}

int file_take_after(const char *path, const char *model)
{
	struct place place, other;

	int fd = place_open(path, &place);
	if (fd < 0)
		return fd;
	int old = place_open(model, &other);
	bool same = old >= 0 && place.st.st_dev == other.st.st_dev && place.st.st_ino == other.st.st_ino;
	int r = old < 0 ? old : same ? 0 : like(fd, old, old);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (old >= 0) {
		close(old);
		place_close(&other);
	}
	close(fd);
	place_close(&place);
	return r;
}

int file_copy_link(const char *from, const char *to)
{
	char text[PATH_MAX], new[PATH_MAX + 16];
	struct stat st;

	ssize_t len = readlink(from, text, sizeof(text) - 1);
	if (len < 0 || lstat(from, &st) < 0)
		return -errno;
	text[len] = '\0';
	snprintf(new, sizeof(new), "%s.iommu-new", to);
	if ((unlink(new) < 0 && errno != ENOENT) || symlink(text, new) < 0)
		return -errno;
	if (lchown(new, st.st_uid, st.st_gid) < 0 || rename(new, to) < 0) {
		int r = -errno;
		unlink(new);
		return r;
	}
	return file_sync_dir(to);
}

int file_rename(const char *from, const char *to)
{
	char new[NAME_MAX + 16];
	struct place place;

	int r = place_find(to, false, &place);
	if (r < 0)
		return r;
	/* By a second name: whoever is cut short finds from as it was. */
	new_name(&place, new);
	if (unlinkat(place.dir, new, 0) < 0 && errno != ENOENT)
		r = -errno;
	bool linked = r == 0 && linkat(place.dir, file_name(from), place.dir, new, 0) == 0;
	if (linked)
		r = move_in(&place, new);
	if (linked && r < 0)
		unlinkat(place.dir, new, 0);
	place_close(&place);
	if (r == 0 && !linked) /* FAT has no second names */
		r = file_place(from, to);
	return r == 0 ? file_remove(from) : r;
}

void file_tidy(const char *path)
{
	/* Beside a link too: that is where programs write, and where one is made again. */
	static const char *const names[] = { "iommu-new", "iommu-link", "iommu-link.iommu-new" };
	char name[NAME_MAX + 16], beside[PATH_MAX + 32];
	struct place place;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(beside, sizeof(beside), "%s.%s", path, names[i]);
		unlink(beside);
	}
	if (place_find(path, false, &place) < 0)
		return;
	new_name(&place, name);
	unlinkat(place.dir, name, 0);
	place_close(&place);
}

int file_remove(const char *path)
{
	struct stat st;

	if (unlink(path) == 0)
		return file_sync_dir(path);
	int r = -errno;
	/* A read-only file system says that it is one before it says that nothing is there. */
	return lstat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR) ? 0 : r;
}

/* --- For others to read ------------------------------------------------------------------------------------------- */

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
	/* Whoever reads the directory passes over it. */
	snprintf(temporary, sizeof(temporary), ".%.*s.iommu-new", NAME_MAX, name);
	int r = publish_in(fd, temporary, name, text, len);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	close(fd);
	return r;
}
