/* Changes what of ours is in an image without its generator: by a small archive that is laid behind it.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The kernel unpacks all archives of an image in turn, and the last file of a name wins (init/initramfs.c). So files
 * can be added and replaced, never taken away; one that has to go becomes an empty one where that means the same.
 */
#ifndef LAY_OVER_H
#define LAY_OVER_H

#include "base/error.h"
#include "initramfs/image-files.h"
#include "initramfs/inspect.h"
#include "initramfs/kernels.h"

/* What is to be laid behind the image of that kernel, in place of what was before, so that it holds what it must: owned
 * by the caller, image_files_free(). Returns 0; -ENOTSUP if only its generator can do that, with why in *why; or
 * another -errno, also with *why. */
int lay_over_plan(const struct kernel *kernel, const struct image_want *want, struct image_files *files,
		  struct error *why);

/* Lays them behind it: under another name, read back by content, and then in its place. The image of before is kept as
 * kept.h has it. Returns 0, or -errno with *why. */
int lay_over(const struct kernel *kernel, const struct image_want *want, const struct image_files *files,
	     struct error *why);

#endif
