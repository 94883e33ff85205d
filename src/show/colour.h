/* Colour on a terminal, and nowhere else.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COLOUR_H
#define COLOUR_H

#include "model/reason.h"

enum colour { COLOUR_NONE, COLOUR_GOOD, COLOUR_WARN, COLOUR_BAD };

/* What starts a colour on standard output; COLOUR_NONE ends it. "" where that is no terminal, or NO_COLOR is set, or
 * TERM says that it knows none. Static strings. */
const char *colour(enum colour colour);

/* The one that fits a verdict. */
enum colour verdict_colour(enum verdict verdict);

#endif
