/* The small archive that was laid behind an image: where it begins, and how it is written.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * An uncompressed archive in the newc format, at least four zero bytes behind the image, at a multiple of 512. Its
 * first member says how long the image before it is; by that, and by being the last that is there, it is known again.
 */
#ifndef TAIL_H
#define TAIL_H

#include <sys/types.h>

#include "initramfs/image-files.h"

/* The member by which it is known. */
#define TAIL_NOTE IMAGE_DIR "/laid-over"

/* How long the image in fd is without the archive that was laid behind it; all of it where none was, or where that is
 * not whole, or not the last that is there. Returns 0 or -errno. */
int tail_base(int fd, off_t *base);

/* Lays an archive with these files behind the image of base bytes in fd, at whose end that stands. Returns 0 or -errno;
 * -EFBIG if it would be too large to be found again. */
int tail_write(int fd, off_t base, const struct image_files *files);

#endif
