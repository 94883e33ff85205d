/* One line on standard error about what went wrong.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <stdbool.h>
#include <stdio.h>

/* Usage, a missing tool or a failure. Returns EXIT_INVALID. */
__attribute__((format(printf, 1, 2))) int fail(const char *format, ...);

/* What the user did, or the first such line since the program began, without the program's name; "" if there is
 * none. */
const char *fail_first(void);

/* While muted nothing is said, or remembered. */
void fail_mute(bool mute);
bool fail_muted(void);

/* Where progress is told: standard output, unless that is to have an object. */
FILE *progress(void);
void progress_to(FILE *out);

/* Whether progress has a line that is not ended yet: what fail() says then begins by ending it. */
void fail_on_new_line(bool open);

/* What the user did, told at once by a signal handler: one line, without the program's name, that lasts. With cause it
 * is why all fails from now on: fail() says nothing until fail_again(). */
void fail_because(const char *line, bool cause);
void fail_again(void);

/* Says that memory has run out. Returns -1. */
int no_memory(void);

#endif
