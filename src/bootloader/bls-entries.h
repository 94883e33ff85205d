/* Boot Loader Specification type 1 entries as the list of a back end: read, planned, and written one by one.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef BLS_ENTRIES_H
#define BLS_ENTRIES_H

#include <stdbool.h>

#include "bootloader/backend.h"
#include "bootloader/bls-entry.h"
#include "bootloader/snapshot.h"

/* The release of an entry's kernel, as its boot loader names that, which is file here: what the entry says (text NULL:
 * it can't), the directory that kernel-install(8) has for each, or the kernel's name or header. */
void bls_release(const char *text, const char *kernel, const char *file, char release[65]);

/* Adds one that names no kernel of Linux: another loader, a program, or no entry at all. Returns 0 or -ENOMEM. */
int bls_add_program(const struct bls_entry *from, struct boot_entries *entries);

/* Notes which of the entries from first on is started by default, as DIR/loader/loader.conf says. */
void bls_find_default(const char *dir, struct boot_entries *entries, size_t first);

/* Adds what systemd-boot has in DIR/loader/entries, kernels and images below DIR. Returns as
 * bls_read(), and then there are no entries. */
int bls_read_entries(const char *dir, struct boot_entries *entries, struct error *error);

/* Adds an edit for each own entry, so that it carries the wished words. Returns 0, or minus the exit code with one line
 * told on stderr. */
int bls_edit(const struct backend *backend, struct snapshot *snapshot, bool all, const struct mode_words *wish,
	     struct edits *edits);

/* Makes an entry with a file of its own carry words. As the member apply of struct backend. */
int bls_put_words(const struct boot_entry *entry, bool all, const char *words, bool flush);

/* Makes every own entry carry words: those too that came after the change was planned. As bls_put_words(). */
int bls_apply(const struct backend *backend, struct snapshot *snapshot, bool all, const char *words, bool flush);

#endif
