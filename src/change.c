/* The commands that change a machine; see change.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "change.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "facts.h"
#include "grub.h"
#include "lock.h"
#include "plan.h"
#include "preview.h"
#include "record.h"
#include "refuse.h"
#include "transaction.h"
#include "tree.h"
#include "verdict.h"

/* What a command works on: the running machine, or a tree that it has gone into. */
struct machine {
	struct root root;
	bool live, loader;
	const struct facts *now; /* NULL in a tree */
};

static struct facts facts; /* too large for a careful stack */

static __attribute__((format(printf, 2, 3))) void say(const struct request *q, const char *format, ...)
{
	va_list args;

	if (q->quiet)
		return;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
}

static int enter(const struct request *q, struct machine *m)
{
	*m = (struct machine){ .root.fd = -1, .live = strcmp(q->root, "/") == 0, .loader = true };
	if ((!q->dry_run || !m->live) && geteuid() != 0)
		return fail(m->live && !q->dry_run ? "needs root" : "--root: needs root");
	if (!m->live && tree_enter(q->root, &m->loader) < 0)
		return EXIT_INVALID;
	int r = root_init(&m->root, "/");
	if (r < 0)
		return fail("/: %s", strerror(-r));
	if (!q->dry_run) {
		if (lock_all() < 0)
			return EXIT_INVALID;
		transaction_signals();
	}
	if (m->live) {
		facts_collect(&m->root, NULL, PHASE_LATE, &facts);
		m->now = &facts;
	}
	return 0;
}

static void leave(struct machine *m)
{
	if (m->now)
		facts_free(&facts);
	root_close(&m->root);
}

/* Runs a command there. */
static int run_in(const struct request *q, int (*command)(const struct request *q, const struct machine *m))
{
	struct machine m;

	int code = enter(q, &m);
	if (code == 0)
		code = command(q, &m);
	leave(&m);
	return code;
}

static void set_boot_id(const struct machine *m, struct journal *j)
{
	snprintf(j->boot_id, sizeof(j->boot_id), "%s", m->now ? m->now->evidence.boot_id : "");
}

/* --- An open change ------------------------------------------------------------------------------------------------------- */

/* A transaction as the journal has it. Returns 0 or an exit code. */
static int reopen(const struct request *q, const struct machine *m, const struct journal *j, struct transaction *t)
{
	const char *what;

	*t = (struct transaction){ .journal = *j, .now = m->now, .loader = m->loader, .verbose = q->verbose, .quiet = q->quiet };
	int r = journal_settings(BEFORE, &t->before);
	if (r == 0)
		r = journal_settings(AFTER, &t->after);
	if (r == 0)
		r = kernels_list(&t->kernels);
	if (r < 0)
		return fail("the journal of the last change: %s", strerror(-r));
	if (strcmp(j->generator, "none") == 0)
		return 0;
	t->generator = generator_find(j->generator, &what);
	return t->generator ? 0 : fail("%s is missing; without it the change to %s can't be finished", what, j->command);
}

static int finish(const struct request *q, const struct machine *m, const struct journal *j)
{
	struct transaction t;

	say(q, "finishing the change to %s that was begun before\n", j->command);
	int code = reopen(q, m, j, &t);
	if (code == 0)
		code = transaction_run(&t, true);
	if (code == 0)
		say(q, "%s is done\n", j->command);
	transaction_free(&t);
	return code;
}

static int read_journal(struct journal *j, bool *open)
{
	int r = journal_read(j, open);

	if (r < 0 && r != -ENOENT)
		return fail("the journal of the last change: %s", r == -EINVAL ? "damaged" : strerror(-r));
	if (r < 0)
		*j = (struct journal){ 0 };
	return 0;
}

/* Whatever was begun and not finished, so that one change never lies on top of another. */
static int finish_open(const struct request *q, const struct machine *m)
{
	struct journal j;
	bool open;

	int code = read_journal(&j, &open);
	if (code || !open)
		return code;
	if (j.progress == PROGRESS_BOOT)
		j.progress = PROGRESS_SEALING;
	return finish(q, m, &j);
}

/* --- Setting a mode ------------------------------------------------------------------------------------------------------- */

/* Everything whose change could make the next boot another one. Returns how many paths it put into list. */
static size_t watched(const struct plan *p, const char *list[], size_t size)
{
	static const char *const always[] = { "/etc/default/grub", "/etc/default/grub.d", GRUB_CONFIG, "/boot",
					      "/usr/sbin/iommu-verify", "/etc/modprobe.d" };
	size_t n = 0;

	for (int i = 0; i < SETTINGS; i++)
		list[n++] = setting_path((enum setting)i);
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]) && n < size; i++)
		list[n++] = always[i];
	for (size_t i = 0; p->generator && i < p->kernels.count && n < size; i++)
		list[n++] = p->kernels.list[i].image;
	return n;
}

enum { WATCHED_MAX = 256 };

static bool right_already(const struct plan *p)
{
	const struct image_want want = { .target_text = p->after.text[SETTING_TARGET],
					 .target_len = strlen(p->after.text[SETTING_TARGET]),
					 .on_mismatch = p->target.on_mismatch };
	const char *why;
	char *grub_why = NULL;

	if (plan_changes_files(p))
		return false;
	for (size_t i = 0; p->generator && i < p->kernels.count; i++)
		if (initramfs_check(&p->kernels.list[i], p->kernels.list[i].image, &want, &why) < 0)
			return false;
	bool right = !p->loader || grub_check(GRUB_CONFIG, p->words, p->flush, &grub_why) == 0;
	free(grub_why);
	return right;
}

static void write_record(const struct plan *p)
{
	const char *list[WATCHED_MAX];
	int r = record_write(list, watched(p, list, WATCHED_MAX));

	/* Without it the next run reads everything back, no more. */
	if (r < 0)
		fprintf(stderr, "iommu-install: " STATE_DIR ": %s\n", strerror(-r));
}

static bool done_before(const struct plan *p)
{
	const char *list[WATCHED_MAX];

	return !plan_changes_files(p) && record_matches(list, watched(p, list, WATCHED_MAX));
}

static void announce(const struct plan *p, const struct transaction *t)
{
	const char *mode = mode_name(p->target.mode);

	if (!p->loader)
		say(p->request, "mode %s is set, and read back from %s; the boot loader is left to whoever makes the disk: "
		    "run update-grub there\n", mode, p->generator ? "every initramfs" : TARGET_PATH);
	else
		say(p->request, "mode %s is set, and read back from %s%s; it takes effect with the next boot\n", mode, GRUB_CONFIG,
		    p->generator ? " and every initramfs" : "");
	if (t->journal.progress == PROGRESS_BOOT)
		say(p->request, "until the machine has come up so, the old mode is accepted too: 'iommu-install resume' then ends that\n");
}

static int execute(const struct machine *m, struct plan *p)
{
	struct transaction t = { .generator = p->generator, .now = m->now, .loader = m->loader,
				 .verbose = p->request->verbose, .quiet = p->request->quiet };
	struct journal *j = &t.journal;

	snprintf(j->command, sizeof(j->command), "%s", mode_name(p->target.mode));
	snprintf(j->generator, sizeof(j->generator), "%s", p->generator ? p->generator->name : "none");
	snprintf(j->words, sizeof(j->words), "%s", p->words);
	j->known = true;
	j->flush = p->flush;
	j->after_boot = p->request->after_boot && m->live;
	set_boot_id(m, j);
	/* The plan's own, which frees them. */
	t.kernels = p->kernels;
	t.before = p->before;
	t.after = p->after;
	int code = transaction_run(&t, false);
	if (code == 0) {
		write_record(p);
		announce(p, &t);
	}
	return code;
}

static int follow(const struct machine *m, struct plan *p)
{
	int code = plan_make(p);
	if (code)
		return code;
	bool before = done_before(p);
	if (!before)
		code = plan_check(p);
	if (code)
		return code;
	if (p->request->dry_run)
		return preview(p);
	if (!before && !right_already(p))
		return execute(m, p);
	write_record(p);
	say(p->request, "mode %s is set already; nothing to change\n", mode_name(p->target.mode));
	return 0;
}

static int set_mode(const struct request *q, const struct machine *m)
{
	struct plan plan = { .request = q, .root = &m->root, .facts = m->now, .loader = m->loader };

	int code = q->dry_run ? 0 : finish_open(q, m);
	if (code == 0)
		code = follow(m, &plan);
	plan_free(&plan);
	return code;
}

int change_mode(const struct request *q)
{
	return run_in(q, set_mode);
}

/* --- Going back --------------------------------------------------------------------------------------------------------- */

/* Changes to what t->after says, images by the machine's own generator. */
static int change_to(const struct request *q, const struct machine *m, struct transaction *t)
{
	struct journal *j = &t->journal;

	t->now = m->now;
	t->loader = m->loader;
	t->verbose = q->verbose;
	t->quiet = q->quiet;
	int code = plan_tools(q->backend, q->initramfs, "", m->loader, &t->generator);
	if (code)
		return code;
	snprintf(j->generator, sizeof(j->generator), "%s", t->generator ? t->generator->name : "none");
	set_boot_id(m, j);
	if (settings_read(&t->before) < 0)
		return EXIT_INVALID;
	int r = kernels_list(&t->kernels);
	if (r < 0)
		return fail("/boot: %s", strerror(-r));
	return transaction_run(t, false);
}

/* A file that somebody edited since is theirs. */
static int refuse_edited(void)
{
	struct settings left, now;

	int r = journal_settings(AFTER, &left);
	if (r < 0)
		return fail("the journal of the last change: %s", strerror(-r));
	if (settings_read(&now) < 0) {
		settings_free(&left);
		return EXIT_INVALID;
	}
	int code = 0;
	for (int i = 0; i < SETTINGS && code == 0; i++)
		if (!settings_same(&left, &now, (enum setting)i))
			code = refuse(SOURCE_CHANGED, "%s is not as the last change left it", setting_path((enum setting)i));
	settings_free(&left);
	settings_free(&now);
	return code;
}

static int roll_back(const struct request *q, const struct machine *m)
{
	struct transaction t = { .journal = { .command = "rollback" } };
	struct journal last;
	bool open;

	int code = read_journal(&last, &open);
	if (code)
		return code;
	if (!last.command[0])
		return fail("there is no change to go back from");
	if (!open && strcmp(last.command, "rollback") == 0)
		return fail("the last change was a rollback; set the mode you want");
	code = open ? 0 : refuse_edited();
	if (code)
		return code;
	int r = journal_settings(BEFORE, &t.after);
	if (r < 0)
		return fail("the journal of the last change: %s", strerror(-r));
	t.journal.known = grub_dropin_words(t.after.text[SETTING_DROPIN], t.journal.words, sizeof(t.journal.words),
					    &t.journal.flush);
	code = change_to(q, m, &t);
	if (code == 0)
		say(q, "back to what was before the change to %s; it takes effect with the next boot\n", last.command);
	transaction_free(&t);
	return code;
}

int change_rollback(const struct request *q)
{
	return run_in(q, roll_back);
}

/* --- Going on ----------------------------------------------------------------------------------------------------------- */

/* A change that is sealed after the boot: has the machine come up as it should? */
static int seal_after_boot(const struct request *q, const struct machine *m, struct journal *j)
{
	struct judgement judgement;
	struct target_error error;
	struct settings after;
	struct target target;

	if (!m->now || strcmp(j->boot_id, m->now->evidence.boot_id) == 0) {
		say(q, "the change to %s waits for the next boot\n", j->command);
		return 0;
	}
	int r = journal_settings(AFTER, &after);
	if (r < 0)
		return fail("the journal of the last change: %s", strerror(-r));
	char *text = after.text[SETTING_TARGET];
	r = text ? target_parse(text, strlen(text), &target, &error) : -EINVAL;
	settings_free(&after);
	if (r < 0)
		return fail("the journal of the last change: damaged");
	judge_against(m->now, &target, &judgement);
	if (judgement.verdict != VERDICT_MATCH) {
		const struct finding *first = &judgement.reasons.list[0];
		fprintf(stderr, "iommu-install: the machine has not come up in mode %s, so the old one stays accepted: %s: %s\n",
			j->command, reason_code(first->reason), first->message);
		return EXIT_MISMATCH;
	}
	j->progress = PROGRESS_SEALING;
	return finish(q, m, j);
}

static int resume(const struct request *q, const struct machine *m)
{
	struct journal j;
	bool open;

	int code = read_journal(&j, &open);
	if (code)
		return code;
	if (!open) {
		say(q, "nothing was left unfinished\n");
		return 0;
	}
	return j.progress == PROGRESS_BOOT ? seal_after_boot(q, m, &j) : finish(q, m, &j);
}

int change_resume(const struct request *q)
{
	return run_in(q, resume);
}

/* --- Taking everything out ---------------------------------------------------------------------------------------------- */

static bool has_settings(void)
{
	bool any = false;

	for (int i = 0; i < SETTINGS; i++)
		any = any || access(setting_path((enum setting)i), F_OK) == 0;
	return any;
}

static int take_out(const struct request *q, const struct machine *m)
{
	struct transaction t = { .journal = { .command = "remove" } };

	int code = finish_open(q, m);
	if (code)
		return code;
	if (!has_settings()) {
		say(q, "nothing of iommu-install is set\n");
		return 0;
	}
	code = change_to(q, m, &t);
	if (code == 0)
		say(q, "target, words and checks are out again; it takes effect with the next boot\n");
	transaction_free(&t);
	return code;
}

int change_remove(const struct request *q)
{
	return run_in(q, take_out);
}
