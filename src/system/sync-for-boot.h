/* Makes what was written to /boot readable for a boot loader that does not replay a journal.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SYNC_FOR_BOOT_H
#define SYNC_FOR_BOOT_H

/* Writes everything of the file system that holds path to disk. If that is another one than /, it is frozen and
 * thawed too, as only this empties a journal (fs/ioctl.c:ioctl_fsfreeze()); where that can't be done (FAT, no
 * privilege) it is as good as it gets. Whatever happens to this process, the file system is thawed. Returns 0 or
 * -errno. */
int sync_for_boot(const char *path);

/* The same of the file system that fd is on. */
int sync_for_boot_fd(int fd);

#endif
