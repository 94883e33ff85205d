/* Lines of "key = value", as in iommu.target and image.conf.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef KEYVAL_H
#define KEYVAL_H

#include <stdbool.h>

struct keyval {
	char *next;    /* what is still to be read */
	unsigned line; /* number of the current line, from 1 */
	char *key;     /* trimmed; the whole line where it has no '=' */
	char *value;   /* trimmed; NULL where the line has no '=' */
};

/* Starts over text, which must end in NUL and is cut up in place. */
void keyval_init(struct keyval *kv, char *text);

/* Goes to the next line that is neither blank nor a '#' comment; false at the end. A trailing CR is white space. */
bool keyval_next(struct keyval *kv);

#endif
