/* /etc/kernel/cmdline and files like it: the kernel command line that kernels to come get.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef KERNEL_CMDLINE_H
#define KERNEL_CMDLINE_H

#include "bootloader/backend.h"
#include "system/edits.h"

#define KERNEL_CMDLINE "/etc/kernel/cmdline"

/* The line for kernels to come, as its file has it, of the own entries that fit (NULL: all): that of the entry that
 * started this boot, else the one of the newest kernel whose root= is the others'. Owned by the caller, NULL if there
 * is none. */
char *cmdline_seed(const struct boot_entries *entries, const struct mode_words *wish, bool all,
		   bool (*fits)(const struct boot_entry *entry));

/* Adds an edit of /etc/kernel/cmdline, which kernel-install(8) gives to every later kernel, made from what it holds, or
 * from seed where that is nothing of use. Returns 0, or minus the exit code with one line told on stderr. */
int bls_edit_cmdline(const char *seed, const struct mode_words *wish, struct edits *edits);

/* Of who edits that file himself: notes that it is made from seed, and, where an edit of it is there, has it taken away
 * if it is the one that we made, but for our words. Returns as bls_edit_cmdline(). */
int cmdline_note_made(const char *seed, struct edits *edits);
int cmdline_take_made(struct edits *edits);

/* The same as bls_edit_cmdline() of another file of such lines, which only has to lose what contradicts the mode. */
int bls_edit_others(const char *path, const struct mode_words *wish, struct edits *edits);

/* A line without a word that starts with prefix; owned by the caller, NULL without memory. */
char *line_without(const char *line, const char *prefix);

#endif
