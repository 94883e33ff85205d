/* Puts the early check into an initramfs image that is being built; see populate.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "initramfs/populate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/paths.h"
#include "initramfs/image-files.h"
#include "model/image-conf.h"
#include "model/target.h"

/* One line of what is wrong with a file, and the error back. */
static int told(const char *path, int r)
{
	if (r < 0)
		fprintf(stderr, "iommu-install: %s: %s\n", path, strerror(-r));
	return r;
}

/* As many as can be: an image that warns does without the others. */
static int write_files(const struct image_files *files, const struct root *dest)
{
	static const char *const dirs[] = { "/etc", "/usr/sbin", IMAGE_MODPROBE_DIR };
	int r = 0;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]) && r == 0; i++)
		r = told(dirs[i], root_mkdirs(dest, dirs[i]));
	for (size_t i = 0; i < files->count && r == 0; i++) {
		const struct image_file *f = &files->list[i];
		r = told(f->path, root_write(dest, f->path, f->data, f->len, f->mode & 07777));
	}
	return r;
}

static int fill(const struct root *root, const struct root *dest, const char *osrelease, enum policy enforce,
		enum way_back way_back)
{
	struct image_files files = { 0 };
	struct image_modules modules;
	static char text[64 << 10]; /* one that is too long says so early */

	ssize_t len = root_read(root, TARGET_PATH, text, sizeof(text));
	if (len < 0)
		return told(TARGET_PATH, (int)len);
	image_modules_read(root, osrelease, &modules);
	int r = image_files_take(&files, root, osrelease, text, (size_t)len, enforce, way_back, &modules);
	int written = write_files(&files, dest);
	image_files_free(&files);
	return r < 0 ? r : written;
}

int image_build(const struct root *root, const struct root *dest, const char *osrelease, enum way_back way_back)
{
	struct error error;
	struct target target;

	int r = target_read(root, TARGET_PATH, &target, &error);
	if (r == -ENOENT)
		return 0;
	if (r < 0 && error.line)
		fprintf(stderr, "iommu-install: " TARGET_PATH ":%u: %s\n", error.line, error.text);
	else if (r < 0)
		fprintf(stderr, "iommu-install: " TARGET_PATH ": %s\n", error.text);
	if (r < 0 && target.on_mismatch != POLICY_WARN)
		return r;

	r = fill(root, dest, osrelease, target.on_mismatch, way_back);
	if (r < 0 && target.on_mismatch != POLICY_WARN) {
		fprintf(stderr, "iommu-install: the initramfs of kernel %s could not stop the boot as " TARGET_PATH
				" demands (on-mismatch=%s), so it is not built\n", osrelease,
			policy_name(target.on_mismatch));
		return -EINVAL;
	}
	if (r < 0)
		fprintf(stderr, "iommu-install: WARNING: the initramfs of kernel %s will not check the IOMMU "
				"mode\n", osrelease);
	else
		puts(target.on_mismatch == POLICY_WARN ? "warn" : "stop");
	return 0;
}
