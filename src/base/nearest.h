/* The words nearest to one that was typed and is none of them: "did you mean".
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef NEAREST_H
#define NEAREST_H

#include <stddef.h>

/* Begins as { .word = ... }; the words are the caller's and are kept as they are. */
struct nearest {
	const char *word;
	const char *found[3];
	size_t count;
	unsigned distance; /* of those that were found */
};

/* Looks at one of the words that it could have been. */
void nearest_try(struct nearest *n, const char *candidate);

/* Writes "; did you mean A or B?" to buf, each word behind the prefix, or "" if nothing is near; cut off at size. */
void nearest_text(const struct nearest *n, const char *prefix, char *buf, size_t size);

#endif
