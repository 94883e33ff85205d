/* Where a path really is; see place.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "system/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/paths.h"

enum { LINKS_MAX = 40 }; /* as many as the kernel follows (include/linux/namei.h:MAXSYMLINKS) */

/* A path on its way: what has been walked is in place->real, without a slash at its end. */
struct walk {
	struct place *place;
	char rest[PATH_MAX];  /* what is still to be walked */
	char link[PATH_MAX];  /* the first link on the way; "" while there is none */
	char loose[PATH_MAX]; /* the first directory that others can write to; "" while there is none */
	size_t tail;          /* how long rest is once what a link says has been walked */
	unsigned links;
	bool make, own, linked; /* linked: what is walked now is what a link says */
};

/* In our own directories are no links of anybody's. */
static bool is_own(const char *path)
{
	return strncmp(path, RUN_DIR "/", strlen(RUN_DIR "/")) == 0 ||
	       strncmp(path, STATE_DIR "/", strlen(STATE_DIR "/")) == 0;
}

/* Takes the next component off what is still to be walked. Returns 0 or -errno; a path that ends here names a
 * directory. */
static int next_name(struct walk *w, char name[NAME_MAX + 1])
{
	const char *start = w->rest + strspn(w->rest, "/");
	size_t len = strcspn(start, "/");

	if (len == 0 || len > NAME_MAX)
		return len ? -ENAMETOOLONG : -EISDIR;
	memcpy(name, start, len);
	name[len] = '\0';
	memmove(w->rest, start + len, strlen(start + len) + 1);
	w->linked = w->links && strlen(w->rest) >= w->tail;
	return 0;
}

static bool is_last(const struct walk *w)
{
	return w->rest[strspn(w->rest, "/")] == '\0';
}

/* Notes a directory that is walked through, whoever it belongs to. */
static int look_at_dir(struct walk *w, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_uid != 0 || st.st_mode & 022) && !w->loose[0])
		snprintf(w->loose, sizeof(w->loose), "%s", w->place->real[0] ? w->place->real : "/");
	return 0;
}

/* Goes on in another directory, which it takes over. */
static int go_to(struct walk *w, int fd)
{
	close(w->place->dir);
	w->place->dir = fd;
	return look_at_dir(w, fd);
}

static int go_to_root(struct walk *w)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	w->place->real[0] = '\0';
	return fd < 0 ? -errno : go_to(w, fd);
}

static int append(struct walk *w, const char *name)
{
	char *real = w->place->real;
	size_t len = strlen(real);

	return (size_t)snprintf(real + len, PATH_MAX - len, "/%s", name) >= PATH_MAX - len ? -ENAMETOOLONG : 0;
}

static int go_up(struct walk *w)
{
	int fd = openat(w->place->dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char *slash = strrchr(w->place->real, '/');

	if (slash)
		*slash = '\0';
	return fd < 0 ? -errno : go_to(w, fd);
}

/* What a link says goes before the rest of the path. */
static int follow(struct walk *w, const char *name)
{
	char text[PATH_MAX], rest[PATH_MAX];

	if (!w->link[0] && (size_t)snprintf(w->link, sizeof(w->link), "%s/%s", w->place->real, name) >= sizeof(w->link))
		return -ENAMETOOLONG;
	if (++w->links > LINKS_MAX)
		return -ELOOP;
	ssize_t len = readlinkat(w->place->dir, name, text, sizeof(text) - 1);
	if (len < 0)
		return -errno;
	text[len] = '\0';
	memcpy(rest, w->rest, sizeof(rest));
	if (!w->linked)
		w->tail = strlen(rest);
	if ((size_t)snprintf(w->rest, sizeof(w->rest), "%s/%s", text, rest) >= sizeof(w->rest))
		return -ENAMETOOLONG;
	return text[0] == '/' ? go_to_root(w) : 0;
}

/* mkdirat() obeys the umask, which is the user's and not ours. */
static int make_dir(int dir, const char *name)
{
	if (mkdirat(dir, name, 0755) < 0)
		return errno == EEXIST ? 0 : -errno;
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = fd < 0 || fchmod(fd, 0755) < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return r;
}

/* The last component: a file, or nothing, or what is neither. */
static int arrive(struct walk *w, const struct stat *st, const char *name)
{
	struct place *p = w->place;

	int r = append(w, name);
	p->st = *st;
	/* A link of our own directories is as good as nothing: it is replaced. */
	p->there = r == 0 && S_ISREG(st->st_mode);
	return r < 0 || p->there || S_ISLNK(st->st_mode) ? r : S_ISDIR(st->st_mode) ? -EISDIR : -ENXIO;
}

/* One component. Returns 1 at the end of the path, 0 to go on, or -errno. Nothing is opened but directories: whoever
 * opens the file afterwards follows no link that has taken its place. */
static int step(struct walk *w, const char *name)
{
	struct stat st;

	if (strcmp(name, ".") == 0)
		return 0;
	if (strcmp(name, "..") == 0)
		return go_up(w);
	int r = fstatat(w->place->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
	if (r == -ENOENT && is_last(w))
		return append(w, name) < 0 ? -ENAMETOOLONG : 1;
	if (r == -ENOENT && w->make && !w->linked && !(w->links && w->loose[0])) {
		r = make_dir(w->place->dir, name);
		if (r == 0 && fstatat(w->place->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			r = -errno;
	}
	if (r == 0 && S_ISLNK(st.st_mode) && !(w->own && is_last(w)))
		return follow(w, name);
	if (r == 0 && is_last(w))
		return (r = arrive(w, &st, name)) < 0 ? r : 1;
	if (r == 0 && !S_ISDIR(st.st_mode))
		r = -ENOTDIR;
	if (r == 0)
		r = append(w, name);
	if (r < 0)
		return r;
	/* Only as a directory is an automount mounted. */
	int fd = openat(w->place->dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : go_to(w, fd);
}

/* Where links were followed: whether they may be. */
static int judge(struct walk *w, int r)
{
	struct place *p = w->place;
	const char *what = NULL;

	if (!w->links)
		return r;
	if (r == -ELOOP)
		what = "leads round in a circle";
	else if (w->linked && r == -EISDIR)
		what = "leads to a directory";
	else if (w->linked && r == -ENXIO)
		what = "leads to something that is no file";
	else if (w->linked && (r == -ENOENT || r == -ENOTDIR || (r == 0 && !p->there)))
		what = "leads to nothing";
	if (what)
		snprintf(p->why, sizeof(p->why), "%.*s is a link that %s", NAME_MAX, w->link, what);
	else if (w->loose[0])
		snprintf(p->why, sizeof(p->why), "%.*s is a link, and others than root can write to %.*s, on its way",
			 NAME_MAX, w->link, NAME_MAX, w->loose);
	return p->why[0] ? -ELOOP : r;
}

int place_find(const char *path, bool make, struct place *place)
{
	struct walk w = { .place = place, .make = make, .own = is_own(path) };
	char name[NAME_MAX + 1];

	*place = (struct place){ .dir = -1 };
	if (path[0] != '/' || strlen(path) >= sizeof(w.rest))
		return path[0] != '/' ? -EINVAL : -ENAMETOOLONG;
	strcpy(w.rest, path);
	int r = go_to_root(&w);
	while (r == 0) {
		r = next_name(&w, name);
		if (r == 0)
			r = step(&w, name);
	}
	r = judge(&w, r < 0 ? r : 0);
	/* What O_PATH gives can't be synced. */
	int dir = r < 0 ? -1 : openat(place->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && dir < 0)
		r = -errno;
	place_close(place);
	place->dir = dir;
	place->name = strrchr(place->real, '/') ? strrchr(place->real, '/') + 1 : place->real;
	return r;
}

int place_open(const char *path, struct place *place)
{
	int r = place_find(path, false, place);
	if (r < 0)
		return r;
	int fd = openat(place->dir, place->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	r = fd < 0 ? -errno : fstat(fd, &place->st) < 0 ? -errno : S_ISREG(place->st.st_mode) ? 0 : -ENXIO;
	if (r == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	place_close(place);
	return r;
}

void place_close(struct place *place)
{
	if (place->dir >= 0)
		close(place->dir);
	place->dir = -1;
}
