/* Which distribution this is; see os-release.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "os-release.h"

#include <stdio.h>
#include <string.h>

#include "keyval.h"

bool os_release(const struct root *root, const char *key, char *value, size_t size)
{
	struct keyval kv;
	char text[4096];

	value[0] = '\0';
	if (root_read(root, "/etc/os-release", text, sizeof(text)) < 0 &&
	    root_read(root, "/usr/lib/os-release", text, sizeof(text)) < 0)
		return false;
	keyval_init(&kv, text);
	while (keyval_next(&kv)) {
		if (strcmp(kv.key, key) != 0 || !kv.value)
			continue;
		size_t quote = kv.value[0] == '"' || kv.value[0] == '\'', len = strlen(kv.value);
		len -= quote && len > 1 && kv.value[len - 1] == kv.value[0] ? 2 : quote;
		snprintf(value, size, "%.*s", (int)len, kv.value + quote);
		return true;
	}
	return false;
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
