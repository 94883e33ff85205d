/* What each code means and whom it blames, for people who ask.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef REASON_MEANING_H
#define REASON_MEANING_H

#include <stdbool.h>

#include "model/reason.h"

struct meaning {
	const char *layer, *text; /* whom it blames, and one or two sentences, as the manuals have them */
	bool verdict;             /* a reason or a note of a verdict */
	bool refusal;             /* iommu-install refuses for it */
};

/* Static, never NULL. */
const struct meaning *reason_meaning(enum reason reason);

/* Sets *out and returns true if the word is a code, in whatever case; else returns false and leaves *out alone. */
bool reason_parse(const char *word, enum reason *out);

#endif
