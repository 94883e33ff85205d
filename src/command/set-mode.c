/* Setting a mode; see set-mode.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "command/set-mode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bootloader/backend.h"
#include "bootloader/cmdline-edit.h"
#include "change/arch.h"
#include "change/build-time.h"
#include "change/emit.h"
#include "change/notices.h"
#include "change/outcome.h"
#include "change/plan.h"
#include "change/steps.h"
#include "change/preflight.h"
#include "change/transaction.h"
#include "change/unchanged.h"
#include "command/machine.h"
#include "command/resume.h"
#include "system/message.h"

static void announce(const struct plan *p, const struct transaction *t)
{
	const char *mode = mode_name(p->target.mode);

	if (!p->loader)
		machine_say(p->request, "mode %s is set, and read back from %s; its kernel parameters are left to "
			    "whoever makes the disk%s%s\n", mode, p->generator ? "every initramfs" : TARGET_PATH,
			    p->backend->later ? ": " : "", p->backend->later ? p->backend->later : "");
	else
		machine_say(p->request, "mode %s is set, and read back from %s%s; it takes effect at the next "
					"boot\n",
			    mode, p->backend->location(), p->generator ? " and every initramfs" : "");
	if (t->journal.progress == PROGRESS_BOOT)
		machine_say(p->request, "the old mode is accepted too until the machine has booted in the new one; "
			    "'iommu-install resume' then ends that\n");
}

/* Notes what a rollback has to put back where entries are no text that could be kept. */
static void note_words(const struct boot_entries *entries, struct journal *j)
{
	bool any = false;

	for (size_t i = 0; i < entries->count; i++) {
		char *words = NULL;

		if (!entries->list[i].own)
			continue;
		free(words_apply(entries->list[i].words, "", true, &words));
		j->had_known = words && (any ? j->had_known && strcmp(words, j->had) == 0 :
					       (size_t)snprintf(j->had, sizeof(j->had), "%s", words) < sizeof(j->had));
		any = true;
		free(words);
	}
}

/* A change that waits for its boot, and is for the mode that is asked for once more. */
struct waiting {
	struct journal journal;
	char *final;     /* it is this very target, and goes on waiting: the text that it will end with, while the
			  * plan has the present one. Owned */
	bool seal;       /* it is this very target, and the machine has come up so */
	bool after_boot; /* what is changed about it waits too */
};

static bool same_target(const struct target *a, const struct target *b)
{
	char of_a[512], of_b[512];

	return target_format(a, of_a, sizeof(of_a)) > 0 && target_format(b, of_b, sizeof(of_b)) > 0 &&
	       strcmp(of_a, of_b) == 0;
}

static struct edit *target_edit(struct plan *p)
{
	for (size_t i = 0; i < p->edits.count; i++)
		if (p->edits.list[i].role == ROLE_TARGET)
			return &p->edits.list[i];
	return NULL;
}

/* Plans with the target that is there, which accepts the old mode too. Returns 0, or -1 with one line told. */
static int keep_target(struct plan *p, struct waiting *w)
{
	struct edit *e = target_edit(p);
	char *present = e && e->before ? strdup(e->before) : NULL;

	if (e && e->before && !present)
		return no_memory();
	if (!present)
		return 0; /* somebody has taken it away */
	w->final = e->after;
	e->after = present;
	return 0;
}

static void want_final(struct plan *p, struct waiting *w)
{
	struct edit *e = w->final ? target_edit(p) : NULL;

	if (!e)
		return;
	free(e->after);
	e->after = w->final;
	w->final = NULL;
}

static int look_for_waiting(struct plan *p, const struct machine *m, struct waiting *w)
{
	struct target last;

	*w = (struct waiting){ 0 };
	if (!m->now || p->request->at_once || !resume_waits(&w->journal) ||
	    strcmp(w->journal.command, mode_name(p->target.mode)) != 0)
		return 0;
	enum waited waited = resume_waited(m, &w->journal, &last);
	if (waited == WAITED_UNREADABLE)
		return EXIT_INVALID;
	bool same = same_target(&last, &p->target);
	w->after_boot = waited != WAITED_RIGHT;
	w->seal = waited == WAITED_RIGHT && same;
	return waited != WAITED_RIGHT && same && keep_target(p, w) < 0 ? EXIT_INVALID : 0;
}

/* The plan's own lists, which plan_free() frees. */
static struct transaction transaction_of(const struct machine *m, struct plan *p, const struct waiting *w)
{
	struct transaction t = { .backend = p->backend, .snapshot = &p->snapshot, .generator = p->generator,
				 .now = m->now, .loader = p->loader, .verbose = p->request->verbose,
				 .quiet = p->request->quiet, .dry_run = p->request->dry_run, .kernels = p->kernels,
				 .edits = p->edits };
	struct journal *j = &t.journal;

	snprintf(j->command, sizeof(j->command), "%s", mode_name(p->target.mode));
	snprintf(j->backend, sizeof(j->backend), "%s", p->backend->name);
	snprintf(j->generator, sizeof(j->generator), "%s", p->generator ? p->generator->name : "none");
	snprintf(j->words, sizeof(j->words), "%s", p->words);
	j->known = true;
	j->flush = p->flush;
	note_words(&snapshot_of(&p->snapshot, p->backend)->entries, j);
	j->after_boot = (p->request->after_boot || w->after_boot) && m->live;
	machine_set_boot_id(m, j);
	return t;
}

static int execute(const struct machine *m, struct plan *p, struct transaction *t)
{
	int code = transaction_run(t);

	/* Somebody else may have had a hand in them. */
	p->edits = t->edits;
	p->kernels = t->kernels;
	if (code == 0 && plan_reread(p) == 0)
		plan_read_back(p);
	/* Which reads every image once more. */
	if (code == 0 && (p->request->json || p->target.on_mismatch != POLICY_WARN))
		outcome_read_back(t, m->outcome);
	if (code == 0)
		announce(p, t);
	return code;
}

static int nothing_to_change(const struct plan *p, const struct waiting *w)
{
	if (w->final)
		machine_say(p->request, "the change to %s waits for the next boot; nothing to change\n",
			    mode_name(p->target.mode));
	else
		machine_say(p->request, "mode %s is set already; nothing to change\n", mode_name(p->target.mode));
	return 0;
}

static int take(const struct plan *p, const struct transaction *t, struct outcome *outcome)
{
	return outcome_take(t, p->request->json || p->request->dry_run, outcome) < 0 ? EXIT_INVALID : 0;
}

/* Makes the plan, and decides: what it comes to is in outcome. */
static int decide(struct plan *p, const struct machine *m, struct outcome *outcome, struct waiting *w,
		  struct transaction *t)
{
	int code = arch_check(p->root, m->live);

	if (code == 0)
		code = plan_make(p);
	if (code == 0)
		code = look_for_waiting(p, m, w);
	if (code)
		return code;
	bool before = plan_done_before(p);
	if (!before)
		code = plan_check(p);
	if (code)
		return code;
	*t = transaction_of(m, p, w);
	if (before) {
		*outcome = (struct outcome){ .backend = p->backend, .generator = p->generator, .read_before = true,
					     .had_target = true, .has_target = true, .before = p->target,
					     .after = p->target };
		if (p->request->json)
			outcome_look_ahead(t, outcome);
		return 0;
	}
	code = take(p, t, outcome);
	if (code || !w->final || !outcome->changed)
		return code;
	/* Somebody has been at it meanwhile: it is made again, and waits again. */
	outcome_free(outcome);
	want_final(p, w);
	return take(p, t, outcome);
}

/* One that was begun before comes first, and what is reported is what both come to. */
static int finish_open(const struct request *q, const struct machine *m, bool way_out, bool *was_open)
{
	static struct plan plan; /* too large for a careful stack */
	struct transaction t;

	*was_open = resume_is_open();
	if (!*was_open)
		return resume_finish_open(q, m, way_out);
	struct waiting none = { 0 };
	plan = (struct plan){ .request = q, .root = &m->root, .facts = m->now, .loader = m->loader };
	fail_mute(true);
	/* Where it can't be told what both come to, what is resumed is told. */
	if (decide(&plan, m, m->outcome, &none, &t))
		outcome_free(m->outcome);
	fail_mute(false);
	plan_free(&plan);
	int code = resume_finish_open(q, m, way_out);
	/* A way out, whatever has become of the change before. */
	return code && way_out && step_go_on() == 0 ? 0 : code;
}

/* Whether nothing is stopped any more once the change is made: nothing must be in its way. */
static bool is_way_out(struct plan *p)
{
	fail_mute(true);
	bool warns = plan_target(p) == 0 && p->target.on_mismatch == POLICY_WARN;
	fail_mute(false);
	return warns;
}

/* What it means for devices that are in use; of the running machine;
 * and what is left of entries. */
static void notice(const struct machine *m, struct plan *p, const struct outcome *outcome)
{
	const char **lines = calloc(outcome->nentries + 1, sizeof(*lines));
	struct notices *notices = &m->outcome->notices;

	notices_free(notices);
	if (lines && m->now && outcome->changed) {
		for (size_t i = 0; i < outcome->nentries; i++)
			lines[i] = outcome->entries[i].before;
		notices_take(&m->root, &m->now->evidence, &p->target, lines, outcome->nentries, !p->generator,
			     notices);
	}
	if (outcome->changed && p->loader)
		notices_left(snapshot_of(&p->snapshot, p->backend), &p->edits, &p->kernels, &p->target,
			     m->now ? &m->now->evidence : NULL, notices);
	if (!p->request->quiet)
		notices_tell(notices);
	free(lines);
}

/* Minutes are told of before they pass. Returns whether any image has to be built. */
static bool say_work(const struct request *q, const struct outcome *o)
{
	size_t built = 0, laid = 0;

	for (size_t i = 0; i < o->nimages; i++) {
		built += strcmp(o->images[i].how, "built") == 0;
		laid += strcmp(o->images[i].how, "laid-over") == 0;
	}
	if (built == 0 || q->quiet)
		return built > 0;
	long seconds = (long)built * build_time_last(o->generator);
	fprintf(progress(), "%zu initramfs image%s to build with %s, ", built, built == 1 ? "" : "s",
		o->generator->name);
	if (seconds == 0)
		fprintf(progress(), "which can take minutes each");
	else if (seconds < 100)
		fprintf(progress(), "about %ld s", seconds);
	else
		fprintf(progress(), "about %ld min", (seconds + 30) / 60);
	if (laid)
		fprintf(progress(), "; %zu to lay the target over, in seconds", laid);
	fputc('\n', progress());
	fflush(progress());
	return true;
}

static int carry_out(const struct machine *m, struct plan *p, const struct outcome *outcome, struct waiting *w,
		     struct transaction *t)
{
	if (p->request->dry_run)
		return machine_preview(p->request, m);
	if (w->seal)
		return resume_seal(p->request, m, &w->journal);
	if (outcome->changed) {
		t->builds = say_work(p->request, outcome);
		return execute(m, p, t);
	}
	if (!outcome->read_before)
		plan_read_back(p);
	return nothing_to_change(p, w);
}

static int follow(const struct machine *m, struct plan *p)
{
	struct outcome own = { 0 }, *outcome = m->outcome;
	struct waiting waiting = { 0 };
	struct transaction t;
	bool was_open = false;

	if (p->request->emit)
		return plan_emit(p);
	int code = p->request->dry_run ? 0 : finish_open(p->request, m, is_way_out(p), &was_open);
	if (was_open)
		outcome = &own;
	if (code == 0)
		code = decide(p, m, outcome, &waiting, &t);
	if (code == 0)
		notice(m, p, outcome);
	if (code == 0)
		code = carry_out(m, p, outcome, &waiting, &t);
	/* What has been resumed was foreseen before. */
	if (code == 0 && was_open && p->request->json && !outcome->changed)
		outcome_read_back(&t, m->outcome);
	free(waiting.final);
	outcome_free(&own);
	return code;
}

static int set_mode(const struct request *q, const struct machine *m)
{
	static struct plan plan; /* too large for a careful stack */

	plan = (struct plan){ .request = q, .root = &m->root, .facts = m->now, .loader = m->loader };
	int code = follow(m, &plan);

	plan_free(&plan);
	return code;
}

int change_mode(const struct request *q)
{
	return machine_run(q, set_mode);
}
