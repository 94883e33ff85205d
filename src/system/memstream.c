/* A text in the making; see memstream.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "system/memstream.h"

#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

static ssize_t append(void *cookie, const char *from, size_t len)
{
	struct text *t = cookie;

	if (t->failed || t->len + len >= t->size) {
		size_t size = 2 * t->size + len + 256;
		char *more = t->failed ? NULL : realloc(t->data, size);

		t->failed = !more;
		if (!more)
			return 0; /* fopencookie(3): an error */
		t->data = more;
		t->size = size;
	}
	memcpy(t->data + t->len, from, len);
	t->len += len;
	return (ssize_t)len;
}

FILE *text_open(struct text *t)
{
	*t = (struct text){ 0 };
	t->out = fopencookie(t, "w", (cookie_io_functions_t){ .write = append });
	return t->out;
}

char *text_close(struct text *t, size_t *len)
{
	if (!t->out)
		return NULL;
	t->failed = fclose(t->out) != 0 || t->failed || (!t->data && append(t, "", 0) < 0) || !t->data;
	if (t->failed) {
		free(t->data);
		return NULL;
	}
	t->data[t->len] = '\0';
	if (len)
		*len = t->len;
	return t->data;
}
