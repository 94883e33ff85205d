/* Why something failed; see error.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

int error_vset(struct error *error, int code, const char *format, va_list args)
{
	if (!error)
		return code;
	error->code = code;
	error->line = 0;
	vsnprintf(error->text, sizeof(error->text), format, args);
	return code;
}

int error_set(struct error *error, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	error_vset(error, code, format, args);
	va_end(args);
	return code;
}

int error_errno(struct error *error, int code)
{
	return code < 0 ? error_set(error, code, "%s", strerror(-code)) : code;
}
