/* What somebody else does to the files of a change; see others.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "change/others.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "change/plan.h"
#include "change/steps.h"
#include "system/boot-count.h"
#include "system/files.h"
#include "system/message.h"

bool others_hold(const struct edits *edits, size_t number)
{
	const struct edit *e = &edits->list[number];
	char *now;

	if (e->role == ROLE_MADE)
		return access(e->path, F_OK) == 0 && !journal_holds(BEFORE, edits, number) &&
		       !journal_holds(AFTER, edits, number) && !journal_holds(PUT, edits, number);
	if (edit_now(e, &now) < 0)
		return true;
	bool known = edit_knows(e, now);
	free(now);
	return !known;
}

/* --- Names -------------------------------------------------------------------------------------------------------- */

bool others_follow(struct edits *edits)
{
	char path[PATH_MAX];
	bool any = false;

	for (size_t i = 0; i < edits->count; i++) {
		struct edit *e = &edits->list[i];
		if (e->role != ROLE_ENTRY || strlen(e->path) >= sizeof(path))
			continue;
		strcpy(path, e->path);
		char *name = boot_count_follow(path, sizeof(path)) ? strdup(path) : NULL;
		if (!name)
			continue;
		free(e->path);
		e->path = name;
		any = true;
	}
	return any;
}

/* --- Texts -------------------------------------------------------------------------------------------------------- */

/* The keys that somebody can have changed. Not accept, which is ours alone. */
#define KEYS(DO) \
	DO(mode) DO(on_mismatch) DO(late_same) DO(flush) DO(remapped) DO(translated) DO(allow_unsafe_interrupts) \
	DO(allow_override) DO(delay)

static unsigned differences(const struct target *a, const struct target *b)
{
	unsigned n = 0;

#define COUNT(key) n += a->key != b->key;
	KEYS(COUNT)
	return n;
}

/* What somebody has edited: of the texts that this change knows the one that is nearest. False: none is a target. */
static bool find_base(const struct edit *e, const struct target *theirs, struct target *base)
{
	const char *const texts[] = { e->put, e->after, e->before };
	unsigned least = UINT_MAX;
	struct target one;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!step_parse_target(texts[i], &one) || differences(&one, theirs) >= least)
			continue;
		least = differences(&one, theirs);
		*base = one;
	}
	return least < UINT_MAX && base->mode == theirs->mode;
}

/* The target's text ours with what somebody has changed since in the edit's file, which holds now: owned, NULL where
 * that is no target, or another mode. */
static char *merge_target(const struct edit *e, const char *now, const char *ours_text)
{
	struct target base, theirs, ours;
	struct error error;
	char text[TARGET_MAX + 1];

	if (!step_parse_target(now, &theirs) || !step_parse_target(ours_text, &ours) || !find_base(e, &theirs, &base))
		return NULL;
	theirs.mode = base.mode = ours.mode;
#define TAKE(key) ours.key = theirs.key != base.key ? theirs.key : ours.key;
	KEYS(TAKE)
	if (ours.delay == policy_delay(base.on_mismatch))
		ours.delay = policy_delay(ours.on_mismatch);
	target_rewrite(now, &ours, text);
	char *made = strdup(text);
	/* It has to be one by its own rules too. */
	if (!made || target_parse(text, strlen(text), &ours, &error) == 0)
		return made;
	free(made);
	return NULL;
}

/* What the target is to be, and was. Returns as others_take_in(). */
static int take_target(struct transaction *t, size_t i)
{
	struct edit *e = &t->edits.list[i];
	char *now;

	if (edit_now(e, &now) < 0)
		return -1;
	if (edit_knows(e, now)) {
		free(now);
		return 0;
	}
	/* A change that takes the target out takes that one. */
	char *after = e->after ? merge_target(e, now, e->after) : NULL;
	char *before = merge_target(e, now, e->before);
	int r = e->after && !after ? 1 : 0;
	if (r == 0)
		r = step_told("the journal", journal_keep_text(AFTER, i, after));
	if (r == 0 && before)
		r = step_told("the journal", journal_keep_text(BEFORE, i, before));
	/* What is there is known from now on. */
	if (r == 0)
		r = step_told("the journal", journal_keep_text(PUT, i, now));
	if (r) {
		free(now);
		free(after);
		free(before);
		t->other = r > 0 ? e->path : NULL;
		return r;
	}
	free(e->put);
	e->put = now;
	free(e->after);
	e->after = after;
	if (before) {
		free(e->before);
		e->before = before;
	}
	return 0;
}

int others_put_back_target(const struct edits *edits, size_t number)
{
	const struct edit *e = &edits->list[number];
	char *now;

	if (edit_now(e, &now) < 0)
		return -1;
	char *text = merge_target(e, now, e->before);
	int r = text ? edit_put(e->path, text) : 0;
	bool back = text;
	free(text);
	free(now);
	return r < 0 ? -1 : back ? 0 : 1;
}

/* What it is to be is written down before what it was: cut short in between it is somebody else's still. */
static int keep(struct transaction *t, size_t i, struct edit *fresh)
{
	struct edit *e = &t->edits.list[i];

	if (step_told("the journal", journal_keep_text(AFTER, i, fresh->after)) < 0 ||
	    step_told("the journal", journal_keep_file(BEFORE, &t->edits, i)) < 0)
		return -1;
	free(e->before);
	free(e->after);
	e->before = fresh->before;
	e->after = fresh->after;
	fresh->before = fresh->after = NULL;
	return 0;
}

static struct edit *find(const struct edits *edits, const char *path)
{
	for (size_t i = 0; i < edits->count; i++)
		if (strcmp(edits->list[i].path, path) == 0)
			return &edits->list[i];
	return NULL;
}

/* One that is not planned any more: an entry that is gone, or one that nobody can tell what to make of. */
static int drop(struct transaction *t, size_t i)
{
	struct edit *e = &t->edits.list[i], none = { 0 };

	if (e->role == ROLE_ENTRY && access(e->path, F_OK) < 0)
		return keep(t, i, &none);
	t->other = e->path;
	return 1;
}

static int take(struct transaction *t, size_t i, const struct edits *fresh)
{
	struct edit *e = &t->edits.list[i], *planned = find(fresh, e->path);

	if (e->role == ROLE_TARGET || e->role == ROLE_MADE)
		return 0;
	if (!others_hold(&t->edits, i)) {
		/* What images are made by follows the target, which may be another one. */
		if (e->role != ROLE_IMAGES || !planned || same_text(e->after, planned->after))
			return 0;
		char *after = planned->after;
		if (step_told("the journal", journal_keep_text(AFTER, i, after)) < 0)
			return -1;
		planned->after = e->after;
		e->after = after;
		return 0;
	}
	return planned ? keep(t, i, planned) : drop(t, i);
}

/* Files that the change did not have: entries that somebody has added. */
static int add_new(struct transaction *t, struct edits *fresh)
{
	for (size_t i = 0; i < fresh->count; i++) {
		struct edit *f = &fresh->list[i];
		if (find(&t->edits, f->path))
			continue;
		size_t number = t->edits.count;
		if (edits_take(&t->edits, f->role, f->path, NULL, NULL) < 0)
			return no_memory();
		if (f->role != ROLE_MADE && keep(t, number, f) < 0)
			return -1;
	}
	return step_told("the journal", journal_update(&t->journal, &t->edits));
}

/* As the command has planned it, of what is there now. */
static int plan_again(struct transaction *t, struct edits *fresh)
{
	const struct journal *j = &t->journal;
	const char *text = edits_target(&t->edits, true);
	const struct mode_words wish = { .mode = j->command, .words = text ? j->words : NULL, .flush = j->flush,
					 .images = t->generator != NULL };
	struct target target = { .on_mismatch = POLICY_WARN };

	step_parse_target(text, &target);
	snapshot_free(t->snapshot);
	int code = plan_edits(text, t->generator, target.on_mismatch != POLICY_WARN, fresh);
	if (code)
		return -1;
	fail_mute(t->gone);
	code = t->backend->edit(&wish, t->snapshot, fresh);
	fail_mute(false);
	return code < 0 && !t->gone ? -1 : 0;
}

int others_take_in(struct transaction *t)
{
	struct edits fresh = { 0 };
	int r = 0;

	t->other = NULL;
	/* An entry of another name is no other entry. */
	if (others_follow(&t->edits))
		r = step_told("the journal", journal_update(&t->journal, &t->edits));
	for (size_t i = 0; r == 0 && i < t->edits.count; i++)
		if (t->edits.list[i].role == ROLE_TARGET)
			r = take_target(t, i);
	/* What a rollback brings back is texts: nothing says what they are with an edit in them. */
	bool texts = strcmp(t->journal.command, "rollback") == 0;
	for (size_t i = 0; r == 0 && texts && i < t->edits.count; i++)
		if (t->edits.list[i].role != ROLE_MADE && others_hold(&t->edits, i))
			r = drop(t, i);
	if (r || texts)
		return r;
	r = plan_again(t, &fresh);
	for (size_t i = 0; r == 0 && i < t->edits.count; i++)
		r = take(t, i, &fresh);
	if (r == 0)
		r = add_new(t, &fresh);
	edits_free(&fresh);
	return r;
}
