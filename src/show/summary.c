/* A survey as lines for people and as JSON; see summary.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "show/summary.h"

#include <errno.h>
#include <stdio.h>

#include "show/checks.h"
#include "show/colour.h"
#include "show/groups-list.h"
#include "verdict/decision.h"
#include "verdict/report.h"

void summary_json(const struct survey *s, bool groups)
{
	report_json(stdout, s->facts, &s->judgement, decide(s->facts, &s->judgement).override, NULL);
	if (s->next_boot == MODE_UNKNOWN)
		fputs(",\n \"next_boot\": null", stdout);
	else
		printf(",\n \"next_boot\": \"%s\"", mode_name(s->next_boot));
	printf(",\n \"iommufd\": %s, \"vfio_cdev\": %u,\n ", s->iommufd ? "true" : "false", s->cdevs);
	checks_json(s);
	if (s->foreseen)
		printf(",\n \"entries\": {\"match\": %u, \"mismatch\": %u, \"unknown\": %u, \"unchecked\": %u},\n "
		       "\"reboot\": {\"required\": %s, \"safe\": %s}", s->matching, s->mismatching, s->unknown,
		       s->unchecked, s->reboot_required ? "true" : "false", s->reboot_safe ? "true" : "false");
	if (groups) {
		fputs(",\n ", stdout);
		groups_json(s);
	}
	puts("}");
}

void summary_text(const struct survey *s, bool groups)
{
	const struct facts *f = s->facts;
	const struct evidence *e = &f->evidence;
	char effective[256];

	report_effective(e, effective, sizeof(effective));
	printf("%-11s %s\n", "cmdline:", e->cmdline);
	printf("%-11s %s\n", "mode:", mode_name(cmdline_mode(e->cmdline, e->vendor, e->kernel)));
	printf("%-11s %s\n", "effective:", effective);
	report_outliers(stdout, &e->groups);
	if (groups)
		groups_print(s, false);
	if (e->flush != FLUSH_NONE)
		printf("%-11s %s\n", "flush:", flush_name(e->flush));
	if (f->target_status == 0)
		printf("%-11s %s (on-mismatch=%s)\n", "target:", mode_name(f->target.mode),
		       policy_name(f->target.on_mismatch));
	else
		printf("%-11s %s\n", "target:", f->target_status == -ENOENT ? "none" : "invalid");
	printf("%-11s %s\n", "next boot:", s->needs_root ? "needs root" : mode_name(s->next_boot));
	report_modules(stdout, &e->params);
	printf("%-11s %s\n", "iommufd:", s->iommufd ? "yes" : "no");
	printf("%-11s %u\n", "vfio-cdev:", s->cdevs);
	checks_print(s);
	printf("%-11s %s%s%s%s\n", "verdict:", colour(verdict_colour(s->judgement.verdict)),
	       verdict_name(s->judgement.verdict), colour(COLOUR_NONE),
	       s->judgement.transitional ? " (transitional)" : "");
	report_findings(stdout, &s->judgement);
}
