/* What a process takes over from whoever starts it; see startup.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "base/startup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

void startup_settle(void)
{
	/* A descriptor that is closed gets one that can't be read or written: as before, but what is printed never
	 * goes into a file of ours that happens to have its number. */
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/", O_PATH) != fd)
			_exit(1);
	umask(022);
	signal(SIGXFSZ, SIG_IGN); /* RLIMIT_FSIZE: write(2) says EFBIG then */
}

int startup_room(void)
{
	int fds[FILES_NEEDED], n = 0, r = 0;

	while (n < FILES_NEEDED && (fds[n] = open("/", O_PATH | O_CLOEXEC)) >= 0)
		n++;
	if (n < FILES_NEEDED)
		r = -errno;
	while (n > 0)
		close(fds[--n]);
	return r;
}
