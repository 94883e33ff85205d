/* The kernel log; see klog.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "evidence/klog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool klog_find(const struct root *root, const char *needle, char *text, size_t size)
{
	char buf[8192 + 1]; /* no record is longer: kernel/printk/internal.h:PRINTKRB_RECORD_MAX */
	size_t len = 0;
	bool found = false;

	int fd = root_open(root, "/dev/kmsg", O_RDONLY);
	if (fd < 0)
		return false;
	while (!found) {
		/* The device gives a record a read; a tree's plain file gives what there is. */
		ssize_t n = read(fd, buf + len, sizeof(buf) - 1 - len);
		if (n < 0 && (errno == EINTR || errno == EPIPE))
			continue; /* EPIPE: the record was overwritten meanwhile */
		if (n <= 0)
			break;
		len += (size_t)n;
		buf[len] = '\0';

		char *line = buf, *end;
		while (!found && (end = strchr(line, '\n'))) {
			*end = '\0';
			found = strstr(line, needle) != NULL;
			if (found) {
				const char *message = strchr(line, ';'); /* Documentation/ABI/testing/dev-kmsg */
				snprintf(text, size, "%s", message ? message + 1 : line);
			}
			line = end + 1;
		}
		len = strlen(line);
		if (len == sizeof(buf) - 1)
			len = 0; /* no line is that long */
		memmove(buf, line, len);
	}
	close(fd);
	return found;
}
