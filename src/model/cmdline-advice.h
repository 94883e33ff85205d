/* What to change on a kernel command line by hand, so that it asks for a mode.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * For somebody at a boot loader's editor: as little as possible is named, unlike what a change writes.
 */
#ifndef CMDLINE_ADVICE_H
#define CMDLINE_ADVICE_H

#include "model/cmdline.h"

struct cmdline_wish {
	enum mode mode; /* one that can be wanted */
	enum vendor vendor;
	unsigned kernel;
	const char *const *besides; /* "key=value" words that it needs too, whatever else has that key; then NULL */
};

struct cmdline_advice {
	char add[256], take_out[256]; /* words with one blank between them; "" where there are none */
	bool cut;                     /* there are more than fit */
};

/* The line with these words taken out, wherever they stand, and those added at its end (before a bare "--") asks for
 * what is wished, as far as a line can. */
void cmdline_advise(const char *line, const struct cmdline_wish *wish, struct cmdline_advice *advice);

#endif
