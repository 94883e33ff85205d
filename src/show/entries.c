/* Boot entries and what they will come to; see entries.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "show/entries.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "bootloader/cmdline-edit.h"
#include "bootloader/grub-default.h"
#include "system/files.h"
#include "show/colour.h"
#include "show/other-kernel.h"

/* Whether the words of ours that are configured are those that the entry has: else somebody else wrote it. */
static bool by_config(const char *path, const struct prediction *e)
{
	char *text = file_read(path, NULL), words[256];
	bool flush = false, ours = grub_text_words(text, words, sizeof(words), &flush);

	free(text);
	return !ours || words_right(e->words, words, flush);
}

/* What feeds an entry's line. */
static const char *layer_of(const struct backend *backend, const struct prediction *e)
{
	if (e->fed_by)
		return e->fed_by;
	bool config = backend->config_file && access(backend->config_file, F_OK) == 0;
	return config && by_config(backend->config_file, e) ? backend->config_file : e->id;
}

/* What to do about it; static text, NULL: nothing. */
static const char *hint_of(const struct prediction *e, const struct target *wanted)
{
	static char hint[64];

	if (!e->counted || !e->why || e->verdict == VERDICT_NO_TARGET)
		return NULL;
	if (e->mend)
		return e->mend;
	snprintf(hint, sizeof(hint), "run 'iommu-install %s'", wanted ? mode_name(wanted->mode) : "MODE");
	return hint;
}

void predictions_json(const struct predictions *entries, const struct target *wanted, enum verdict verdict,
		      const struct root *root, const struct matched *last)
{
	printf("{\"schema\": 1, \"verdict\": \"%s\", \"entries\": [", verdict_name(verdict));
	for (size_t i = 0; i < entries->count; i++) {
		const struct prediction *e = &entries->list[i];
		const struct {
			const char *key, *value;
		} texts[] = { { "id", e->id }, { "title", e->title[0] ? e->title : NULL }, { "kernel", e->kernel },
			      { "cmdline", e->words }, { "mode", mode_name(e->mode) },
			      { "image", e->image[0] ? e->image : NULL }, { "why", e->why },
			      { "hint", hint_of(e, wanted) } };

		printf("%s\n  {", i ? "," : "");
		for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++) {
			printf("\"%s\": ", texts[t].key);
			if (texts[t].value)
				json_string(stdout, texts[t].value);
			else
				fputs("null", stdout);
			fputs(", ", stdout);
		}
		printf("\"default\": %s, \"hook\": %s, \"would_stop\": %s, \"target\": ",
		       e->by_default == PRESENCE_UNKNOWN ? "null" : e->by_default == PRESENCE_YES ? "true" : "false",
		       e->hook == HOOK_NONE ? "false" : "true", prediction_stops(e) ? "true" : "false");
		if (e->image[0] && e->target_status == 0 && e->status == 0)
			printf("\"%s\"", mode_name(e->target.mode));
		else
			fputs("null", stdout);
		printf(", \"verdict\": \"%s\", \"counted\": %s}", verdict_name(e->verdict),
		       e->counted ? "true" : "false");
	}
	fputs("],\n  ", stdout);
	other_kernel_json(root, last);
	puts("}");
}

void predictions_text(const struct backend *backend, const struct predictions *entries, const struct target *wanted,
		  bool verbose)
{
	for (size_t i = 0; i < entries->count; i++) {
		const struct prediction *e = &entries->list[i];
		bool has_target = e->image[0] && e->status == 0 && e->target_status == 0;

		printf("%s%-9s%s kernel %s%s, %s by its kernel parameters (%s)\n",
		       e->counted ? colour(verdict_colour(e->verdict)) : "",
		       e->counted ? verdict_name(e->verdict) : "-", e->counted ? colour(COLOUR_NONE) : "",
		       e->kernel, e->xen ? " under Xen" : "", mode_name(e->mode),
		       e->counted ? layer_of(backend, e) : "not counted");
		if (e->title[0] || e->by_default == PRESENCE_YES)
			printf("%-9s %s%s%s\n", "", e->title, e->title[0] && e->by_default == PRESENCE_YES ? ", " : "",
			       e->by_default == PRESENCE_YES ? "the default" : "");
		printf("%-9s initramfs %s: wants %s%s%s, %s\n", "", e->image[0] ? e->image : "none",
		       has_target ? mode_name(e->target.mode) : "none",
		       has_target && e->target.accept ? " or the old mode for now" : "",
		       has_target && wanted && e->target.mode != wanted->mode ?
			       " (not what " TARGET_PATH " says)" : "",
		       e->hook == HOOK_NONE ? "no check in the boot" :
		       e->hook == HOOK_STOPS ? "stops the boot on a mismatch" : "warns on a mismatch");
		if (e->why && (e->counted || e->fixed || e->unchecked))
			printf("%-9s %s%s%s\n", "", e->why, e->mend ? ": " : "", e->mend ? e->mend : "");
		if (verbose)
			printf("%-9s %s: %s\n%-9s %s: %s\n", "", e->id, e->words, "",
			       e->counted ? "counted" : "not counted", e->counted ? e->whose : e->why);
	}
}
