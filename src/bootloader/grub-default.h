/* /etc/default/grub, from which grub-mkconfig makes the lines of entries: our block in it, and our drop-in beside it.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef GRUB_DEFAULT_H
#define GRUB_DEFAULT_H

#include <stdbool.h>
#include <stddef.h>

#include "bootloader/backend.h"
#include "system/edits.h"

#define GRUB_DEFAULT "/etc/default/grub"
#define GRUB_DROPINS "/etc/default/grub.d"
#define GRUB_DROPIN GRUB_DROPINS "/zzz-iommu.cfg"

/* Adds the edit of our drop-in. Returns 0, or minus the exit code with one line told on stderr. */
int grub_edit_dropin(const struct mode_words *wish, struct edits *edits);

/* The member overridden: drop-ins that the shell reads after ours. */
bool grub_later_dropin(const char *words, bool flush, char **parameters, char **origin);

/* /etc/default/grub with our block at its end (words NULL: without it), which takes contrary words out of what the file
 * sets and puts ours in. text NULL: no such file. Owned by the caller; NULL without memory. */
char *grub_with_block(const char *text, const char *mode, const char *words, bool flush);

/* The words that a text of ours (drop-in or block) puts in, and whether it takes out the flush policy too. False if
 * there is none. */
bool grub_text_words(const char *text, char *words, size_t size, bool *flush);

/* Whether one of the drop-ins that are read after ours sets GRUB_FORCE_PARTUUID, which ours empties. */
bool grub_later_forces(void);

#endif
