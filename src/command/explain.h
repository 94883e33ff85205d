/* What each IOMMU-related word of a kernel command line does, and which mode follows.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef EXPLAIN_H
#define EXPLAIN_H

/* Explains the words joined by blanks; the one word "-" is standard input, none the line of the system at dir ("/": the
 * running one). Prints for Intel and for AMD, as that system's kernel reads it. Returns an exit code. */
int explain(const char *dir, char **words, int count);

#endif
