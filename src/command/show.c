/* What the machine is, wants and will be; see show.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "command/show.h"

#include <stdio.h>
#include <string.h>

#include "show/evidence-list.h"
#include "show/prometheus.h"
#include "show/public-report.h"
#include "show/summary.h"
#include "show/survey.h"
#include "system/message.h"

int show(const struct show_request *q)
{
	static struct facts facts; /* too large for a careful stack */
	static struct survey s; /* so is this */
	struct root root;
	int code = 0;

	int r = root_init(&root, q->root);
	if (r < 0)
		return fail("%s: %s", q->root, strerror(-r));
	survey_take(&root, &facts, &s);
	if (q->prometheus)
		code = prometheus_write(&s, q->prometheus_file);
	else if (q->report)
		report_redacted(&s);
	else if (q->json)
		summary_json(&s, q->groups);
	else
		summary_text(&s, q->groups);
	if (q->verbose && !q->json && !q->report && !q->prometheus)
		evidence_list_print(&root, &facts);
	survey_free(&s);
	facts_free(&facts);
	root_close(&root);
	return fflush(stdout) == 0 ? code : EXIT_INVALID;
}
