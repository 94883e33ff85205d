/* One line on standard error; see message.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "system/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "model/mode.h"

static volatile bool line_open;
static bool muted;
static const char *volatile cause, *volatile because;
static char first[1024];
static FILE *to;

void fail_on_new_line(bool open)
{
	line_open = open;
}

void fail_mute(bool mute)
{
	muted = mute;
}

bool fail_muted(void)
{
	return muted;
}

const char *fail_first(void)
{
	return because ? because : first;
}

/* write(2) is what a handler may call; what does not reach anybody is not told again. */
static void say(const char *text)
{
	ssize_t len = write(STDERR_FILENO, text, strlen(text));

	(void)len;
}

void fail_because(const char *line, bool is_cause)
{
	say(line_open ? "\niommu-install: " : "iommu-install: ");
	say(line);
	say("\n");
	line_open = false;
	because = because ? because : line;
	if (is_cause)
		cause = line;
}

void fail_again(void)
{
	cause = NULL;
}

FILE *progress(void)
{
	return to ? to : stdout;
}

void progress_to(FILE *out)
{
	to = out;
}

int fail(const char *format, ...)
{
	va_list args, again;

	if (muted || cause)
		return EXIT_INVALID;
	if (line_open)
		fputc('\n', progress());
	line_open = false;
	fflush(progress());
	fputs("iommu-install: ", stderr);
	va_start(args, format);
	va_copy(again, args);
	vfprintf(stderr, format, args);
	if (!first[0])
		vsnprintf(first, sizeof(first), format, again);
	va_end(again);
	va_end(args);
	fputc('\n', stderr);
	return EXIT_INVALID;
}

int no_memory(void)
{
	fail("out of memory");
	return -1;
}
