/* Every item of evidence with its source, for show --verbose.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef EVIDENCE_LIST_H
#define EVIDENCE_LIST_H

#include "verdict/facts.h"

/* Prints a line for each item: where it was read, and what it said. */
void evidence_list_print(const struct root *root, struct facts *facts);

#endif
