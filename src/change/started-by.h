/* Which boot loader starts this system: asked by all who tell of the next boot.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef STARTED_BY_H
#define STARTED_BY_H

#include "bootloader/snapshot.h"

/* Of a running machine the one whose entry has the line that it was booted with; of a tree, which nothing was booted
 * from (running is NULL), the one that the last change was for. Where neither tells, one that is here; NULL if none
 * is. */
const struct backend *started_by(const char *running, struct snapshot *snapshot);

#endif
