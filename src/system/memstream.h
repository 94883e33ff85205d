/* A text in the making: a stream into memory that does not forget when memory has run out, as open_memstream(3) does.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef MEMSTREAM_H
#define MEMSTREAM_H

#include <stdbool.h>
#include <stdio.h>

struct text {
	FILE *out; /* to be written to; NULL if text_open() has failed */
	char *data;
	size_t len, size;
	bool failed;
};

/* Begins one. Returns text->out. */
FILE *text_open(struct text *text);

/* Ends it. Returns the whole text with a NUL behind it, owned by the caller, or NULL if memory has run out
 * meanwhile. *len may be NULL. */
char *text_close(struct text *text, size_t *len);

#endif
