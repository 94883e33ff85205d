/* A survey as lines for people and as JSON; see summary.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "show/summary.h"

#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "show/checks.h"
#include "show/colour.h"
#include "show/firmware.h"
#include "show/groups-list.h"
#include "show/other-kernel.h"
#include "show/recommendation.h"
#include "show/status.h"
#include "verdict/decision.h"
#include "verdict/report.h"

static void put_recommendation(const struct survey *s)
{
	const struct recommendation *r = recommendation_of(s);

	if (!r) {
		fputs(",\n \"recommendation\": null", stdout);
		return;
	}
	printf(",\n \"recommendation\": {\"mode\": \"%s\", \"why\": ", mode_name(r->mode));
	json_string(stdout, r->why);
	fputc('}', stdout);
}

static void put_entries(const struct outlook *o)
{
	printf(",\n \"entries\": {\"match\": %u, \"mismatch\": %u, \"unknown\": %u, \"unchecked\": %u},\n "
	       "\"reboot\": {\"required\": %s, \"safe\": %s}", o->matching, o->mismatching, o->unknown, o->unchecked,
	       o->reboot_required ? "true" : "false", o->reboot_safe ? "true" : "false");
}

/* As the kernel unpacks them: other programs pass over what was laid behind one. */
static void put_images(const struct outlook *o)
{
	fputs(",\n \"images\": [", stdout);
	for (unsigned i = 0; i < o->nimages; i++) {
		const struct outlook_image *image = &o->images[i];
		const char *quote = image->has_target ? "\"" : "", *stop = image->status == 0 ? "\"" : "";

		fputs(i ? ", {\"path\": " : "{\"path\": ", stdout);
		json_string(stdout, image->path);
		printf(", \"mode\": %s%s%s, \"on_mismatch\": %s%s%s}", quote,
		       image->has_target ? mode_name(image->mode) : "null", quote, stop,
		       image->status == 0 ? policy_name(image->policy) : "null", stop);
	}
	fputs("]", stdout);
}

static void print_images(const struct outlook *o)
{
	for (unsigned i = 0; i < o->nimages; i++) {
		const struct outlook_image *image = &o->images[i];

		printf("%-11s %s: ", i ? "" : "images:", image->path);
		if (image->status < 0)
			puts("can't be read");
		else if (image->has_target)
			printf("%s (on-mismatch=%s)\n", mode_name(image->mode), policy_name(image->policy));
		else
			puts("no target");
	}
}

void summary_json(const struct survey *s, const struct show_groups *groups)
{
	struct status status;

	status_take(s, &status);
	report_json(stdout, s->facts, &s->judgement, decide(s->facts, &s->judgement).override, NULL);
	fputs(",\n \"status\": {", stdout);
	status_json(s, &status);
	fputc('}', stdout);
	if (s->next_boot == MODE_UNKNOWN || s->next_boot == MODE_MIXED)
		fputs(",\n \"next_boot\": null", stdout);
	else
		printf(",\n \"next_boot\": \"%s\"", mode_name(s->next_boot));
	printf(",\n \"iommufd\": %s, \"vfio_cdev\": %u,\n ", s->iommufd ? "true" : "false", s->cdevs);
	checks_json(s);
	firmware_json(s);
	put_recommendation(s);
	fputs(",\n \"last_stop\": ", stdout);
	if (s->last_stop[0])
		json_string(stdout, s->last_stop);
	else
		fputs("null", stdout);
	if (s->next.foreseen) {
		put_entries(&s->next);
		put_images(&s->next);
	}
	if (groups) {
		fputs(",\n ", stdout);
		groups_json(s, groups->only);
	}
	puts("}");
}

/* A match of now is no good news where the next boot is none. */
static void put_verdict(const struct survey *s, const struct status *status)
{
	enum verdict verdict = s->judgement.verdict;
	bool bad = status->next_wrong && (verdict == VERDICT_MATCH || status->verdict == VERDICT_MISMATCH) &&
		   (verdict == VERDICT_MATCH || verdict == VERDICT_NO_TARGET);

	printf("%-11s %s%s%s%s", "verdict:", colour(verdict_colour(verdict)), verdict_name(verdict),
	       colour(COLOUR_NONE), s->judgement.transitional ? " (transitional)" : "");
	if (bad)
		printf(" now, but %s%s%s: %s", colour(COLOUR_BAD), status->what, colour(COLOUR_NONE), status->todo);
	putchar('\n');
}

void summary_text(const struct survey *s, const struct show_groups *groups)
{
	const struct facts *f = s->facts;
	const struct evidence *e = &f->evidence;
	struct status status;
	char effective[256];

	status_take(s, &status);
	puts(status.line);
	report_effective(f, effective, sizeof(effective));
	printf("%-11s %s\n", "cmdline:", e->cmdline);
	printf("%-11s %s\n", "mode:", mode_name(cmdline_mode(e->cmdline, e->vendor, e->kernel)));
	printf("%-11s %s\n", "effective:", effective);
	report_outliers(stdout, &e->groups);
	if (groups)
		groups_print(s, groups->only);
	if (e->flush != FLUSH_NONE)
		printf("%-11s %s\n", "flush:", flush_name(e->flush));
	if (f->target_status == 0)
		printf("%-11s %s (on-mismatch=%s)\n", "target:", mode_name(f->target.mode),
		       policy_name(f->target.on_mismatch));
	else
		printf("%-11s %s\n", "target:", f->target_status == -ENOENT ? "none" : "invalid");
	const struct recommendation *advice = recommendation_of(s);
	if (advice)
		printf("%-11s %s: %s\n%-11s -> run 'iommu-install %s'\n", "advice:", mode_name(advice->mode),
		       advice->why, "", mode_name(advice->mode));
	printf("%-11s %s\n", "next boot:", s->needs_root ? "needs root" : mode_name(s->next_boot));
	print_images(&s->next);
	report_modules(stdout, &e->params);
	printf("%-11s %s\n", "iommufd:", s->iommufd ? "yes" : "no");
	printf("%-11s %u\n", "vfio-cdev:", s->cdevs);
	firmware_print(s);
	checks_print(s);
	if (s->last_stop[0])
		printf("%-11s was stopped: %s\n", "last boot:", s->last_stop);
	put_verdict(s, &status);
	report_findings(stdout, &s->judgement);
	other_kernel_print(s->root, &s->last);
}
