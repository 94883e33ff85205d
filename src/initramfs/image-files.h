/* What of ours belongs into an initramfs image of a kernel: a list of files, for whoever puts them there.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef IMAGE_FILES_H
#define IMAGE_FILES_H

#include <stddef.h>
#include <sys/types.h>

#include "base/root.h"
#include "model/image-conf.h"

struct image_file {
	char *path;  /* in the image, absolute */
	mode_t mode; /* with its type: a regular file, a directory, a link */
	char *data;  /* or what a link says; NUL behind it */
	size_t len;
};

struct image_files {
	struct image_file *list; /* owned, with what it points to; image_files_free() */
	size_t count;
};

void image_files_free(struct image_files *files);

/* Adds one, or gives the one of that path another content. data is copied. Returns 0 or -ENOMEM. */
int image_files_add(struct image_files *files, const char *path, mode_t mode, const void *data, size_t len);

/* NULL if it has none of that path. */
struct image_file *image_files_find(const struct image_files *files, const char *path);

/* Adds the file from of root, which has to begin with magic, as a regular one. Returns 0 or -errno, having said on
 * standard error what failed; -ENOEXEC if it begins otherwise. */
int image_files_copy(struct image_files *files, const struct root *root, const char *from, const char *path,
		     mode_t mode, const char *magic);

/* What the modules of a kernel have. */
struct image_modules {
	enum presence has[PARAMS];
	bool install_ignored; /* modprobe passes over an install line of vfio */
};

/* Asks libkmod. Not to know is no failure: that is said on standard error, and what is known is there. */
void image_modules_read(const struct root *root, const char *osrelease, struct image_modules *modules);

/* Adds what belongs into an image for kernel osrelease: that target, the helper, image.conf, modprobe.d, and for an
 * image that stops a machine what is printed where there is no helper; of root, way_back goes into image.conf. What
 * starts the check is not among them. Returns as above; those before the one that failed are there. */
int image_files_take(struct image_files *files, const struct root *root, const char *osrelease, const char *target,
		     size_t target_len, enum policy enforce, enum way_back way_back,
		     const struct image_modules *modules);

#endif
