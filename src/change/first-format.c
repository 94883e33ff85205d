/* What the first format of the journal does not say; see first-format.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "change/first-format.h"

#include <stdlib.h>
#include <string.h>

#include "model/target.h"
#include "system/files.h"

static bool parse(const char *text, struct target *target)
{
	struct error error;
	char *copy = text ? strdup(text) : NULL;
	bool valid = copy && target_parse(copy, strlen(copy), target, &error) == 0;

	free(copy);
	return valid;
}

/* Whether 0.1.0 has written that text between the two: it left no comment in it, so an edit is seen. It also warned
 * where the mode then could not be told; who can't tell that now has an edit before him, which is the safe side. */
static bool is_transitional(const char *now, const char *before_text, const char *after_text)
{
	struct target here, before, made;
	char text[TARGET_MAX + 1];

	if (!parse(now, &here) || !parse(after_text, &made))
		return false;
	bool had_one = parse(before_text, &before);

	made.accept = here.accept;
	enum policy wanted = made.on_mismatch;
	if (!had_one || before.on_mismatch == POLICY_WARN)
		made.on_mismatch = POLICY_WARN;
	if (made.on_mismatch != wanted)
		made.delay = policy_delay(made.on_mismatch);
	if (!had_one || before.flush != made.flush)
		made.flush = FLUSH_ANY;
	made.allow_unsafe_interrupts = made.allow_unsafe_interrupts || (had_one && before.allow_unsafe_interrupts);
	return target_format(&made, text, sizeof(text)) >= 0 && strcmp(text, now) == 0;
}

void first_format_know(struct edits *edits)
{
	for (size_t i = 0; i < edits->count; i++) {
		struct edit *e = &edits->list[i];
		if (e->role != ROLE_TARGET || e->put)
			continue;
		char *now = file_read(e->path, NULL); /* what can't be read is told by whoever writes it */
		if (now && !edit_knows(e, now) && is_transitional(now, e->before, e->after))
			e->put = now;
		else
			free(now);
	}
}
