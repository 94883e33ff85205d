/* The record of the last read-back: what every file was then, so that a second run can see that nothing has to be done.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef RECORD_H
#define RECORD_H

#include <stdbool.h>
#include <stddef.h>

/* What the paths are now, and the files in those that are directories: device, inode, size and times of change. Owned by the
 * caller; NULL without memory, or if told to be settled and they are not: then it waits, two seconds at most, until a later
 * change of any of them is sure to show. */
char *record_look(const char *const *paths, size_t count, bool settled);

/* Writes down what was seen. Returns 0 or -errno. */
int record_write(const char *seen);

/* Whether this is what was written down. NULL, or no record: false. */
bool record_matches(const char *seen);

#endif
