/* What a change did or would do, told; see change-report.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "show/change-report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "model/mode.h"
#include "system/message.h"
#include "system/refuse.h"

/* --- For people --------------------------------------------------------------------------------------------------- */

/* Several entries have one kernel. Static text. */
static const char *shown(const struct outcome_entry *e)
{
	static char text[220];
	const char *kernel = e->kernel[0] ? e->kernel : e->id;

	snprintf(text, sizeof(text), "%.70s%s%.130s%s", kernel, e->title ? " (" : "", e->title ? e->title : "",
		 e->title ? ")" : "");
	return text;
}

void change_text(const struct request *q, const struct outcome *o)
{
	if (!o->changed) {
		printf("%s: nothing to change\n", q->command);
		return;
	}
	for (size_t i = 0; i < o->nfiles; i++)
		if (o->files[i].diff)
			fputs(o->files[i].diff, stdout);
	printf("\ncommands%s:\n",
	       o->takes_two ? " (images are written twice, as they have to accept the old mode meanwhile)" : "");
	for (size_t i = 0; i < o->ncommands; i++)
		printf("  %s\n", o->commands[i]);
	for (size_t i = 0; i < o->nimages; i++)
		if (strcmp(o->images[i].how, "kept") != 0)
			printf("  (%s: %s, %s)\n", o->images[i].path, o->images[i].how, o->images[i].why);
	if (o->left)
		printf("\nthe boot loader is left to whoever makes the disk%s%s\n", o->backend->later ? ": " : "",
		       o->backend->later ? o->backend->later : "");
	else if (o->unread)
		printf("\nentries of %s:\n  %s\n", o->backend->location(), o->unread);
	else
		printf("\nentries of %s%s:\n", o->backend->location(),
		       o->nentries && o->entries[0].foreseen ?
			       ", as foreseen (what makes them could not be asked; words can stand elsewhere)" : "");
	for (size_t i = 0; i < o->nentries && !o->left; i++)
		printf("  %s: %s\n", shown(&o->entries[i]),
		       o->entries[i].after ? o->entries[i].after :
		       o->entries[i].gone ? "(its tool makes it no more)" : "(as its tool makes it)");
}

void change_warnings(const struct request *q, const struct outcome *o)
{
	static const char *const acts[] = {
		[POLICY_WARN] = "warn", [POLICY_HALT] = "halt", [POLICY_POWEROFF] = "power off",
		[POLICY_REBOOT] = "restart again and again",
	};

	for (size_t i = 0; refused_not(i) && !q->quiet; i++)
		fprintf(progress(), "--force overrode %s: %s\n", reason_code(refused_not(i)->code),
			refused_not(i)->text ? refused_not(i)->text : "");
	fflush(progress());
	if (o->stop != POLICY_WARN)
		fprintf(stderr, "iommu-install: the next boot would %s: boot entry %s: %s; before you reboot, mend "
			"that, or run 'iommu-install %s --on-mismatch=warn'\n", acts[o->stop], o->stop_entry,
			o->stop_why,
			mode_name(o->after.mode));
}

/* --- JSON --------------------------------------------------------------------------------------------------------- */

static const char *const results[] = {
	[RESULT_UNCHANGED] = "unchanged",     [RESULT_DONE] = "done",	  [RESULT_REFUSED] = "refused",
	[RESULT_FAILED] = "failed",	      [RESULT_INTERRUPTED] = "interrupted", [RESULT_UNKNOWN] = "unknown",
};

static void text_or_null(const char *key, const char *text)
{
	printf("\"%s\": ", key);
	if (text)
		json_string(stdout, text);
	else
		fputs("null", stdout);
}

static const char *truth(bool b)
{
	return b ? "true" : "false";
}

static void put_target(const char *key, bool there, const struct target *target)
{
	if (there)
		printf("\"%s\": {\"mode\": \"%s\", \"on_mismatch\": \"%s\"}", key, mode_name(target->mode),
		       policy_name(target->on_mismatch));
	else
		printf("\"%s\": null", key);
}

static void put_files(const struct outcome *o)
{
	fputs(",\n \"files\": [", stdout);
	for (size_t i = 0; i < o->nfiles; i++) {
		const struct outcome_file *f = &o->files[i];
		const char *action = f->made ? "regenerate" : !f->before ? "create" : f->after ? "write" : "remove";

		fputs(i ? ",\n  {" : "\n  {", stdout);
		text_or_null("path", f->path);
		printf(", \"action\": \"%s\", ", action);
		text_or_null("diff", f->diff);
		fputc('}', stdout);
	}
	fputs("]", stdout);
}

static void put_images(const struct outcome *o)
{
	fputs(",\n \"images\": [", stdout);
	for (size_t i = 0; i < o->nimages; i++) {
		fputs(i ? ",\n  {" : "\n  {", stdout);
		text_or_null("path", o->images[i].path);
		fputs(", ", stdout);
		text_or_null("kernel", o->images[i].kernel);
		printf(", \"how\": \"%s\", ", o->images[i].how);
		text_or_null("why", o->images[i].why[0] ? o->images[i].why : NULL);
		fputc('}', stdout);
	}
	fputs("]", stdout);
}

static void put_entries(const struct outcome *o)
{
	fputs(",\n \"entries\": [", stdout);
	for (size_t i = 0; i < o->nentries; i++) {
		const struct outcome_entry *e = &o->entries[i];

		fputs(i ? ",\n  {" : "\n  {", stdout);
		text_or_null("id", e->id);
		fputs(", ", stdout);
		text_or_null("title", e->title);
		printf(", \"default\": %s, ",
		       e->by_default == PRESENCE_UNKNOWN ? "null" : truth(e->by_default == PRESENCE_YES));
		text_or_null("kernel", e->kernel);
		fputs(", ", stdout);
		text_or_null("before", e->before);
		fputs(", ", stdout);
		text_or_null("after", e->after);
		fputs(e->foreseen ? ", \"foreseen\": true}" : "}", stdout);
	}
	fputs("]", stdout);
}

static void put_notices(const struct notices *n)
{
	fputs(", \"notices\": [", stdout);
	for (size_t i = 0; i < n->count; i++) {
		printf("%s{\"code\": \"%s\", ", i ? ",\n  " : "", n->list[i].code);
		text_or_null("message", n->list[i].message);
		fputs(", ", stdout);
		text_or_null("hint", n->list[i].hint);
		fputc('}', stdout);
	}
	fputc(']', stdout);
}

static void put_refusal(enum result result)
{
	const struct refusal *r = result == RESULT_REFUSED ? refused() : NULL;

	if (!r) {
		fputs("\"refusal\": null", stdout);
		return;
	}
	printf("\"refusal\": {\"code\": \"%s\", ", reason_code(r->code));
	text_or_null("message", r->text ? r->text : "");
	fputs(", ", stdout);
	text_or_null("hint", refusal_hint(r->code)[0] ? refusal_hint(r->code) : NULL);
	fputc('}', stdout);
}

static void put_head(const char *command, bool dry_run, enum result result, bool changed)
{
	fputs("{\"schema\": 1, ", stdout);
	text_or_null("command", command);
	printf(", \"dry_run\": %s, \"result\": \"%s\", \"changed\": %s,\n ", truth(dry_run), results[result],
	       truth(changed));
}

void change_json(const struct request *q, const struct outcome *o, enum result result)
{
	static const struct outcome nothing;
	/* What is undone, or was never begun, has changed nothing. */
	bool none = result == RESULT_REFUSED || result == RESULT_FAILED;
	const struct outcome *lists = none ? &nothing : o;
	const char *sep = "";

	put_head(q->command, q->dry_run, result, lists->changed);
	put_refusal(result);
	fputs(", ", stdout);
	text_or_null("error", result == RESULT_FAILED || result == RESULT_INTERRUPTED ? fail_first() : NULL);
	fputs(", \"overridden\": [", stdout);
	for (size_t i = 0; refused_not(i); i++, sep = ", ")
		printf("%s\"%s\"", sep, reason_code(refused_not(i)->code));
	fputs("]", stdout);
	put_notices(&lists->notices);
	fputs(",\n ", stdout);
	put_target("before", o->had_target, &o->before);
	fputs(", ", stdout);
	put_target("after", none ? o->had_target : o->has_target, none ? &o->before : &o->after);
	put_files(lists);
	put_images(lists);
	put_entries(lists);
	fputs(",\n \"commands\": [", stdout);
	for (size_t i = 0; i < lists->ncommands; i++) {
		fputs(i ? ", " : "", stdout);
		json_string(stdout, lists->commands[i]);
	}
	fputs("], ", stdout);
	text_or_null("backend", o->backend ? o->backend->name : NULL);
	fputs(", ", stdout);
	text_or_null("generator", o->generator ? o->generator->name : NULL);
	printf(",\n \"reboot\": {\"required\": %s, \"safe\": %s}, \"resume\": %s}\n", truth(o->reboot_required),
	       truth(o->reboot_safe), truth(result == RESULT_INTERRUPTED));
}

void change_json_failed(const char *command, const char *why)
{
	put_head(command, false, RESULT_FAILED, false);
	fputs("\"refusal\": null, ", stdout);
	text_or_null("error", why);
	fputs(", \"overridden\": [], \"notices\": [], \"before\": null, \"after\": null,\n \"files\": [], "
	      "\"images\": [], \"entries\": [], \"commands\": [], \"backend\": null, \"generator\": null,\n "
	      "\"reboot\": {\"required\": false, \"safe\": false}, \"resume\": false}\n", stdout);
}
