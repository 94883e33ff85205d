/* What is kept of a stop for the next boot; see last-stop.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "helper/last-stop.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/root.h"

#define PSTORE "/sys/fs/pstore" /* one file for each part of a record; removing it frees its place */

static const struct root live = { .fd = AT_FDCWD, .live = true };

void last_stop_keep(enum policy policy)
{
	/* Else only a crash is kept (kernel/printk/printk.c:kmsg_dump). */
	int fd = policy == POLICY_REBOOT ? -1 : open("/sys/module/printk/parameters/always_kmsg_dump",
						     O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)!write(fd, "Y", 1);
	close(fd);
}

struct newest {
	time_t time;
	char *text; /* of LAST_STOP_MAX bytes */
};

/* The last line of the sign; what a terminal could take for something else is not in it. */
static bool find_line(const char *record, char text[LAST_STOP_MAX])
{
	const char *line = NULL;
	size_t len = 0;

	for (const char *at = record; (at = strstr(at, LAST_STOP_SIGN));)
		line = at += sizeof(LAST_STOP_SIGN) - 1;
	if (!line)
		return false;
	for (; line[len] && line[len] != '\n' && len < LAST_STOP_MAX - 1; len++)
		text[len] = line[len] >= ' ' && line[len] <= '~' ? line[len] : '?';
	text[len] = '\0';
	return true;
}

static int take_record(int dirfd, const char *name, void *context)
{
	static char record[128 << 10];
	struct newest *newest = context;
	char text[LAST_STOP_MAX];
	struct stat st;

	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return 0;
	ssize_t len = fstat(fd, &st) == 0 ? read_all(fd, record, sizeof(record)) : -1;
	close(fd);
	/* A log may have NUL bytes. */
	for (ssize_t i = 0; i < len; i++)
		record[i] = record[i] ? record[i] : ' ';
	if (len <= 0 || !find_line(record, text))
		return 0;
	unlinkat(dirfd, name, 0);
	if (st.st_mtime < newest->time)
		return 0;
	newest->time = st.st_mtime;
	memcpy(newest->text, text, sizeof(text));
	return 0;
}

void last_stop_take(char text[LAST_STOP_MAX])
{
	struct newest newest = { .text = text };

	text[0] = '\0';
	root_list(&live, PSTORE, take_record, &newest);
}
