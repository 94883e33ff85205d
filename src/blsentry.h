/* Boot Loader Specification type 1 entries: the text of loader/entries/NAME.conf.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * https://uapi-group.org/specifications/specs/boot_loader_specification/ Unknown keys, comments and line ends are kept.
 */
#ifndef BLSENTRY_H
#define BLSENTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "backend.h"

/* One that has been read. */
struct bls_entry {
	char *path;  /* owned */
	char *text;  /* owned; as it is in the file */
	char *line;  /* owned; what the options lines come to: all of them, or the first one */
};

struct bls_entries {
	struct bls_entry *list; /* owned, sorted by path; bls_free() */
	size_t count;
	bool all; /* every options line counts (systemd-boot), not the first one alone (GRUB) */
};

/* Whether there is an entry in that file system: DIR/loader/entries/NAME.conf. */
bool bls_any(const char *dir);

/* Reads every NAME.conf in a directory. Returns 0, or -errno with *why a line that names file and line, owned by the caller. No such directory
 * is no entry. */
int bls_read(const char *dir, bool all, struct bls_entries *entries, char **why);
void bls_free(struct bls_entries *entries);

/* Adds what systemd-boot has in DIR/loader/entries, kernels and images below DIR. Returns as bls_read(), and then no entries. */
int bls_read_entries(const char *dir, struct boot_entries *entries, char **why);

/* The next value of that key, into value; *text goes behind it. False at the end. */
bool bls_next(const char **text, const char *key, char *value, size_t size);

/* Whether text has a value of that key, into value: the last one. */
bool bls_value(const char *text, const char *key, char *value, size_t size);

/* Whether the entry is of this system and not of another one that shares the disk: by machine-id(5), which it or its file's
 * name can hold. */
bool bls_is_ours(const struct bls_entry *entry);

/* The text with line as its options: in the first options line's place, or at the end where there is none. With all the other
 * options lines go; else GRUB does not read them, but grubby does: words about the IOMMU (flush as for words_apply()) go from
 * them. Owned by the caller, NULL without memory. */
char *bls_with_options(const char *text, const char *line, bool all, bool flush);

/* The text with these words on its options line. As above. */
char *bls_with_words(const char *text, bool all, const char *words, bool flush);

/* The text with another value in the last line of that key. As above; without such a line it is a copy. */
char *bls_with_value(const char *text, const char *key, const char *value);

/* Adds an edit for each own entry, so that it carries the wished words. Returns 0, or -1 with one line told on stderr. */
int bls_edit(const struct backend *backend, bool all, const struct mode_words *wish, struct edits *edits);

/* Makes the entry in that file carry words. As bls_edit(). */
int bls_put_words(const char *path, bool all, const char *words, bool flush);

/* Makes every own entry carry words: those too that came after the change was planned. As bls_edit(). */
int bls_apply(const struct backend *backend, bool all, const char *words, bool flush);

/* /etc/kernel/cmdline, which kernel-install(8) gives to every later kernel: adds an edit of it, made from what it holds, or
 * from seed where that is nothing of use. As bls_edit(). */
int bls_edit_cmdline(const char *seed, const struct mode_words *wish, struct edits *edits);

/* Another file of such lines, which only has to lose what contradicts the mode. As bls_edit(). */
int bls_edit_others(const char *path, const struct mode_words *wish, struct edits *edits);

/* A line without a word that starts with prefix; owned by the caller, NULL without memory. */
char *line_without(const char *line, const char *prefix);

#endif
