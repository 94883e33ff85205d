/* A kernel's build configuration; see kconfig.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "evidence/kconfig.h"

#include <errno.h>
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

/* Whether the file has a line that starts with "OPTION=". Takes no memory: the early check must not mistake a lack
 * of it for an answer. Returns 1, 0 or -errno. */
static int has_line(int fd, const char *option)
{
	char needle[128], buf[4096] = "\n";
	size_t len = 1, size = (size_t)snprintf(needle, sizeof(needle), "\n%s=", option);
	ssize_t n;

	while ((n = read(fd, buf + len, sizeof(buf) - len)) > 0) {
		len += (size_t)n;
		if (memmem(buf, len, needle, size))
			return 1;
		size_t keep = len < size ? len : size - 1;
		memmove(buf, buf + len - keep, keep);
		len = keep;
	}
	return n < 0 ? -errno : 0;
}

enum presence kconfig_has(const struct root *root, const char *osrelease, const char *option)
{
	int fd = open_config(root, osrelease);
	if (fd < 0)
		return PRESENCE_UNKNOWN;
	int r = has_line(fd, option);
	close(fd);
	return r < 0 ? PRESENCE_UNKNOWN : r ? PRESENCE_YES : PRESENCE_NO;
}
