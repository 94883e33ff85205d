/* Will the next boot be as it should? See check.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "colour.h"
#include "entries.h"
#include "facts.h"
#include "journal.h"
#include "nagios.h"
#include "refuse.h"
#include "report.h"
#include "tree.h"

/* What feeds an entry's line. */
static const char *layer_of(const struct backend *backend, const struct entry *e)
{
	return backend->layer && access(backend->layer, F_OK) == 0 ? backend->layer : e->id;
}

/* The worst of the counted ones: one that would mismatch, then one that can't be told. */
static enum verdict overall(const struct entries *entries, bool target_there)
{
	bool unknown = false, checked = false;

	for (size_t i = 0; i < entries->count; i++) {
		const struct entry *e = &entries->list[i];
		if (!e->counted)
			continue;
		if (e->verdict == VERDICT_MISMATCH)
			return VERDICT_MISMATCH;
		unknown = unknown || e->verdict == VERDICT_UNKNOWN;
		checked = checked || e->hook != HOOK_NONE;
	}
	if (unknown)
		return VERDICT_UNKNOWN;
	return target_there || checked ? VERDICT_MATCH : VERDICT_NO_TARGET;
}

static void print_json(const struct entries *entries, enum verdict verdict)
{
	printf("{\"schema\": 1, \"verdict\": \"%s\", \"entries\": [", verdict_name(verdict));
	for (size_t i = 0; i < entries->count; i++) {
		const struct entry *e = &entries->list[i];
		const struct {
			const char *key, *value;
		} texts[] = { { "id", e->id }, { "kernel", e->kernel }, { "cmdline", e->words }, { "mode", mode_name(e->mode) } };

		printf("%s\n  {", i ? "," : "");
		for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++) {
			printf("\"%s\": ", texts[t].key);
			report_string(stdout, texts[t].value);
			fputs(", ", stdout);
		}
		fputs("\"image\": ", stdout);
		if (e->image[0])
			report_string(stdout, e->image);
		else
			fputs("null", stdout);
		printf(", \"hook\": %s, \"target\": ", e->hook == HOOK_NONE ? "false" : "true");
		if (e->image[0] && e->target_status == 0 && e->status == 0)
			printf("\"%s\"", mode_name(e->target.mode));
		else
			fputs("null", stdout);
		printf(", \"verdict\": \"%s\", \"counted\": %s}", verdict_name(e->verdict), e->counted ? "true" : "false");
	}
	puts("]}");
}

static void print_text(const struct backend *backend, const struct entries *entries, const struct target *wanted, bool verbose)
{
	for (size_t i = 0; i < entries->count; i++) {
		const struct entry *e = &entries->list[i];
		bool has_target = e->image[0] && e->status == 0 && e->target_status == 0;

		printf("%s%-9s%s kernel %s%s, %s by its line (%s)\n", e->counted ? colour(verdict_colour(e->verdict)) : "",
		       e->counted ? verdict_name(e->verdict) : "-", e->counted ? colour(COLOUR_NONE) : "", e->kernel,
		       e->xen ? " under Xen" : "", mode_name(e->mode), e->counted ? layer_of(backend, e) : "not counted");
		printf("%-9s image %s: target %s%s%s, %s\n", "", e->image[0] ? e->image : "none",
		       has_target ? mode_name(e->target.mode) : "none", has_target && e->target.accept ? " and others for now" : "",
		       has_target && wanted && e->target.mode != wanted->mode ? " (" TARGET_PATH " says something else)" : "",
		       e->hook == HOOK_NONE ? "no check" : e->hook == HOOK_STOPS ? "a check that stops" : "a check that warns");
		if (e->counted && e->why)
			printf("%-9s %s\n", "", e->why);
		if (verbose)
			printf("%-9s %s: %s\n", "", e->id, e->words);
	}
}

/* Nothing could be read: code is what check returns. */
static int cannot_tell(enum check_output output, int code, const char *why)
{
	if (output == CHECK_NAGIOS)
		return nagios_unknown(why);
	fail("%s", why);
	return code;
}

static int cannot_read(enum check_output output, int r, const char *why)
{
	char text[400];

	snprintf(text, sizeof(text), "%s%s", why ? why : strerror(-r), r == -EACCES ? "; it needs root to read it" : "");
	return cannot_tell(output, r == -EACCES ? EXIT_UNKNOWN : EXIT_INVALID, text);
}

static int check_entered(const struct request *q, const struct facts *now, const struct root *root, enum check_output output)
{
	struct target_error error;
	struct entries entries;
	struct target wanted;
	struct journal j;
	char *why = NULL;
	bool open = false;

	const struct backend *backend = backend_guess(true, now);
	if (!backend)
		return cannot_tell(output, EXIT_UNKNOWN, "no boot loader that is known here");
	int target = target_read(root, TARGET_PATH, &wanted, &error);
	int r = entries_read(backend, NULL, now ? &now->evidence : NULL, target != -ENOENT, &entries, &why);
	int code = r < 0 ? cannot_read(output, r, why) : 0;
	free(why);
	if (r < 0)
		return code;
	open = journal_read(&j, &open) == 0 && open;
	enum verdict verdict = overall(&entries, target != -ENOENT);
	if (output == CHECK_NAGIOS)
		code = nagios(now, &entries, target == 0 ? &wanted : NULL, open);
	else if (output == CHECK_JSON)
		print_json(&entries, verdict);
	else if (!q->quiet)
		print_text(backend, &entries, target == 0 ? &wanted : NULL, q->verbose);
	entries_free(&entries);
	if (open && output != CHECK_NAGIOS)
		fprintf(stderr, "iommu-install: a change to %s is not finished; run 'iommu-install resume'\n", j.command);
	if (fflush(stdout) != 0)
		return EXIT_INVALID;
	if (output == CHECK_NAGIOS)
		return code;
	return verdict == VERDICT_MATCH ? EXIT_MATCH : verdict == VERDICT_MISMATCH ? EXIT_MISMATCH :
	       verdict == VERDICT_UNKNOWN ? EXIT_UNKNOWN : EXIT_NO_TARGET;
}

int check(const struct request *q, enum check_output output)
{
	static struct facts facts; /* too large for a careful stack */
	bool live = strcmp(q->root, "/") == 0, device;
	struct root root;

	if (!live && tree_enter(q->root, &device) < 0)
		return output == CHECK_NAGIOS ? nagios_unknown("the tree can't be entered") : EXIT_INVALID;
	int r = root_init(&root, "/");
	if (r < 0)
		return cannot_tell(output, EXIT_INVALID, strerror(-r));
	if (live)
		facts_collect(&root, NULL, PHASE_LATE, &facts);
	int code = check_entered(q, live ? &facts : NULL, &root, output);
	if (live)
		facts_free(&facts);
	root_close(&root);
	return code;
}
