/* Files as GRUB names them: from the top of the file system that they are on.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef GRUB_PATH_H
#define GRUB_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* Into found: where that file is here, with boot for /boot; what GRUB reads may be /boot's own file system, the root's,
 * or a subvolume of that. Of one that is not there what it would be in boot, and false. */
bool grub_file(const char *boot, const char *path, size_t len, char found[256]);

/* The environment block of a grub.cfg: beside it, or, of a link, beside what that leads to. Static text. */
const char *grub_env(const char *config);

#endif
