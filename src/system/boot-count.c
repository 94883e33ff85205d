/* Names in which a boot loader counts tries; see boot-count.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "system/boot-count.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "system/files.h"

/* Where ".conf" or ".efi" begins, or the name's end. */
static size_t ending(const char *name)
{
	static const char *const endings[] = { ".conf", ".efi" };
	size_t len = strlen(name);

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		size_t tail = strlen(endings[i]);
		if (len > tail && strcmp(name + len - tail, endings[i]) == 0)
			return len - tail;
	}
	return len;
}

size_t boot_count_stem(const char *name)
{
	size_t end = ending(name), plus = end;

	while (plus > 0 && strchr("0123456789-", name[plus - 1]))
		plus--;
	bool counted = plus > 0 && plus < end && name[plus - 1] == '+' && name[plus] != '-' && name[end];
	return counted ? plus - 1 : end;
}

bool boot_count_same(const char *a, const char *b)
{
	size_t len = boot_count_stem(a);

	return boot_count_stem(b) == len && strncmp(a, b, len) == 0 && strcmp(a + ending(a), b + ending(b)) == 0;
}

bool boot_count_follow(char *path, size_t size)
{
	size_t dir_len = (size_t)(file_name(path) - path);
	char dir[PATH_MAX];
	bool found = false;

	if (access(path, F_OK) == 0 || !path[ending(path)])
		return false;
	snprintf(dir, sizeof(dir), "%.*s", (int)dir_len, path);
	DIR *list = opendir(dir);
	for (const struct dirent *e; list && !found && (e = readdir(list));) {
		found = boot_count_same(path + dir_len, e->d_name) && dir_len + strlen(e->d_name) < size;
		if (found)
			snprintf(path + dir_len, size - dir_len, "%s", e->d_name);
	}
	if (list)
		closedir(list);
	return found;
}
