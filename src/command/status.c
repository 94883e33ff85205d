/* The machine in one line; see status.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "command/status.h"

#include <stdio.h>
#include <string.h>

#include "show/status.h"
#include "show/survey.h"
#include "system/message.h"

int status(const struct show_request *q)
{
	static struct facts facts; /* too large for a careful stack */
	static struct survey s;
	struct status t;
	struct root root;

	int r = root_init(&root, q->root);
	if (r < 0)
		return fail("%s: %s", q->root, strerror(-r));
	survey_take(&root, &facts, &s);
	status_take(&s, &t);
	if (q->json) {
		fputs("{\"schema\": 1, ", stdout);
		status_json(&s, &t);
		puts("}");
	} else if (!q->quiet) {
		puts(t.line);
	}
	survey_free(&s);
	facts_free(&facts);
	root_close(&root);
	return fflush(stdout) == 0 ? t.code : EXIT_INVALID;
}
