/* What is well and what is not, one thing a line: pass, warn or fail, and what to do about it.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef CHECKS_H
#define CHECKS_H

#include "show/survey.h"

enum result { RESULT_PASS, RESULT_WARN, RESULT_FAIL };

struct check {
	const char *name;   /* static: "firmware" */
	enum result result;
	char seen[160];
	char hint[160];     /* or "" */
};

#define CHECKS_MAX 6

/* Looks at it all. Returns how many lines it put into list; what can't be told and what does not matter here is left
 * out. Nothing in them is of the machine's own: no names, no paths, no words of its command line. */
size_t checks_take(const struct survey *survey, struct check list[CHECKS_MAX]);

/* Prints the lines, and the list of JSON objects. */
void checks_print(const struct survey *survey);
void checks_json(const struct survey *survey);

#endif
