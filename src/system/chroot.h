/* --root: a tree that is not running, as the file system of this process.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef CHROOT_H
#define CHROOT_H

#include <stdbool.h>

/* Goes into the tree at dir, in a mount namespace of this process's own: what it and its commands open is the
 * tree's, with the kernel's own file systems where they belong. *device says whether the tree is a mounted block
 * device, which is where GRUB's own tools can find out about disks. Returns 0, or -1 with one line told on stderr. */
int chroot_enter(const char *dir, bool *device);

/* Whether this process is in a tree that is on no such device: partitions that its files name need not be its own. */
bool tree_adrift(void);

/* Whether it is a mounted file system of its own on a device, also where its own number names none (btrfs). */
bool tree_mounted(void);

/* The directory that was given, from outside; NULL while this process is in none. */
const char *tree_dir(void);

#endif
