/* grub.cfg: where it is, and the entries of its menu.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef GRUB_CFG_H
#define GRUB_CFG_H

#include "bootloader/backend.h"

/* Where this system has its grub.cfg: /boot/grub/grub.cfg, or the one that is there. Static text. */
const char *grub_config(void);

/* Reads the menu's entries from a grub.cfg. Returns 0, or -errno with one line that names the file in *error, and no
 * entries. */
int grub_read_config(const char *path, struct boot_entries *entries, struct error *error);

/* The same of a text that is to be the grub.cfg of that path, its images in the directory boot; it is cut up. */
int grub_read_text(const char *path, char *text, const char *boot, struct boot_entries *entries, struct error *error);

/* Adds them to others, their images in the directory boot. As grub_read_config(). */
int grub_add_config(const char *path, const char *boot, struct boot_entries *entries, struct error *error);

/* Those of this system's grub.cfg: the member read of the rows whose entries are there. */
int grub_read(struct boot_entries *entries, struct error *error);

#endif
