/* The machine in one line: what it does now, what the next boot will be, what is wrong and what to do about it.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Whoever says how the machine is says it by this: `status`, the top of `show`, and its verdict.
 */
#ifndef STATUS_H
#define STATUS_H

#include "show/survey.h"

struct status {
	enum verdict verdict; /* of now and of the next boot together */
	int code;             /* the exit code for it */
	bool would_stop;      /* an entry that counts would be stopped by its check, or may be */
	bool next_wrong;      /* the next boot would not be as it should, or can't be told */
	char line[1024];      /* all of it, without a line break */
	char what[400];       /* what is wrong or awaited, or "" */
	char todo[256];       /* what to do about it, or "" */
};

void status_take(const struct survey *survey, struct status *status);

/* Prints the members of the JSON object, without its braces. */
void status_json(const struct survey *survey, const struct status *status);

#endif
