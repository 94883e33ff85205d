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
	char *before, *after; /* texts; NULL: no such file. Of ROLE_MADE known only where it is put back, not made */
	char *put;            /* what a change under way has put there meanwhile; NULL: nothing else */
};

struct edits {
	struct edit *list; /* owned, with what it points to; edits_free() */
	size_t count;
};

const char *role_name(enum role role);
bool role_parse(const char *word, enum role *out);

/* Whether a path that is to be edited can be followed, for who reads it before it is added. Returns 0, also where it
 * can't be read for another reason, or minus the exit code having refused it: LINK_UNSAFE. */
int edits_check_link(const char *path);

/* Adds a file, with what it holds now; after is copied, NULL: it is to go. Returns 0, or minus the exit code with one
 * line told on stderr: LINK_UNSAFE is a refusal. */
int edits_add(struct edits *edits, enum role role, const char *path, const char *after);

/* The same for a file that has been read: it held before, which is copied. */
int edits_add_read(struct edits *edits, enum role role, const char *path, const char *before, const char *after);

/* The same for a file that is ours by its name. One that somebody else has written is not taken: FILE_FOREIGN, or it is
 * left as it is where none of ours is to be. */
int edits_add_ours(struct edits *edits, enum role role, const char *path, const char *after);

/* Adds one whose texts are both known; takes them over, NULL or not. Returns 0 or -ENOMEM (then they are freed). */
int edits_take(struct edits *edits, enum role role, const char *path, char *before, char *after);

/* Reads what the file holds now into before; or, where it has been read already, that is text. Returns as
 * edits_reread(). */
int edit_reread(struct edit *edit, const char *text);

/* Reads what each file holds now into before. Returns 0, or -1 with one line told on stderr. */
int edits_reread(struct edits *edits);

void edits_free(struct edits *edits);

/* The text that /etc/iommu.target gets or had; NULL: none. */
const char *edits_target(const struct edits *edits, bool after);

/* Whether two texts are the same, or both none (NULL). */
bool same_text(const char *a, const char *b);

/* What the file holds now: *text, owned by the caller, NULL: no such file. Returns 0, or -1 with one line told. */
int edit_now(const struct edit *edit, char **text);

/* Whether that is one of the texts that this change has read or written: else somebody else has been there. */
bool edit_knows(const struct edit *edit, const char *text);

/* Whether what the boot loader's tool has made is put back, so that it does not run. */
bool edits_put_made(const struct edits *edits);

bool edit_changes(const struct edit *edit);
bool edits_change(const struct edits *edits);

/* Makes a file hold text, or takes it away with NULL; does nothing where it is so already. Returns 1 if it did
 * something, 0 if not, or -1 with one line told on stderr. */
int edit_put(const char *path, const char *text);

/* The same with an edit's file where may() says so of its present text (NULL: it is not there): 1 write it, 0 leave it
 * (and 0 is returned), -1 leave it and return -1, with what there is to tell told. */
typedef int edit_may(const char *now, void *arg);
int edit_put_if(const struct edit *edit, const char *text, edit_may *may, void *arg);

#endif
