/* A kernel's build configuration; see kconfig.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "kconfig.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Returns a file descriptor or -errno. */
static int open_config(const struct root *root, const char *osrelease)
{
	char path[160];

	snprintf(path, sizeof(path), "/boot/config-%s", osrelease);
	int fd = root_open(root, path, 0);
	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "/lib/modules/%s/config", osrelease);
	return root_open(root, path, 0);
}

enum presence kconfig_has(const struct root *root, const char *osrelease, const char *option)
{
	enum presence found = PRESENCE_NO;
	size_t len = strlen(option);
	char line[128];

	int fd = open_config(root, osrelease);
	if (fd < 0)
		return PRESENCE_UNKNOWN;
	FILE *file = fdopen(fd, "r");
	if (!file) {
		close(fd);
		return PRESENCE_UNKNOWN;
	}
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, option, len) == 0 && line[len] == '=')
			found = PRESENCE_YES;
	fclose(file);
	return found;
}
