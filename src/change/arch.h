/* What machine a system is for: the words that set a mode are known for x86 only.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef ARCH_H
#define ARCH_H

#include <stdbool.h>

#include "base/root.h"

/* live: the running system, else the tree at root. Returns 0, or EXIT_REFUSED having said why; 0 too where a tree
 * does not tell. */
int arch_check(const struct root *root, bool live);

/* Whether a mode can be set on the running system. */
bool arch_sets_modes(void);

#endif
