/* A rehearsal: what would come of edits that are not made.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef REHEARSAL_H
#define REHEARSAL_H

#include <stdio.h>

#include "system/edits.h"

/* Where whoever acts may write: a file system in memory that goes with him. */
#define REHEARSAL_DIR "/tmp"

/* Lets act run in a child of its own, which sees what later boot entries are made from, and entries, as the edits make
 * them, and can write to no disk; what it prints to out becomes *said, of *len bytes, owned by the caller. act returns
 * 0, or anything else. Returns 0; or -errno, without a word, where that can't be done or has failed: not without
 * root. */
int rehearse(const struct edits *edits, int (*act)(FILE *out, void *context), void *context, char **said, size_t *len);

#endif
