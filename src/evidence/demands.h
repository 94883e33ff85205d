/* What only a target that demands it makes the check look at.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef DEMANDS_H
#define DEMANDS_H

#include "evidence/evidence.h"
#include "model/target.h"

/* Reads what the target demands, and nothing without a demand. */
void demands_read(const struct root *root, const struct target *target, struct evidence *evidence);

/* Whether a removable device is in an identity group; NULL, or a buffer for the first one's address. Unknown where it
 * can't be read, or the kernel has no such attribute. */
enum presence exposed_find(const struct root *root, unsigned kernel, char device[32]);

/* The first kernel whose PCI devices have the attribute. */
#define KERNEL_REMOVABLE KERNEL(5, 14)

/* What is demanded and can't be told: what was looked at, for a sentence; or NULL. */
const char *demand_untold(const struct target *target, const struct evidence *evidence);

#endif
