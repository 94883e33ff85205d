/* The effective mode, from the groups' types.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef CLASSIFY_H
#define CLASSIFY_H

#include "evidence/evidence.h"

/* Sets e->effective, e->flush and what e->count has; where groups disagree, looks at their devices and marks those that
 * may. What can't be told for want of evidence goes to e->missing. */
void classify(const struct root *root, struct evidence *e);

#endif
