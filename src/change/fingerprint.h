/* The fingerprint of the last read-back: what every file was then, so that a second run can see that nothing has to be
 * done.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef FINGERPRINT_H
#define FINGERPRINT_H

#include <stdbool.h>
#include <stddef.h>

#include "system/seen.h"

/* What the paths are now, and the files in those that are directories, and what read was when it was read. Owned by
 * the caller; NULL without memory, if read has changed since, or if told to be settled and the paths are not: then
 * it waits, two seconds at most, until a later change of any of them is sure to show. */
char *fingerprint_take(const char *const *paths, size_t count, const struct seen *read, bool settled);

/* Writes it down. Returns 0 or -errno. */
int fingerprint_write(const char *fingerprint);

/* Whether this is what was written down. NULL, or nothing there: false. */
bool fingerprint_matches(const char *fingerprint);

/* Whether the file at path is one that was written before it was written down. */
bool fingerprint_after(const char *path);

#endif
