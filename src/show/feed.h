/* What other programs read of a survey: one text, to standard output or into a file of theirs.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef FEED_H
#define FEED_H

#include <stdio.h>

#include "show/survey.h"

/* Prints one such text. What can't be written is seen by whoever opened out. */
typedef void feed_print(FILE *out, const struct survey *survey);

/* Writes it to file, or to standard output if file is NULL. The file is written whole or not at all, by a name that
 * begins with a dot until then, and no link is followed: the directory is the other program's. Returns 0, or an exit
 * code with one line told on stderr. */
int feed_write(const struct survey *survey, feed_print *print, const char *file);

#endif
