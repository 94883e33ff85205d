/* Images made anew, and the old ones put back or dropped: of a kernel, with all its copies.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef REBUILD_H
#define REBUILD_H

#include <stdbool.h>

#include "initramfs/generator.h"
#include "initramfs/image-files.h"
#include "initramfs/inspect.h"
#include "initramfs/kernels.h"

/* Takes the names that boots that count have given to images that are entries themselves. */
void initramfs_follow(const struct kernel *kernel);

/* Makes all hold what they must: lays the files of over behind the image if it does not, or, with over NULL, builds it
 * anew, and copies it. The old one stays under a second name until initramfs_forget(), and whatever fails, the image at
 * its own name is whole. tick, if not NULL, is called every second. Returns 0, or -1 with one line told on stderr. */
int initramfs_rebuild(const struct generator *generator, const struct kernel *kernel, const struct image_want *want,
		      const struct image_files *over, bool verbose,
		      void (*tick)(void *context, unsigned seconds), void *context);

/* Puts the old image back, and its copies, but for one that somebody else has made meanwhile: it is told, and stays.
 * made says whether the one that is there is ours; NULL: it is. Returns how many stay, or -errno. */
int initramfs_restore(const struct kernel *kernel, bool (*made)(const char *path));

/* Drops the old image. Returns 0 or -errno, and 0 where there is none. */
int initramfs_forget(const struct kernel *kernel);

#endif
