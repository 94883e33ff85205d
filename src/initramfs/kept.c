/* Keeps an image of before under a second name; see kept.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "initramfs/kept.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/boot-count.h"
#include "system/files.h"
#include "system/place.h"

static void old_name(const char *path, char old[PATH_MAX + 16])
{
	snprintf(old, PATH_MAX + 16, "%s.iommu-old", path);
}

static bool is_link(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

/* Where the image really is, also while a program's file stands in the place of the link to it. Returns as
 * place_find(). */
static int find_real(const char *path, char real[PATH_MAX])
{
	char old[PATH_MAX + 16];
	struct place place;

	old_name(path, old);
	int r = place_find(is_link(old) ? old : path, false, &place);
	if (r == 0)
		memcpy(real, place.real, PATH_MAX);
	place_close(&place);
	return r;
}

/* A second name of the file itself, or of the link itself. FAT has no second names: there it is a copy. */
static int second_name(const char *path)
{
	char old[PATH_MAX + 16];

	old_name(path, old);
	if (link(path, old) == 0 || errno == ENOENT || errno == EEXIST)
		return 0;
	if (errno != EPERM || access(old, F_OK) == 0)
		return errno == EPERM ? 0 : -errno;
	return file_place(path, old);
}

int kept_keep(const char *path)
{
	char real[PATH_MAX];

	int r = find_real(path, real);
	if (r == 0)
		r = second_name(real);
	return r == 0 && is_link(path) ? second_name(path) : r;
}

bool kept_any(const char *path)
{
	char real[PATH_MAX], old[PATH_MAX + 16];

	if (find_real(path, real) < 0)
		return false;
	old_name(real, old);
	return access(old, F_OK) == 0;
}

bool kept_same(const char *path)
{
	char real[PATH_MAX], old[PATH_MAX + 16];
	struct stat a, b;

	if (find_real(path, real) < 0)
		return false;
	old_name(real, old);
	if (stat(real, &a) < 0 || stat(old, &b) < 0)
		return false;
	return (a.st_dev == b.st_dev && a.st_ino == b.st_ino) || file_same(real, old);
}

/* One file beside path, by its name. */
static void follow_one(const char *path, const char *name)
{
	char old[PATH_MAX + 16], other[PATH_MAX + 16], base[NAME_MAX + 1];
	const char *mark = strstr(name, ".iommu-");
	int dir = (int)(file_name(path) - path);

	snprintf(base, sizeof(base), "%.*s", mark ? (int)(mark - name) : 0, name);
	if (!mark || strcmp(base, file_name(path)) == 0 || !boot_count_same(base, file_name(path)))
		return;
	snprintf(other, sizeof(other), "%.*s%s", dir, path, base);
	if (access(other, F_OK) == 0) /* which is another image then */
		return;
	snprintf(other, sizeof(other), "%.*s%s", dir, path, name);
	old_name(path, old);
	if (strcmp(mark, ".iommu-old") != 0 || access(old, F_OK) == 0)
		unlink(other);
	else if (rename(other, old) == 0)
		file_sync_dir(old);
}

void kept_follow(const char *path)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%.*s", (int)(file_name(path) - path), path);
	DIR *list = opendir(dir);
	for (const struct dirent *e; list && (e = readdir(list));)
		follow_one(path, e->d_name);
	if (list)
		closedir(list);
}

/* The link comes back under its own name; its second one stays. */
static int link_again(const char *path, const char *old)
{
	char new[PATH_MAX + 16];

	snprintf(new, sizeof(new), "%s.iommu-new", path);
	if ((unlink(new) < 0 && errno != ENOENT) || link(old, new) < 0)
		return -errno;
	if (rename(new, path) < 0) {
		int r = -errno;
		unlink(new);
		return r;
	}
	return file_sync_dir(path);
}

int kept_settle(const char *path)
{
	char real[PATH_MAX], old[PATH_MAX + 16], old_link[PATH_MAX + 16];

	int r = find_real(path, real);
	if (r < 0)
		return r;
	old_name(path, old_link);
	if (is_link(old_link) && !is_link(path)) {
		r = file_place(path, real);
		return r < 0 ? r : link_again(path, old_link);
	}
	old_name(real, old);
	return access(old, F_OK) == 0 ? file_take_after(real, old) : 0;
}

/* rename(2) does nothing between two names of one file, and then the second one goes. */
static int rename_back(const char *old, const char *path, int r)
{
	if (r == 0 && unlink(old) < 0 && errno != ENOENT)
		r = -errno;
	return r < 0 ? r : file_sync_dir(path);
}

int kept_restore(const char *path)
{
	char real[PATH_MAX], old[PATH_MAX + 16];

	int r = find_real(path, real);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	old_name(real, old);
	if (access(old, F_OK) == 0)
		r = rename_back(old, real, file_rename(old, real));
	old_name(path, old);
	if (r == 0 && is_link(old))
		r = rename_back(old, path, rename(old, path) < 0 ? -errno : 0);
	return r;
}

/* Drops one second name, and what a copy that was cut short has left. */
static int drop(const char *path)
{
	char old[PATH_MAX + 16];

	old_name(path, old);
	file_tidy(path);
	file_tidy(old);
	return file_remove(old);
}

int kept_forget(const char *path)
{
	char real[PATH_MAX];

	/* A change that was cut short has not come to it. */
	int r = kept_settle(path);
	if (r == 0)
		r = find_real(path, real);
	if (r == 0 && strcmp(real, path) != 0)
		r = drop(real);
	return r == 0 || r == -ENOENT ? drop(path) : r == -ELOOP ? 0 : r;
}
