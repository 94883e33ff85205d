/* Colour on a terminal; see colour.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "show/colour.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ECMA-48, "select graphic rendition"; bold as well, for those who can't tell the colours apart. */
static const char *const codes[] = {
	[COLOUR_NONE] = "\033[0m",
	[COLOUR_GOOD] = "\033[32m",
	[COLOUR_WARN] = "\033[1;33m",
	[COLOUR_BAD] = "\033[1;31m",
};

static bool wanted(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && (!no || !no[0]) && term && term[0] && strcmp(term, "dumb") != 0;
}

const char *colour(enum colour c)
{
	static int on = -1;

	if (on < 0)
		on = wanted();
	return on ? codes[c] : "";
}

enum colour verdict_colour(enum verdict verdict)
{
	return verdict == VERDICT_MATCH ? COLOUR_GOOD : verdict == VERDICT_MISMATCH ? COLOUR_BAD : COLOUR_WARN;
}
