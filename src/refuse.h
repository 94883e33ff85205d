/* How iommu-install says no: one line on standard error, and the exit code for it.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef REFUSE_H
#define REFUSE_H

#include <stdbool.h>

#include "modes.h"

/* This machine or kernel can't do that: the code, what was seen, what to do. Returns EXIT_REFUSED. */
__attribute__((format(printf, 2, 3))) int refuse(enum reason code, const char *format, ...);

/* Whether --force sets the mode all the same. */
bool refusal_forcible(enum reason code);

/* Usage, a missing tool or a failure. Returns EXIT_INVALID. */
__attribute__((format(printf, 1, 2))) int fail(const char *format, ...);

/* Whether standard output has a line that is not ended yet: what fail() says then begins by ending it. */
void fail_on_new_line(bool open);

/* Says that memory has run out. Returns -1. */
int no_memory(void);

#endif
