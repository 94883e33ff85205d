/* Entries of this system that a change can't make right: nobody makes their image, or nothing that is edited feeds
 * their line.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef LEFT_H
#define LEFT_H

#include "nextboot/prediction.h"

/* What is left of one. */
struct left {
	const struct boot_entry *entry; /* the loader's; NULL: nothing, it will be right */
	bool unchecked; /* no check starts in a boot by it */
	bool stopped;   /* the check in its image would find another mode than it is to have */
	enum mode mode; /* by its line as it is; MODE_DEFAULT, MODE_UNKNOWN */
};

/* Whether one of the change's kernels has that image: it is made with the check, now or by whoever makes images. */
bool image_is_made(const struct kernels *kernels, const char *image);

/* What becomes of the loader's entry i with these edits and these kernels' images, for that target. Returns 0 or
 * -ENOMEM. */
int left_find(const struct loader *loader, size_t i, const struct edits *edits, const struct kernels *kernels,
	      const struct target *target, const struct evidence *now, struct left *left);

#endif
