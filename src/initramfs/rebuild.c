/* Images made anew, and the old ones put back; see rebuild.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "initramfs/rebuild.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/run.h"
#include "initramfs/kept.h"
#include "initramfs/lay-over.h"
#include "system/boot-count.h"
#include "system/files.h"
#include "system/message.h"

void initramfs_follow(const struct kernel *kernel)
{
	for (size_t i = 0; kernel->place && i < kernel->places; i++) {
		boot_count_follow(kernel->placed[i], sizeof(kernel->placed[i]));
		kept_follow(kernel->placed[i]);
	}
}

static int each(const struct kernel *kernel, int (*visit)(const char *path))
{
	int r = visit(kernel->image);

	for (size_t i = 0; r == 0 && i < kernel->places; i++)
		r = visit(kernel->placed[i]);
	return r == 0 && kernel->under[0] ? visit(kernel->under) : r;
}

/* Somebody else's is one that is whole, and neither the old one nor ours. One that can't be read starts nothing: the
 * old one is better. Returns 1 if it stays, 0, or -errno. */
static int restore(const char *path, bool (*made)(const char *path))
{
	struct initramfs image;
	struct error error;

	if (!kept_any(path) || !made || made(path) || kept_same(path) || access(path, F_OK) < 0)
		return kept_restore(path);
	int r = initramfs_read(path, &image, &error);
	initramfs_free(&image);
	if (r < 0)
		return kept_restore(path);
	r = kept_forget(path);
	if (r < 0)
		return r;
	fail("%s: somebody else has made it anew meanwhile; it stays as it is", path);
	return 1;
}

int initramfs_restore(const struct kernel *kernel, bool (*made)(const char *path))
{
	initramfs_follow(kernel);
	int stay = 0, r = restore(kernel->image, made);

	for (size_t i = 0; r >= 0 && i < kernel->places; i++) {
		stay += r;
		r = restore(kernel->placed[i], made);
	}
	if (r >= 0 && kernel->under[0]) {
		stay += r;
		r = restore(kernel->under, made);
	}
	return r < 0 ? r : stay + r;
}

int initramfs_forget(const struct kernel *kernel)
{
	initramfs_follow(kernel);
	return each(kernel, kept_forget);
}

static int told(const char *path, const char *why)
{
	fail("%s: %s", path, why);
	return -1;
}

/* Which of the files that the program can leave are there: bit (1 << i) for each. */
static unsigned left_by(const struct generator *generator, const struct kernel *kernel)
{
	char path[PATH_MAX];
	unsigned there = 0;

	for (size_t i = 0; generator->leaves && generator->leaves[i]; i++) {
		snprintf(path, sizeof(path), "%s%s", kernel->image, generator->leaves[i]);
		there |= access(path, F_OK) == 0 ? 1u << i : 0;
	}
	return there;
}

static void remove_left(const struct generator *generator, const struct kernel *kernel, unsigned before)
{
	char path[PATH_MAX];

	for (size_t i = 0; generator->leaves && generator->leaves[i]; i++) {
		snprintf(path, sizeof(path), "%s%s", kernel->image, generator->leaves[i]);
		if (!(before & 1u << i))
			unlink(path);
	}
}

static int build(const struct generator *generator, const struct kernel *kernel, const struct image_want *want,
		 bool verbose, void (*tick)(void *context, unsigned seconds), void *context)
{
	struct error error;
	const char *argv[8];
	char out[PATH_MAX];

	int r = kept_keep(kernel->image);
	if (r < 0)
		return told(kernel->image, file_error(r));
	snprintf(out, sizeof(out), "%s%s", kernel->image, generator->in_place ? "" : ".iommu-new");
	generator->command(kernel, out, argv);

	unsigned left = left_by(generator, kernel);
	int status = run_ticking(argv, verbose, tick, context);
	if (status != 0)
		r = error_set(&error, -EIO, "%s failed (%s %d), so this initramfs can't be built; what it said stands "
					    "above", generator->program, status < 0 ? "error" : "status",
			      status < 0 ? -status : status);
	else
		r = initramfs_check_one(kernel, out, want, &error);
	if (r == 0) {
		r = generator->in_place ? kept_settle(kernel->image) : file_replace(out, kernel->image);
		if (r < 0)
			error_set(&error, r, "%s", file_error(r));
	}
	if (r == 0)
		return 0;
	if (!generator->in_place)
		unlink(out);
	remove_left(generator, kernel, left);
	return told(out, error.text);
}

static int copy_to(const struct kernel *kernel, const char *path)
{
	int r = kept_keep(path);
	if (r == 0)
		r = file_place(kernel->image, path);
	return r < 0 ? told(path, file_error(r)) : 0;
}

/* Where what comes of it does not hold what it must, somebody's own files are in the way: the generator knows them.
 * Returns 0, 1 if it has to be built, or -1. */
static int lay(const struct kernel *kernel, const struct image_want *want, const struct image_files *over)
{
	struct error error;

	int r = lay_over(kernel, want, over, &error);
	if (r < 0)
		told(kernel->image, error.text);
	return r == -ENOENT ? 1 : r < 0 ? -1 : 0;
}

static int make(const struct generator *generator, const struct kernel *kernel, const struct image_want *want,
		const struct image_files *over, bool verbose, void (*tick)(void *context, unsigned seconds),
		void *context)
{
	int r = over ? lay(kernel, want, over) : 1;

	return r > 0 ? build(generator, kernel, want, verbose, tick, context) : r;
}

int initramfs_rebuild(const struct generator *generator, const struct kernel *kernel, const struct image_want *want,
		      const struct image_files *over, bool verbose,
		      void (*tick)(void *context, unsigned seconds), void *context)
{
	if (initramfs_check_one(kernel, kernel->image, want, NULL) < 0 &&
	    make(generator, kernel, want, over, verbose, tick, context) < 0)
		return -1;
	/* What is unpacked last wins. */
	if (kernel->under[0] && copy_to(kernel, kernel->under) < 0)
		return -1;
	int r = 0;
	initramfs_follow(kernel); /* the image took its time */
	for (size_t i = 0; r == 0 && i < kernel->places; i++) {
		const char *path = kernel->placed[i];
		if (!kernel->place)
			r = copy_to(kernel, path);
		else if ((r = kept_keep(path)) < 0)
			r = told(path, file_error(r));
		else
			r = kernel->place(kernel, path, verbose);
	}
	return r;
}
