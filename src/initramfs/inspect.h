/* Initramfs images: what of ours is in them.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef INSPECT_H
#define INSPECT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "initramfs/kernels.h"
#include "initramfs/rootfs.h"
#include "initramfs/starts.h"
#include "model/image-conf.h"
#include "model/target.h"

/* What of ours an image holds. */
struct initramfs {
	char *target; /* owned; NUL behind it, NULL if there is none */
	size_t target_len;
	bool helper, executable, same_helper; /* one at all, and the installed one */
	bool conf;                /* a usable image.conf: what it says is in image */
	struct image image;
	unsigned sets;  /* bit (1 << param): what it holds of modprobe.d sets that to Y */
	enum hook hook; /* what starts the check, and what it does if the helper fails */
	char why[192];  /* what keeps it from that, or "" */
};

/* Reads it. Returns 0, or -errno with *error as of initramfs_unpack(); and then it is empty. */
int initramfs_read(const char *path, struct initramfs *image, struct error *error);
void initramfs_free(struct initramfs *image);

/* The same of one that is unpacked already. Returns 0 or -ENOMEM. */
int initramfs_take(const struct rootfs *root, struct initramfs *image);

/* Whether an image can be read and holds anything of ours. */
bool initramfs_holds_check(const char *path);

/* What a built image has to hold. */
struct image_want {
	const char *target_text; /* NULL: nothing of ours */
	size_t target_len;
	enum policy on_mismatch;
	enum way_back way_back; /* for one that is laid over; WAY_UNKNOWN: as the image has it */
};

/* Reads an image of that kernel at path back by content. Returns 0, or -errno with *error as above. */
int initramfs_check_one(const struct kernel *kernel, const char *path, const struct image_want *want,
			struct error *error);

/* The same of one that is unpacked already. */
int initramfs_check_unpacked(const struct kernel *kernel, const struct rootfs *root, const struct image_want *want,
			     struct error *error);

/* Reads an image, and its copies, back by content: target, helper, image.conf, and what starts the check. Returns 0, or
 * -errno with *error as above and *path, which of them it is. */
int initramfs_check(const struct kernel *kernel, const struct image_want *want, const char **path,
		    struct error *error);

#endif
