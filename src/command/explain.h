/* What each IOMMU-related parameter of a kernel command line does and which mode follows; what a code means.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include <stdbool.h>

struct explain_request {
	const char *root;   /* the system whose line and kernel are meant; "/": the running one */
	const char *kernel; /* another kernel's release to read the line by, or NULL */
	char **words;       /* a line, joined by blanks; one code; "-": standard input; none: the system's own line */
	int count;
	bool json;
};

/* Prints it. Returns an exit code. */
int explain(const struct explain_request *request);

#endif
