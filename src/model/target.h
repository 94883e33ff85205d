/* /etc/iommu.target: the wanted mode and policy.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef TARGET_H
#define TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/root.h"
#include "model/mode.h"

#define TARGET_PATH "/etc/iommu.target"
#define TARGET_MAX 4096 /* bytes */
#define TARGET_VALUE_MAX 64 /* bytes of the longest value, that of accept */

struct target {
	enum mode mode;
	unsigned accept; /* bit (1 << mode) for each mode accepted besides, while a change is under way */
	enum policy on_mismatch;
	bool late_same; /* on-late-mismatch=same */
	enum flush flush;
	bool remapped;   /* interrupts=remapped */
	bool translated; /* exposed=translated */
	bool allow_unsafe_interrupts;
	bool allow_override;
	unsigned delay; /* seconds */
};

/* The delay of a policy whose target says nothing, in seconds. */
unsigned policy_delay(enum policy policy);

/* The keys that a target can have, the first of them mode; NULL behind the last. To set one as the file does, with a
 * value that is cut up; false: it is none for that key. */
const char *target_key(unsigned i);
bool target_set(struct target *target, unsigned i, char *value);

/* What it accepts: bit (1 << mode) for each mode. */
unsigned target_accepts(const struct target *target);

/* Reads len bytes of text; text[len] must be NUL, and text is cut up in place. Returns 0, or -EINVAL with *error, which
 * must not be NULL. Even then target->on_mismatch says how the text wants to be obeyed: a stopping policy if it names
 * one or tries to and can't be understood, else warn. */
int target_parse(char *text, size_t len, struct target *target, struct error *error);

/* Writes the text of a target: what differs from the default, one line a key. Returns the length, or -1 if it does not
 * fit. */
int target_format(const struct target *target, char *buf, size_t size);

/* The same with the lines of old (NULL: none) as far as they are comments, blank, or say what the target says: what
 * somebody wrote stays as it is, and no other line is changed than has to be. If all of it would be longer than a
 * target may be, without them. Returns the length. */
int target_rewrite(const char *old, const struct target *target, char buf[static TARGET_MAX + 1]);

/* Reads a file below root. Returns 0, -ENOENT if there is none, or -EINVAL with *error filled in: also where the file
 * can't be read or is too long, and then target->on_mismatch is a stopping policy, because nobody can tell. */
int target_read(const struct root *root, const char *path, struct target *target, struct error *error);

#endif
