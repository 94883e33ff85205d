/* What the machine is, wants and will be; see show.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "command/show.h"

#include <stdio.h>
#include <string.h>

#include "show/evidence-list.h"
#include "show/passthrough.h"
#include "show/public-report.h"
#include "show/summary.h"
#include "show/survey.h"
#include "system/message.h"

/* The device that was asked for. Returns 0 or an exit code. */
static int choose(const struct survey *s, const char *text, char address[32])
{
	if (!pci_address(text, address))
		return fail("--groups=%s: that is no PCI address; it looks like 0000:3b:00.0 or 3b:00.0", text);
	if (!pci_device_there(s, address))
		return fail("--groups=%s: there is no such device; 'iommu-install show --groups' lists them all", text);
	return 0;
}

/* Returns an exit code. */
static int print(const struct survey *s, const struct show_request *q)
{
	struct show_groups groups = { 0 }, *shown = q->groups ? &groups : NULL;
	char address[32];

	if (q->device && choose(s, q->device, address))
		return EXIT_INVALID;
	groups.only = q->device ? address : NULL;
	if (q->feed)
		return feed_write(s, q->feed, q->feed_file);
	if (q->report)
		report_redacted(s);
	else if (q->json)
		summary_json(s, shown);
	else
		summary_text(s, shown);
	return 0;
}

int show(const struct show_request *q)
{
	static struct facts facts; /* too large for a careful stack */
	static struct survey s; /* so is this */
	struct root root;

	int r = root_init(&root, q->root);
	if (r < 0)
		return fail("%s: %s", q->root, strerror(-r));
	survey_take(&root, &facts, &s);
	int code = print(&s, q);
	if (code == 0 && q->verbose && !q->json && !q->report && !q->feed)
		evidence_list_print(&root, &facts);
	survey_free(&s);
	facts_free(&facts);
	root_close(&root);
	return fflush(stdout) == 0 ? code : EXIT_INVALID;
}
