/* What the machine is, wants and will be, for people and programs.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SHOW_H
#define SHOW_H

#include <stdbool.h>

#include "backend.h"
#include "facts.h"
#include "verdict.h"

struct show_request {
	const char *root;       /* a tree, or "/" */
	bool verbose;           /* every item of evidence with its source */
	bool groups;            /* every group with its devices */
	bool json, report;      /* instead of lines for people */
	bool prometheus;        /* the same */
	const char *prometheus_file; /* where to put it, or NULL: standard output */
};

/* What is shown: gathered before anything is printed. */
struct survey {
	const struct root *root;
	struct facts *facts;
	struct judgement judgement;
	const struct backend *backend; /* the running machine's, or NULL if none is known */
	enum mode next_boot; /* that every own boot entry asks for; MODE_MIXED if they differ, MODE_UNKNOWN if nobody can tell */
	bool needs_root;     /* to tell it */
	bool iommufd;        /* /dev/iommu is there */
	unsigned cdevs;      /* devices in /dev/vfio/devices */
};

/* Prints it. Returns an exit code: 0 once it is printed. */
int show(const struct show_request *request);

#endif
