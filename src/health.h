/* What is well and what is not, one thing a line: pass, warn or fail, and what to do about it.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef HEALTH_H
#define HEALTH_H

#include "show.h"

enum result { RESULT_PASS, RESULT_WARN, RESULT_FAIL };

struct health {
	const char *name;   /* static: "firmware" */
	enum result result;
	char seen[160];
	char hint[160];     /* or "" */
};

#define HEALTH_MAX 5

/* Looks at it all. Returns how many lines it put into list; what can't be told and what does not matter here is left out.
 * Nothing in them is of the machine's own: no names, no paths, no words of its command line. */
size_t health_check(const struct survey *survey, struct health list[HEALTH_MAX]);

/* Prints the lines, and the list of JSON objects. */
void health_print(const struct survey *survey);
void health_json(const struct survey *survey);

#endif
