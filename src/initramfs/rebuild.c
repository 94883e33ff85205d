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
#include "system/files.h"
#include "system/message.h"

int initramfs_restore(const struct kernel *kernel)
{
	int r = kept_restore(kernel->image);

	for (size_t i = 0; r == 0 && i < kernel->places; i++)
		r = kept_restore(kernel->placed[i]);
	return r == 0 && kernel->under[0] ? kept_restore(kernel->under) : r;
}

int initramfs_forget(const struct kernel *kernel)
{
	int r = kept_forget(kernel->image);

	for (size_t i = 0; r == 0 && i < kernel->places; i++)
		r = kept_forget(kernel->placed[i]);
	return r == 0 && kernel->under[0] ? kept_forget(kernel->under) : r;
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
		r = error_set(&error, -EIO, "%s failed (%s %d)", generator->program, status < 0 ? "error" : "status",
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

int initramfs_rebuild(const struct generator *generator, const struct kernel *kernel, const struct image_want *want,
		      bool verbose, void (*tick)(void *context, unsigned seconds), void *context)
{
	if (initramfs_check_one(kernel, kernel->image, want, NULL) < 0 &&
	    build(generator, kernel, want, verbose, tick, context) < 0)
		return -1;
	/* What is unpacked last wins. */
	if (kernel->under[0] && copy_to(kernel, kernel->under) < 0)
		return -1;
	int r = 0;
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
