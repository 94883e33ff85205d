/* A change laid over an image; see lay-over.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "initramfs/lay-over.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/paths.h"
#include "initramfs/kept.h"
#include "initramfs/starts.h"
#include "initramfs/tail.h"
#include "initramfs/unpack.h"
#include "system/files.h"
#include "system/pe.h"

/* --- Copying ------------------------------------------------------------------------------------------------------ */

/* The first len bytes of from to the end of to; shared by both where the file system can. */
static int copy_bytes(int from, int to, off_t len)
{
	off_t at = 0;
	bool ranges = true;

	while (at < len) {
		size_t left = (size_t)(len - at);
		ssize_t n = ranges ? copy_file_range(from, &at, to, NULL, left, 0) : sendfile(to, from, &at, left);
		if (n > 0)
			continue;
		if (n == 0 || !ranges)
			return n < 0 ? -errno : -EIO;
		ranges = false; /* not between these two, or not by this kernel */
	}
	return 0;
}

/* --- What is to be laid over -------------------------------------------------------------------------------------- */

static bool holds(const struct rootfs_file *there, const struct image_file *f)
{
	return ((there->mode ^ f->mode) & (S_IFMT | 0100)) == 0 && there->data && there->len == f->len &&
	       memcmp(there->data, f->data, f->len) == 0;
}

/* The directories above it that the image has not: one that is a link there must not be replaced. */
static int add_dirs(const struct rootfs *image, const char *path, struct image_files *over, struct error *why)
{
	char dir[PATH_MAX];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
		const struct rootfs_file *there = rootfs_find(image, dir);
		if (there && !S_ISDIR(there->mode))
			return error_set(why, -ENOTSUP, "%s is no directory in it", dir);
		if (!there && rootfs_find_link(image, dir))
			return error_set(why, -ENOTSUP, "%s leads nowhere in it", dir);
		if (!there && image_files_add(over, dir, S_IFDIR | 0755, "", 0) < 0)
			return error_errno(why, -ENOMEM);
	}
	return 0;
}

/* Adds what the image does not hold like that. */
static int add_over(const struct rootfs *image, const struct image_file *f, struct image_files *over,
		    struct error *why)
{
	const struct rootfs_file *there = rootfs_find_link(image, f->path);

	if (there && holds(there, f))
		return 0;
	if (there && (there->mode & S_IFMT) != (f->mode & S_IFMT))
		return error_set(why, -ENOTSUP, "%s is of another type in it", f->path);
	if (there && there->names > 1)
		return error_set(why, -ENOTSUP, "%s has other names in it, which would change too", f->path);
	int r = there ? 0 : add_dirs(image, f->path, over, why);
	if (r == 0 && image_files_add(over, f->path, f->mode, f->data, f->len) < 0)
		r = error_errno(why, -ENOMEM);
	return r;
}

/* Settings that the image has of a file that is gone: an empty one sets nothing. */
static int add_gone(const struct rootfs *image, struct image_files *wanted)
{
	char path[PATH_MAX];
	const char *name;
	int r = 0;

	for (size_t i = 0; r == 0 && (name = rootfs_entry(image, IMAGE_MODPROBE_DIR, i)); i++) {
		snprintf(path, sizeof(path), IMAGE_MODPROBE_DIR "/%s", name);
		if (!image_files_find(wanted, path))
			r = image_files_add(wanted, path, S_IFREG | 0644, "", 0);
	}
	return r;
}

/* In a process of its own: libkmod does not survive it when memory runs out. Returns 0, or -ENOTSUP with *why. */
static int read_modules(const struct root *root, const char *release, struct image_modules *modules,
			struct error *why)
{
	char said[sizeof(*modules) + 1];
	int ends[2], status = -1;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(why, -ENOTSUP, "its kernel's modules can't be asked: %s", strerror(errno));
	pid_t child = fork();
	if (child == 0) {
		image_modules_read(root, release, modules);
		_exit(write_all(ends[1], modules, sizeof(*modules)) < 0);
	}
	close(ends[1]);
	ssize_t len = child > 0 ? read_all(ends[0], said, sizeof(said)) : -1;
	close(ends[0]);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (len != (ssize_t)sizeof(*modules) || status != 0)
		return error_set(why, -ENOTSUP, "its kernel's modules can't be asked");
	memcpy(modules, said, sizeof(*modules));
	return 0;
}

static int wanted_files(const struct rootfs *image, const struct initramfs *holds_now, const char *release,
			const struct image_want *want, struct image_files *wanted, struct error *why)
{
	struct image_modules modules;
	struct root root;
	enum way_back way = want->way_back == WAY_UNKNOWN && holds_now->conf ? holds_now->image.way_back :
									       want->way_back;
	bool stop = want->on_mismatch != POLICY_WARN;

	int r = root_init(&root, "/");
	if (r < 0)
		return error_errno(why, r);
	r = read_modules(&root, release, &modules, why);
	if (r < 0) {
		root_close(&root);
		return r;
	}
	r = image_files_take(wanted, &root, release, want->target_text, want->target_len, want->on_mismatch, way,
			     &modules);
	if (r == 0)
		r = add_gone(image, wanted);
	if (r < 0)
		error_errno(why, r);
	else if (stop != (holds_now->hook == HOOK_STOPS))
		r = starts_lay(image, stop, &root, wanted, why);
	root_close(&root);
	return r;
}

/* What has no check that starts, or another helper, is not ours to mend in this way. */
static int plan_over(const struct rootfs *image, const struct kernel *kernel, const struct image_want *want,
		     struct image_files *over, struct error *why)
{
	struct initramfs now = { 0 };
	struct image_files wanted = { 0 };

	int r = initramfs_take(image, &now);
	if (r < 0)
		error_errno(why, r);
	else if (rootfs_find_link(image, TAIL_NOTE))
		r = error_set(why, -ENOTSUP, "something stands behind what was laid behind it before");
	else if (!now.helper)
		r = error_set(why, -ENOTSUP, "it holds no iommu-verify");
	else if (!now.same_helper)
		r = error_set(why, -ENOTSUP, "it holds another version of iommu-verify");
	else if (now.hook == HOOK_NONE)
		r = error_set(why, -ENOTSUP, "%s", now.why[0] ? now.why : "it has nothing that starts iommu-verify");
	else
		r = wanted_files(image, &now, kernel->release, want, &wanted, why);
	for (size_t i = 0; r == 0 && i < wanted.count; i++)
		r = add_over(image, &wanted.list[i], over, why);
	image_files_free(&wanted);
	initramfs_free(&now);
	return r;
}

/* What only those who made the image can do anew. */
static int check_made(const struct kernel *kernel, const struct image_want *want, int fd, struct error *why)
{
	char path[PATH_MAX];

	if (!want->target_text)
		return error_set(why, -ENOTSUP, "the check has to go");
	if (pe_is(fd))
		return error_set(why, -ENOTSUP, "it is a unified kernel image");
	snprintf(path, sizeof(path), "%s.sig", kernel->image);
	return access(path, F_OK) == 0 ? error_set(why, -ENOTSUP, "its signature stands beside it, %s", path) : 0;
}

int lay_over_plan(const struct kernel *kernel, const struct image_want *want, struct image_files *files,
		  struct error *why)
{
	off_t base;

	*files = (struct image_files){ 0 };
	int fd = open(kernel->image, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? error_set(why, -ENOTSUP, "there is none yet") : error_errno(why, -errno);
	const struct rootfs *image = NULL;
	int r = check_made(kernel, want, fd, why);
	if (r == 0) {
		r = tail_base(fd, &base);
		r = r == 0 ? initramfs_unpack_part(fd, base, &image) : r;
		if (r == -EBADMSG || r == -ENOPKG)
			r = error_set(why, -ENOTSUP, "it can't be unpacked");
		else if (r < 0)
			error_errno(why, r);
	}
	if (r == 0)
		r = plan_over(image, kernel, want, files, why);
	rootfs_free(image);
	close(fd);
	if (r < 0)
		image_files_free(files);
	return r;
}

/* --- Laid over ---------------------------------------------------------------------------------------------------- */

static int write_over(int from, const char *out, const struct image_files *files)
{
	off_t base;
	int r = tail_base(from, &base);
	if (r < 0)
		return r;
	if (unlink(out) < 0 && errno != ENOENT)
		return -errno;
	int fd = open(out, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = copy_bytes(from, fd, base);
	if (r == 0 && files->count)
		r = tail_write(fd, base, files);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

/* Whether it holds each of them, and all that it has to. */
static int check_over(const char *path, const struct kernel *kernel, const struct image_want *want,
		      const struct image_files *files, struct error *why)
{
	const struct rootfs *image;

	int r = initramfs_unpack(path, &image, why);
	for (size_t i = 0; r == 0 && i < files->count; i++) {
		const struct image_file *f = &files->list[i];
		const struct rootfs_file *there = rootfs_find_link(image, f->path);
		if (!there || (!S_ISDIR(f->mode) && !holds(there, f)))
			r = error_set(why, -EIO, "does not hold %s as it was laid over", f->path);
	}
	if (r == 0)
		r = initramfs_check_unpacked(kernel, image, want, why);
	rootfs_free(image);
	return r;
}

int lay_over(const struct kernel *kernel, const struct image_want *want, const struct image_files *files,
	     struct error *why)
{
	char out[PATH_MAX];

	int r = kept_keep(kernel->image);
	if (r < 0)
		return error_set(why, r, "%s", file_error(r));
	snprintf(out, sizeof(out), "%s.iommu-new", kernel->image);
	int from = open(kernel->image, O_RDONLY | O_CLOEXEC);
	r = from < 0 ? -errno : write_over(from, out, files);
	if (from >= 0)
		close(from);
	if (r < 0)
		error_set(why, r, "%s", file_error(r));
	if (r == 0)
		r = check_over(out, kernel, want, files, why);
	if (r == 0) {
		r = file_replace(out, kernel->image);
		if (r < 0)
			error_set(why, r, "%s", file_error(r));
	}
	if (r < 0)
		unlink(out);
	return r;
}
