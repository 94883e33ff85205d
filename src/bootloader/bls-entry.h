/* Boot Loader Specification type 1 entries: the text of loader/entries/NAME.conf.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * https://uapi-group.org/specifications/specs/boot_loader_specification/ Unknown keys, comments and line ends are kept.
 */
#ifndef BLS_ENTRY_H
#define BLS_ENTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "system/seen.h"

/* One that has been read. */
struct bls_entry {
	char *path;  /* owned */
	char *text;  /* owned; as it is in the file; "" if that is no entry: it has a NUL byte, or is a directory */
	char *line;  /* owned; what the options lines come to: all of them, or the first one */
};

struct bls_entries {
	struct bls_entry *list; /* owned, sorted by path; bls_free() */
	size_t count;
	struct seen seen; /* their directory and each file, before it was read */
	bool all; /* every options line counts (systemd-boot), not the first one alone (GRUB) */
};

/* Reads every NAME.conf in a directory. Returns 0, or -errno with one line that names the file in *error, and no
 * entries. No such directory is no entry, and what is none is in nobody's way. */
int bls_read(const char *dir, bool all, struct bls_entries *entries, struct error *error);
void bls_free(struct bls_entries *entries);

/* The next value of that key, into value; *text goes behind it. False at the end. */
bool bls_next(const char **text, const char *key, char *value, size_t size);

/* Whether text has a value of that key, into value: the last one. */
bool bls_value(const char *text, const char *key, char *value, size_t size);

/* The options as one line, owned by the caller; NULL without memory. */
char *bls_options(const char *text, bool all);

/* The text with line as its options: in the first options line's place, or at the end where there is none. With all the
 * other options lines go; else GRUB does not read them, but grubby does: words about the IOMMU (flush as for
 * words_apply()) go from them. Owned by the caller, NULL without memory. */
char *bls_with_options(const char *text, const char *line, bool all, bool flush);

/* The text with these words on its options line, which is whole at first where there is none (NULL: it is empty).
 * GRUB's (not all) gets no line that its blscfg would break, and no word that a variable it has brings from where it is
 * ours to change: who changes that sees to its length. As above. */
char *bls_with_words(const char *text, bool all, const char *whole, const char *words, bool flush);

/* The line with one blank more between two of its words, or as it is where that can't be told; NULL without memory.
 * Frees the old one. */
char *bls_widen(char *line);

/* The text with another value in the last line of that key. As above; without such a line it is a copy. */
char *bls_with_value(const char *text, const char *key, const char *value);

#endif
