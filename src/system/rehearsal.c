/* A rehearsal; see rehearsal.h.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The child has a mount namespace of its own. Every mount in it is made read-only, so that no program that runs there
 * can change anything, but for /run, where some have their locks; edited files are mounted over those that are there.
 */
#include "system/rehearsal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/paths.h"
#include "base/root.h"
#include "base/run.h"
#include "system/chroot.h"
#include "system/files.h"

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static int make_read_only(const char *path)
{
	struct statvfs st;

	if (statvfs(path, &st) < 0)
		return 0; /* covered by another mount */
	unsigned long kept = (st.f_flag & ST_NOSUID ? MS_NOSUID : 0UL) | (st.f_flag & ST_NODEV ? MS_NODEV : 0UL) |
			     (st.f_flag & ST_NOEXEC ? MS_NOEXEC : 0UL);
	return mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | kept, NULL);
}

/* What the kernel makes up can stay as it is where it does not let itself be changed. */
static int make_all_read_only(void)
{
	static const char *const made_up[] = { "/proc", "/sys", "/dev" };
	struct mntent *m;
	int r = 0;

	FILE *list = setmntent("/proc/self/mounts", "re");
	if (!list)
		return -errno;
	while (r == 0 && (m = getmntent(list))) {
		if (is_below(m->mnt_dir, "/run") || make_read_only(m->mnt_dir) == 0)
			continue;
		r = -errno;
		for (size_t i = 0; i < sizeof(made_up) / sizeof(made_up[0]); i++)
			r = is_below(m->mnt_dir, made_up[i]) ? 0 : r;
	}
	endmntent(list);
	return r;
}

static int write_new(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return -errno;
	int r = write_all(fd, text, strlen(text));
	close(fd);
	return r;
}

/* Files, links and the directories in it: of what else there is nothing is read. */
static int copy_tree(const char *from, const char *to)
{
	char source[PATH_MAX], copy[PATH_MAX];
	struct stat st;
	int r = mkdir(to, 0755) < 0 ? -errno : 0;

	DIR *list = r == 0 ? opendir(from) : NULL;
	if (!list)
		return r < 0 ? r : -errno;
	for (const struct dirent *e; r == 0 && (e = readdir(list));) {
		bool fits = (size_t)snprintf(source, sizeof(source), "%s/%s", from, e->d_name) < sizeof(source) &&
			    (size_t)snprintf(copy, sizeof(copy), "%s/%s", to, e->d_name) < sizeof(copy);
		if (!fits || lstat(source, &st) < 0)
			r = fits ? -errno : -ENAMETOOLONG;
		else if (S_ISLNK(st.st_mode))
			r = file_copy_link(source, copy);
		else if (S_ISREG(st.st_mode))
			r = file_copy(source, copy);
		else if (S_ISDIR(st.st_mode) && strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = copy_tree(source, copy);
	}
	closedir(list);
	return r;
}

/* A file that is there gets another one mounted over it. */
static int show_changed(const struct edit *e, size_t number)
{
	char name[64];

	snprintf(name, sizeof(name), REHEARSAL_DIR "/iommu-file-%zu", number);
	int r = write_new(name, e->after);
	return r < 0 ? r : mount(name, e->path, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
}

/* Of one that comes or goes the directory is a copy of itself from then on, or the one above where there is none. */
static int show_other(const struct edit *e, size_t number)
{
	char dir[PATH_MAX], copy[PATH_MAX], path[PATH_MAX];
	struct stat st;

	snprintf(dir, sizeof(dir), "%.*s", (int)(file_name(e->path) - e->path - 1), e->path);
	bool missing = stat(dir, &st) < 0;
	if (missing)
		*strrchr(dir, '/') = '\0';
	if (!dir[0] || !strchr(dir + 1, '/'))
		return 0; /* nothing that entries are made from comes or goes so far up */
	snprintf(copy, sizeof(copy), REHEARSAL_DIR "/iommu-dir-%zu", number);
	int r = copy_tree(dir, copy);
	if ((size_t)snprintf(path, sizeof(path), "%s%s", copy, e->path + strlen(dir)) >= sizeof(path))
		r = -ENAMETOOLONG;
	char *name = strrchr(path, '/');
	*name = '\0';
	if (r == 0 && missing)
		r = mkdir(path, 0755) < 0 ? -errno : 0;
	*name = '/';
	if (r == 0)
		r = e->after ? write_new(path, e->after) : unlink(path) < 0 ? -errno : 0;
	return r < 0 ? r : mount(copy, dir, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
}

static int show(const struct edit *e, size_t number)
{
	return e->before && e->after ? show_changed(e, number) : show_other(e, number);
}

static int prepare(const struct edits *edits)
{
	/* Below --root they are this process's alone already, and a plain directory is no mount; no tool runs there. */
	if (unshare(CLONE_NEWNS) < 0 || (!tree_dir() && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0))
		return -errno;
	int r = tree_adrift() ? 0 : make_all_read_only();
	if (r == 0 && mount("tmpfs", REHEARSAL_DIR, "tmpfs", MS_NOSUID | MS_NODEV, NULL) < 0)
		r = -errno;
	for (size_t i = 0; i < edits->count && r == 0; i++) {
		const struct edit *e = &edits->list[i];
		bool shown = (e->role == ROLE_SOURCE || e->role == ROLE_ENTRY) && !is_below(e->path, STATE_DIR) &&
			     edit_changes(e);
		bool back = e->role == ROLE_MADE && e->after && !same_text(e->before, e->after);
		r = shown || back ? show(e, i) : 0;
	}
	return r;
}

/* What it would complain of is told by who does it. */
static _Noreturn void play(const struct edits *edits, int (*act)(FILE *out, void *context), void *context, int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	int r = prepare(edits);
	FILE *out = r == 0 ? fdopen(fd, "w") : NULL;
	if (out)
		r = act(out, context);
	_exit(r != 0 || !out || fclose(out) != 0);
}

int rehearse(const struct edits *edits, int (*act)(FILE *out, void *context), void *context, char **said, size_t *len)
{
	char path[32];

	int fd = memfd_create("said", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	fflush(NULL); /* what waits in buffers is this process's alone to print */
	pid_t pid = fork();
	if (pid == 0)
		play(edits, act, context, fd);
	int r = pid < 0 ? -errno : run_wait(pid);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	*said = r == 0 ? file_read(path, len) : NULL;
	r = r > 0 ? -ECHILD : r < 0 ? r : *said ? 0 : -errno;
	close(fd);
	return r;
}
