/* What the first format of the journal, that of 0.1.0, does not say.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * It kept nothing of what was there meanwhile: what a file holds now may be ours all the same.
 */
#ifndef FIRST_FORMAT_H
#define FIRST_FORMAT_H

#include "system/edits.h"

/* Where the target holds what 0.1.0 let it be while such a change was under way, that is taken for the edit's put. */
void first_format_know(struct edits *edits);

#endif
