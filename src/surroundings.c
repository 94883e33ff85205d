/* What a process takes over from whoever starts it; see surroundings.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "surroundings.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

void surroundings_settle(void)
{
	/* A descriptor that is closed gets one that can't be read or written: as before, but what is printed never goes into a file
	 * of ours that happens to have its number. */
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/", O_PATH) != fd)
			_exit(1);
	umask(022);
	signal(SIGXFSZ, SIG_IGN); /* RLIMIT_FSIZE: write(2) says EFBIG then */
}
