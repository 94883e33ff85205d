/* Will the next boot be as it should? Every entry and its image, read back.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef CHECK_H
#define CHECK_H

#include "change.h"

/* Prints a line, or with json an object, for each entry. Returns an exit code: EXIT_MATCH, EXIT_MISMATCH if an entry of this
 * system would mismatch, EXIT_UNKNOWN if that can't be told, EXIT_NO_TARGET. */
int check(const struct request *request, bool json);

#endif
