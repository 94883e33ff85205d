/* How iommu-install refuses; see refuse.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "system/refuse.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/mode.h"
#include "model/reason.h"
#include "system/message.h"

static struct refusal said;
static bool refusing;
static enum reason overridden[8];
static size_t noverridden;

int refuse(enum reason reason, const char *format, ...)
{
	const char *hint = reason_hint(reason);
	va_list args;

	if (fail_muted())
		return EXIT_REFUSED;
	said.code = reason;
	refusing = true;
	free(said.text);
	va_start(args, format);
	if (vasprintf(&said.text, format, args) < 0)
		said.text = NULL;
	va_end(args);
	fflush(progress());
	fprintf(stderr, "iommu-install: %s: %s%s%s\n", reason_code(reason), said.text ? said.text : "",
		hint[0] ? "; " : "", hint);
	return EXIT_REFUSED;
}

const struct refusal *refused(void)
{
	return refusing ? &said : NULL;
}

int refuse_not(enum reason code)
{
	for (size_t i = 0; i < noverridden; i++)
		if (overridden[i] == code)
			return 0;
	if (noverridden < sizeof(overridden) / sizeof(overridden[0]) && !fail_muted())
		overridden[noverridden++] = code;
	return 0;
}

enum reason refused_not(size_t i)
{
	return i < noverridden ? overridden[i] : REASON_COUNT;
}
