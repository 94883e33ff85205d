/* Unified kernel images, read: where they are, what is in one, and the list of entries that they are.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef UKI_READ_H
#define UKI_READ_H

#include "bootloader/backend.h"

/* The directory that has images; NULL if none has. Static text. */
const char *uki_image_dir(void);

/* The same for people: where none has, the first one that could. */
const char *uki_location(void);

/* The text of a section of the image at path; owned by the caller, NULL with errno set if it can't be read or has
 * none. */
char *uki_section(const char *path, const char *name);

/* Whether one of this system's images is signed. */
bool uki_signed(void);

/* Reads every image, sorted by path, with the line that the kernel gets of it and of its addons. Returns as the member
 * read of struct backend. */
int uki_read(struct boot_entries *entries, struct error *error);

/* Adds them to others of their boot loader, as what that one's back end can't edit. Returns 0 or -errno. */
int uki_add_beside(struct boot_entries *entries);

/* Adds the image at path as another entry has it: with its id and title, and its words unless they are empty. Returns 0
 * or -errno; -EBADMSG if it is no such image. */
int uki_add_started(const char *path, const struct boot_entry *as, struct boot_entries *entries);

#endif
