/* What else somebody must know of a change before the reboot: who has devices now, and what comes between the change
 * and the next boot. Told, and never a reason to refuse.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef NOTICES_H
#define NOTICES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/root.h"
#include "evidence/evidence.h"
#include "model/target.h"
#include "nextboot/left.h"

enum notice_code {
	VFIO_DEVICES,
	UIO_DEVICES,
	VFIO_IDS,
	VFIO_IN_USE,
	KEXEC_REBOOT,
	IMAGES_YOURS,
	ENTRY_UNCHECKED,
	ENTRY_UNEDITED,
	NOTICES_MAX
};

/* What each says, whatever the machine: its name, who is concerned, what was found, and what to do about it. The manual
 * has the same sentences. */
struct notice_row {
	const char *code, *layer, *text, *hint;
};

extern const struct notice_row notice_table[NOTICES_MAX];

/* Sets *out and returns true if the word is one's name, in whatever case; else returns false and leaves *out alone. */
bool notice_parse(const char *word, enum notice_code *out);

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
 * them; with images_left nobody but the caller makes images. Nothing of devices is found where it is in that mode
 * already; whoever is not root does not see who holds what. */
void notices_take(const struct root *root, const struct evidence *now, const struct target *target,
		  const char *const *lines, size_t count, bool images_left, struct notices *notices);
/* Adds what is left of the loader's entries. Returns 0 or -ENOMEM. */
int notices_left(const struct loader *loader, const struct edits *edits, const struct kernels *kernels,
		 const struct target *target, const struct evidence *now, struct notices *notices);
void notices_free(struct notices *notices);

/* Tells them on stderr, a line each. */
void notices_tell(const struct notices *notices);

#endif
