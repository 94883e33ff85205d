/* Initramfs images: what of ours is in them, and how they are made anew.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef INITRAMFS_H
#define INITRAMFS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "generator.h"
#include "image.h"
#include "kernels.h"
#include "target.h"

/* What of ours an image holds. */
enum hook { HOOK_NONE, HOOK_WARNS, HOOK_STOPS };
struct initramfs {
	char *target; /* owned; NUL behind it, NULL if there is none */
	size_t target_len;
	bool helper, same_helper; /* one at all, and the installed one */
	bool conf;                /* a usable image.conf: what it says is in image */
	struct image image;
	enum hook hook; /* what starts the check, and what it does if the helper fails */
};

/* Reads it. Returns 0, or -errno with *why (static text or strerror). */
int initramfs_read(const char *path, struct initramfs *image, const char **why);
void initramfs_free(struct initramfs *image);

/* Whether an image can be read and holds anything of ours. */
bool initramfs_holds_check(const char *path);

/* What a built image has to hold. */
struct image_want {
	const char *target_text; /* NULL: nothing of ours */
	size_t target_len;
	enum policy on_mismatch;
};

/* Reads an image, and its copies, back by content: target, helper, image.conf, and what starts the check. Returns 0, or -errno
 * with *why as above and *path, which of them it is. */
int initramfs_check(const struct kernel *kernel, const struct image_want *want, const char **path, const char **why);

/* Makes all hold what they must: rebuilds the image if it does not, and copies it. The old one stays under a second name until initramfs_forget(), and whatever fails, the
 * image at its own name is whole. tick, if not NULL, is called every second. Returns 0, or -1 with one line told on stderr. */
int initramfs_rebuild(const struct generator *generator, const struct kernel *kernel, const struct image_want *want,
		      bool verbose, void (*tick)(void *context, unsigned seconds), void *context);

/* Whether an image of before is still kept beside it. */
bool initramfs_kept(const char *image);

/* Puts the old image back, or drops it. Both return 0 or -errno, and 0 where there is none. */
int initramfs_restore(const struct kernel *kernel);
int initramfs_forget(const struct kernel *kernel);

#endif
