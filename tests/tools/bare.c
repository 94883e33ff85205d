/* The least that a program could do that reads the files which a check reads: open, read and close each.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * LIST is a file of strings in C's form: F and a path to read, or D and a directory to list, below which the paths that
 * follow and are not absolute stand. Without LIST it does nothing.
 */
#ifndef LIST
int main(void)
{
	return 0;
}
#else
#include <fcntl.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const list[] = {
#include LIST
};

int main(void)
{
	char buf[4096];
	int dir = AT_FDCWD;

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		int fd = openat(dir, list[i] + 1, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			return 1;
		if (list[i][0] == 'F') {
			if (read(fd, buf, sizeof(buf)) < 0)
				return 1;
			close(fd);
			continue;
		}
		while (syscall(SYS_getdents64, fd, buf, sizeof(buf)) > 0)
			;
		if (dir != AT_FDCWD)
			close(dir);
		dir = fd;
	}
	return 0;
}
#endif
