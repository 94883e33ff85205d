/* Which groups the kernel itself gives another default domain than the rest, on which kernels, and why.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef EXCUSES_H
#define EXCUSES_H

#include <stdbool.h>

#include "evidence/evidence.h"
#include "model/kernel-parameters.h"

/* What decides about more than one device; asked once, where groups disagree. */
struct choices {
	struct line_choices line;
	bool igfx_quirk; /* the chipset is one for which the kernel sets igfx_off by itself */
	bool encrypted;  /* memory encryption (SME) is on */
};

/* Reads them, and the units of evidence too. */
void choices_read(const struct root *root, struct evidence *evidence, struct choices *choices);

/* Whether the kernel demands the group's type for one of its devices, and the other one for none. Returns 1 with *why
 * (a static string), 0, -EPERM if only a privileged user can tell, or another -errno. Fills in the group's devices, and
 * group->contrary of one in identity. */
int excuse_find(const struct root *root, struct evidence *evidence, const struct choices *choices, struct group *group,
		const char **why);

#endif
