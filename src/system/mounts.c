/* What should be mounted and is not; see mounts.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "system/mounts.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/keyval.h"
#include "system/chroot.h"
#include "system/files.h"
#include "system/refuse.h"

#define FSTAB "/etc/fstab"

/* A mount point that is named somewhere. */
struct mount_point {
	const char *dir;  /* as it is named, without a slash at its end */
	const char *what; /* is mounted there */
	char by[300];     /* file and line, or file, for people */
	const char *unit; /* its name, or NULL: fstab's */
	bool bind;
};

/* In this order, the first one of a name wins. */
static const char *const unit_dirs[] = {
	"/etc/systemd/system", "/run/systemd/system", "/run/systemd/generator", "/usr/local/lib/systemd/system",
	"/usr/lib/systemd/system", "/lib/systemd/system", "/run/systemd/generator.late",
};

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return len > 1 && strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* Also where the mount point is named by way of a link. */
static bool is_in(const char *path, const char *dir)
{
	char real[PATH_MAX];

	return is_below(path, dir) || (realpath(dir, real) && is_below(path, real));
}

static bool is_mounted(const char *dir)
{
	char real[PATH_MAX], text[4096];
	struct mntent entry;
	bool mounted = false;

	/* An automount is mounted by being opened. */
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	if (!realpath(dir, real))
		return false;
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	while (mounts && getmntent_r(mounts, &entry, text, sizeof(text)))
		if (strcmp(entry.mnt_dir, real) == 0)
			mounted = strcmp(entry.mnt_type, "autofs") != 0;
	if (mounts)
		endmntent(mounts);
	return mounted;
}

static int refuse_point(const struct mount_point *m)
{
	static bool noted;
	const char *tree = tree_dir(), *bind = m->bind ? "--rbind " : "", *from = m->bind && tree ? tree : "";

	if (tree && !tree_mounted()) {
		if (!noted)
			fprintf(stderr,
				"iommu-install: note: %s: %s mounts a file system there when the system runs; the "
				"tree's own directory is written\n",
				m->dir, m->by);
		noted = true;
		return 0;
	}
	if (tree)
		return refuse(NOT_MOUNTED,
			      "%s: its file system is not mounted (it is in %s); run: mount %s%s%s %s%s",
			      m->dir, m->by, bind, from, m->what, tree, m->dir);
	return refuse(NOT_MOUNTED, "%s: its file system is not mounted (it is in %s); run: %s %s", m->dir,
		      m->by, m->unit ? "systemctl start" : "mount", m->unit ? m->unit : m->dir);
}

static int check_point(const struct mount_point *m, const char *path)
{
	return m->dir[0] != '/' || !is_in(path, m->dir) || is_mounted(m->dir) ? 0 : refuse_point(m);
}

/* fstab(5) may name a directory with a slash at its end. */
static void strip(char *dir)
{
	for (size_t len = strlen(dir); len > 1 && dir[len - 1] == '/';)
		dir[--len] = '\0';
}

/* Whether an fstab that ends before offset has that many lines: getmntent(3) does not count them. */
static unsigned line_at(const char *text, long offset)
{
	unsigned line = 0;
	long i = 0;

	for (; text && i < offset && text[i]; i++)
		line += text[i] == '\n';
	return line + (i > 0 && text[i - 1] != '\n'); /* the last line may have no end */
}

static int check_fstab(const char *path)
{
	char text[4096], *whole = file_read(FSTAB, NULL);
	struct mntent entry;
	int code = 0;

	FILE *fstab = whole ? setmntent(FSTAB, "re") : NULL;
	while (fstab && code == 0 && getmntent_r(fstab, &entry, text, sizeof(text))) {
		struct mount_point m = { .dir = entry.mnt_dir,
					 .what = entry.mnt_fsname,
					 .bind = hasmntopt(&entry, "bind") || hasmntopt(&entry, "rbind") };

		strip(entry.mnt_dir);
		snprintf(m.by, sizeof(m.by), FSTAB ":%u", line_at(whole, ftell(fstab)));
		code = check_point(&m, path);
	}
	if (fstab)
		endmntent(fstab);
	free(whole);
	return code;
}

/* A mount unit has the name of its mount point: "-" for each slash, and \xNN for what is no letter, digit or one of
 * ":_." (systemd.unit(5), "String Escaping for Inclusion in Unit Names"). */
static void unit_name(const char *dir, char name[static NAME_MAX + 1])
{
	size_t len = 0;

	for (const char *c = dir + 1; *c && len < NAME_MAX - 16; c++) {
		bool plain = isascii((unsigned char)*c) &&
			     (isalnum((unsigned char)*c) || strchr(":_", *c) || (*c == '.' && c > dir + 1));
		if (*c == '/' || plain)
			name[len++] = *c == '/' ? '-' : *c;
		else
			len += (size_t)snprintf(name + len, NAME_MAX - len, "\\x%02x", (unsigned char)*c);
	}
	snprintf(name + len, NAME_MAX + 1 - len, ".mount");
}

/* What a unit says, as far as the command that mounts it by hand needs it; text is cut up. */
static void read_unit(char *text, struct mount_point *m)
{
	struct keyval kv;

	keyval_init(&kv, text);
	while (keyval_next(&kv)) {
		if (kv.value && strcmp(kv.key, "What") == 0)
			m->what = kv.value;
		if (kv.value && strcmp(kv.key, "Options") == 0)
			m->bind = strstr(kv.value, "bind") != NULL;
	}
}

/* The first directory that has the unit wins; one that is masked is a link to /dev/null, or empty. */
static int check_unit(const char *dir, const char *path)
{
	struct mount_point m = { .dir = dir, .what = "" };
	char name[NAME_MAX + 1];
	struct stat st;

	unit_name(dir, name);
	for (size_t i = 0; i < sizeof(unit_dirs) / sizeof(unit_dirs[0]); i++) {
		snprintf(m.by, sizeof(m.by), "%s/%.200s", unit_dirs[i], name);
		if (lstat(m.by, &st) < 0)
			continue;
		char *text = stat(m.by, &st) == 0 && S_ISREG(st.st_mode) && st.st_size ? file_read(m.by, NULL) : NULL;
		if (!text)
			return 0;
		m.unit = name;
		read_unit(text, &m);
		int code = check_point(&m, path);
		free(text);
		return code;
	}
	return 0;
}

/* Of each directory on the way to path. */
static int check_units(const char *path)
{
	char dir[PATH_MAX];
	int code = 0;

	for (const char *end = path; *end && code == 0;) {
		end += 1 + strcspn(end + 1, "/");
		snprintf(dir, sizeof(dir), "%.*s", (int)(end - path), path);
		code = check_unit(dir, path);
	}
	return code;
}

int mounts_check(const char *path)
{
	int code = check_fstab(path);

	return code ? code : check_units(path);
}
