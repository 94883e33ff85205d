/* What a change of mode means for devices that programs of users have now. Told, and never a reason to refuse.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef NOTICES_H
#define NOTICES_H

#include <stddef.h>

#include "base/root.h"
#include "evidence/evidence.h"
#include "model/target.h"

enum { NOTICES_MAX = 4 };

struct notice {
	const char *code; /* static: "VFIO_DEVICES" */
	const char *hint; /* static: what to do about it */
	char *message;    /* owned: what was seen, and what becomes of it */
};

struct notices {
	struct notice list[NOTICES_MAX];
	size_t count;
};

/* Looks at the running machine, which is to get that target. lines are the command lines that it boots by, count of
 * them. Nothing is found where it is in that mode already; whoever is not root does not see who holds what. */
void notices_take(const struct root *root, const struct evidence *now, const struct target *target,
		  const char *const *lines, size_t count, struct notices *notices);
void notices_free(struct notices *notices);

/* Tells them on stderr, a line each. */
void notices_tell(const struct notices *notices);

#endif
