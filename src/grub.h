/* GRUB: its configuration, as the back ends that write it share it.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef GRUB_H
#define GRUB_H

#include <stdbool.h>
#include <stddef.h>

#include "backend.h"

#define GRUB_DEFAULT "/etc/default/grub"

/* Where this system has its grub.cfg: /boot/grub/grub.cfg, or the one that is there. Static text. */
const char *grub_config(void);

/* Reads the menu's entries from a grub.cfg. Returns 0, or -errno with *why one line that names the file, owned by the caller
 * (NULL without memory), and no entries. */
int grub_read_config(const char *path, struct boot_entries *entries, char **why);

/* Adds them to others, their images in the directory boot. As grub_read_config(). */
int grub_add_config(const char *path, const char *boot, struct boot_entries *entries, char **why);

/* Adds the edit of our drop-in. Returns 0, or -1 with one line told on stderr. */
int grub_edit_dropin(const struct mode_words *wish, struct edits *edits);

/* /etc/default/grub with our block at its end (words NULL: without it), which takes contrary words out of what the file sets
 * and puts ours in. text NULL: no such file. Owned by the caller; NULL without memory. */
char *grub_with_block(const char *text, const char *mode, const char *words, bool flush);

/* The words that a text of ours (drop-in or block) puts in, and whether it takes out the flush policy too. False if there is
 * none. */
bool grub_text_words(const char *text, char *words, size_t size, bool *flush);

/* What the rows of struct backend share that have grub-mkconfig make grub.cfg: each as its member says. */
int grub_read(struct boot_entries *entries, char **why);
int grub_apply(const char *words, bool flush, bool verbose);
const char *grub_command(void);
void grub_tidy(void);

#endif
