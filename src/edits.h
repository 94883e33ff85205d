/* The files of one change, and what each of them holds before and after it.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef EDITS_H
#define EDITS_H

#include <stdbool.h>
#include <stddef.h>

/* In the order in which they are written. */
enum role {
	ROLE_TARGET, /* /etc/iommu.target */
	ROLE_IMAGES, /* what image generators read */
	ROLE_SOURCE, /* what later boot entries are made from */
	ROLE_ENTRY,  /* a boot entry that we write ourselves */
	ROLE_MADE,   /* made by the boot loader's own tool: kept only, so that it can be put back */
	ROLES
};

struct edit {
	enum role role;
	char *path;
	char *before, *after; /* texts; NULL: no such file. Of ROLE_MADE neither is known */
};

struct edits {
	struct edit *list; /* owned, with what it points to; edits_free() */
	size_t count;
};

const char *role_name(enum role role);
bool role_parse(const char *word, enum role *out);

/* Adds a file, with what it holds now; after is copied, NULL: it is to go. Returns 0, or -1 with one line told on stderr. */
int edits_add(struct edits *edits, enum role role, const char *path, const char *after);

/* Adds one whose texts are both known; takes them over, NULL or not. Returns 0 or -ENOMEM (then they are freed). */
int edits_take(struct edits *edits, enum role role, const char *path, char *before, char *after);

/* Reads what each file holds now into before. Returns 0, or -1 with one line told on stderr. */
int edits_reread(struct edits *edits);

void edits_free(struct edits *edits);

/* The text that /etc/iommu.target gets or had; NULL: none. */
const char *edits_target(const struct edits *edits, bool after);

bool edit_changes(const struct edit *edit);
bool edits_change(const struct edits *edits);

/* Makes a file hold text, or takes it away with NULL; does nothing where it is so already. Returns 1 if it did something, 0
 * if not, or -1 with one line told on stderr. */
int edit_put(const char *path, const char *text);

#endif
