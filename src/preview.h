/* What --dry-run prints: diffs, commands, the words of every entry.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PREVIEW_H
#define PREVIEW_H

#include "plan.h"

/* Returns an exit code. */
int preview(const struct plan *plan);

#endif
