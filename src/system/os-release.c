/* Which distribution this is; see os-release.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "system/os-release.h"

#include <stdio.h>
#include <string.h>

bool os_release_in(const char *text, const char *key, char *value, size_t size)
{
	size_t len = strlen(key);

	value[0] = '\0';
	for (const char *line = text; line && *line; line += strcspn(line, "\n"), line += *line == '\n') {
		if (strncmp(line, key, len) != 0 || line[len] != '=')
			continue;
		const char *start = line + len + 1;
		const char *ends = *start == '"' ? "\"\r\n" : *start == '\'' ? "'\r\n" : "\r\n";
		start += *start == ends[0]; /* an opening quote */
		snprintf(value, size, "%.*s", (int)strcspn(start, ends), start);
		return true;
	}
	return false;
}

bool os_release(const struct root *root, const char *key, char *value, size_t size)
{
	char text[4096];

	value[0] = '\0';
	if (root_read(root, "/etc/os-release", text, sizeof(text)) < 0 &&
	    root_read(root, "/usr/lib/os-release", text, sizeof(text)) < 0)
		return false;
	return os_release_in(text, key, value, size);
}

bool os_release_debian(const struct root *root)
{
	static const char *const keys[] = { "ID", "ID_LIKE" };
	char value[128], *next;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		os_release(root, keys[i], value, sizeof(value));
		for (char *word = strtok_r(value, " ", &next); word; word = strtok_r(NULL, " ", &next))
			if (strcmp(word, "debian") == 0)
				return true;
	}
	return false;
}
