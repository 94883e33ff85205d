/* The record of the last change: which files it left, so that a second run can see that nothing has to be done.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef RECORD_H
#define RECORD_H

#include <stdbool.h>
#include <stddef.h>

/* Writes down what the paths are now: device, inode, size and times of change. Returns 0 or -errno. */
int record_write(const char *const *paths, size_t count);

/* Whether the paths are what was written down, these and no others. No record: false. */
bool record_matches(const char *const *paths, size_t count);

#endif
