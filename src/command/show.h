/* What the machine is, wants and will be, for people and programs.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SHOW_H
#define SHOW_H

#include <stdbool.h>

#include "show/feed.h"

struct show_request {
	const char *root;       /* a tree, or "/" */
	bool quiet;             /* status: the exit code alone */
	bool verbose;           /* every item of evidence with its source */
	bool groups;            /* every group with its devices */
	const char *device;     /* only that device's, or NULL */
	bool json, report;      /* instead of lines for people */
	feed_print *feed;       /* the same, for another program; or NULL */
	const char *feed_file;  /* where to put that, or NULL: standard output */
};

/* Prints it. Returns an exit code: 0 once it is printed. */
int show(const struct show_request *request);

#endif
