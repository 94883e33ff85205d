/* The machine's consoles; see consoles.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "helper/consoles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/root.h"

/* What consoles that are slow (a serial line) or stopped (^S) may cost, all texts together. */
enum { CONSOLES_MS = 5000, STEP_MS = 10, UART_FIFO_MS = 20 };

enum { CONSOLES_MAX = 8 };

struct console {
	int fd;
	size_t done; /* bytes of the text */
};

static const struct root live = { .fd = AT_FDCWD, .live = true };

static void sleep_ms(long ms)
{
	const struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

size_t write_some(int fd, const char *text, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(fd, text + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done;
}

static int open_console(const char *name, size_t len)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/%.*s", (int)len, name);
	return open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

/* /dev/console is the last one of them only. Returns how many are open. */
static unsigned open_consoles(struct console *list)
{
	char names[256];
	unsigned count = 0;

	if (root_read_line(&live, "/sys/class/tty/console/active", names, sizeof(names)) <= 0)
		names[0] = '\0';
	for (const char *p = names; *p && count < CONSOLES_MAX; p += *p == ' ') {
		size_t len = strcspn(p, " ");
		int fd = open_console(p, len);
		if (fd >= 0)
			list[count++] = (struct console){ fd, 0 };
		p += len;
	}
	if (count == 0) {
		int fd = open_console("console", strlen("console"));
		if (fd >= 0)
			list[count++] = (struct console){ fd, 0 };
	}
	return count;
}

/* Goes on with one of them. Returns whether there is something to wait for. */
static bool go_on(struct console *console, const char *text, size_t len)
{
	int held = 0;

	errno = 0;
	console->done += write_some(console->fd, text + console->done, len - console->done);
	if (console->done < len && errno == EAGAIN)
		return true;
	return ioctl(console->fd, TIOCOUTQ, &held) == 0 && held > 0;
}

void consoles_write(const char *text)
{
	static int left = CONSOLES_MS;
	struct console list[CONSOLES_MAX];
	unsigned count = open_consoles(list);
	bool busy = true;
	char page[2048];

	/* A line that somebody else has begun is ended. */
	size_t len = (size_t)snprintf(page, sizeof(page), "\r\n%s", text);
	if (len >= sizeof(page))
		len = sizeof(page) - 1;
	while (busy) {
		busy = false;
		for (unsigned i = 0; i < count; i++)
			busy = go_on(&list[i], page, len) || busy;
		if (left <= 0)
			break;
		if (busy) {
			sleep_ms(STEP_MS);
			left -= STEP_MS;
		}
	}
	sleep_ms(UART_FIFO_MS);
	for (unsigned i = 0; i < count; i++)
		close(list[i].fd);
}

bool consoles_all_have_terminals(void)
{
	char list[1024];

	return root_read(&live, "/proc/consoles", list, sizeof(list)) > 0 && !strstr(list, "netcon");
}
