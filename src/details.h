/* Every item of evidence with its source, for show --verbose.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef DETAILS_H
#define DETAILS_H

#include "facts.h"

/* Prints a line for each item: where it was read, and what it said. */
void details_print(const struct root *root, struct facts *facts);

/* Whether interrupts go through the IOMMU, by the names of their chips. */
enum presence interrupts_remapped(const struct root *root);

#endif
