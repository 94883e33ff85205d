/* How iommu-install refuses: one line on standard error, and the exit code for it.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef REFUSE_H
#define REFUSE_H

#include <stddef.h>

#include "model/reason.h"

/* This machine or kernel can't do that: the code, what was seen, what to do. Returns EXIT_REFUSED. */
__attribute__((format(printf, 2, 3))) int refuse(enum reason code, const char *format, ...);

/* What refuse() has said, or NULL: it has not. */
struct refusal {
	enum reason code;
	char *text; /* without code and hint; NULL without memory */
};
const struct refusal *refused(void);

/* What to do about a refusal, with what --force would do; "" where its text says it. Static text. */
const char *refusal_hint(enum reason code);

/* Notes that the user has it done all the same. Returns 0. */
__attribute__((format(printf, 2, 3))) int refuse_not(enum reason code, const char *format, ...);

/* What was noted so, each code once, from i = 0; NULL behind the last one. */
const struct refusal *refused_not(size_t i);

#endif
