/* Finds out what tells whose the entries of a boot loader are, and decides it for each.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef OWNER_FACTS_H
#define OWNER_FACTS_H

#include "bootloader/backend.h"

/* Sets owner, own and fixed of each. What its reader alone can tell (program, xen, lost; of a unified image sort_key)
 * is in its facts before. */
void owner_decide(struct boot_entries *entries);

/* Whether a system of that os-release(5) text is this one, by its name. */
enum presence owner_of_release(const char *text);

#endif
