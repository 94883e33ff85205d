/* Files as GRUB names them; see grub-path.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/grub-path.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "system/files.h"

/* Without the device that it may begin with, and quotes. */
static void plain(const char *path, size_t len, char name[200])
{
	size_t n = 0;

	if (len && path[0] == '(') {
		size_t device = strcspn(path, ")");
		device += device < len;
		path += device;
		len -= device;
	}
	for (size_t i = 0; i < len && n < 199; i++)
		if (path[i] != '"' && path[i] != '\'')
			name[n++] = path[i];
	name[n] = '\0';
}

bool grub_file(const char *boot, const char *path, size_t len, char found[256])
{
	char name[200];

	plain(path, len, name);
	snprintf(found, 256, "%s/%.180s", boot, name + (name[0] == '/'));
	if (access(found, F_OK) == 0)
		return true;
	const char *below = strstr(name, "/boot/");
	if (below && strcmp(boot, "/boot") == 0) {
		snprintf(found, 256, "%.200s", below);
		if (access(found, F_OK) == 0)
			return true;
	}
	snprintf(found, 256, "%s/%.180s", boot, file_name(name));
	return access(found, F_OK) == 0;
}

const char *grub_env(const char *config)
{
	static char path[PATH_MAX];
	char target[PATH_MAX];
	const char *slash = strrchr(config, '/');

	snprintf(path, sizeof(path), "%.*s/grubenv", slash ? (int)(slash - config) : 0, config);
	if (access(path, F_OK) == 0 || !realpath(config, target))
		return path;
	slash = strrchr(target, '/');
	snprintf(target + (slash - target), sizeof(target) - (size_t)(slash - target), "/grubenv");
	if (access(target, F_OK) == 0)
		memcpy(path, target, strlen(target) + 1);
	return path;
}
