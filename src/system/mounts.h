/* What should be mounted and is not: what is written below it would be covered by the next boot's mount.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef MOUNTS_H
#define MOUNTS_H

/* Whether path, an absolute one, is below a mount point that /etc/fstab or a mount unit names and where nothing is
 * mounted. An automount is mounted by looking at it. Returns 0, or an exit code having refused it with the command that
 * mounts it; where this process is in a tree that is on no device, such a mount point is noted on stderr, once, and 0
 * is returned. Sources: fstab(5), systemd.mount(5), systemd.unit(5). */
int mounts_check(const char *path);

#endif
