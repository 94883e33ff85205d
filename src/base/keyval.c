/* Lines of "key = value"; see keyval.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "base/keyval.h"

#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts white space off both ends of [start, end), in place. */
static char *trim(char *start, char *end)
{
	while (start < end && is_blank(*start))
		start++;
	while (end > start && is_blank(end[-1]))
		end--;
	*end = '\0';
	return start;
}

void keyval_init(struct keyval *kv, char *text)
{
	*kv = (struct keyval){ .next = text };
}

bool keyval_next(struct keyval *kv)
{
	while (*kv->next) {
		char *line = kv->next;
		char *end = strchr(line, '\n');

		kv->line++;
		kv->next = end ? end + 1 : line + strlen(line);
		line = trim(line, end ? end : kv->next);
		if (*line == '\0' || *line == '#')
			continue;

		char *equals = strchr(line, '=');
		kv->value = equals ? trim(equals + 1, equals + 1 + strlen(equals + 1)) : NULL;
		kv->key = equals ? trim(line, equals) : line;
		return true;
	}
	return false;
}
