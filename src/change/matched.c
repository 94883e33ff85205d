/* The kernel of the last match; see matched.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "change/matched.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/keyval.h"
#include "base/paths.h"
#include "bootloader/cmdline-edit.h"
#include "system/files.h"
#include "verdict/verdict.h"

#define RECORD STATE_DIR "/matched"

/* The parameters of a line that set mode or flush policy. Returns a new string, or NULL without memory. */
static char *words_of(const char *line)
{
	char *words = NULL;

	free(words_apply(line, "", true, &words));
	return words;
}

/* Whether the machine is as it is wanted, by the target that is there now. */
static bool matches(const struct facts *now)
{
	static struct judgement judgement; /* too large for a careful stack */

	judge(now, &judgement);
	return judgement.verdict == VERDICT_MATCH && now->target.mode == now->evidence.effective;
}

void matched_note(const struct facts *now)
{
	const struct evidence *e = &now->evidence;
	struct stat st;
	char *text;

	if (lstat(STATE_DIR, &st) < 0 || lstat(TARGET_PATH, &st) < 0 || !matches(now))
		return;
	char *words = words_of(e->cmdline);
	int len = words ? asprintf(&text, "kernel=%s\nmode=%s\nwords=%s\n", e->release, mode_name(e->effective), words)
			: -1;
	free(words);
	if (len < 0)
		return;
	int r = file_put(RECORD, text, (size_t)len, 0600);
	if (r < 0)
		fprintf(stderr, "iommu-install: " RECORD ": %s\n", strerror(-r));
	free(text);
}

struct matched matched_elsewhere(const struct root *root, enum mode mode, const char *line, const char *kernel)
{
	static const struct matched none;
	struct matched m = { .mode = MODE_UNKNOWN };
	char text[CMDLINE_MAX + 128];
	struct keyval kv;
	bool same = false;

	if (root_read(root, RECORD, text, sizeof(text)) < 0)
		return none;
	char *words = words_of(line);
	keyval_init(&kv, text);
	while (words && keyval_next(&kv)) {
		if (kv.value && strcmp(kv.key, "kernel") == 0)
			snprintf(m.kernel, sizeof(m.kernel), "%s", kv.value);
		else if (kv.value && strcmp(kv.key, "mode") == 0)
			mode_parse(kv.value, &m.mode);
		else if (kv.value && strcmp(kv.key, "words") == 0)
			same = strcmp(kv.value, words) == 0;
	}
	free(words);
	snprintf(m.here, sizeof(m.here), "%s", kernel);
	return same && m.mode == mode && strcmp(m.kernel, m.here) != 0 ? m : none;
}
