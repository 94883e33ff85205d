/* One line on standard error; see message.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "system/message.h"

#include <stdarg.h>
#include <stdio.h>

#include "model/mode.h"

static bool line_open, muted;
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
	return first;
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

	if (muted)
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
