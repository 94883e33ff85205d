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

#include "arch.h"
#include "backend.h"
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
#include "words.h"

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

	*t = (struct transaction){ .journal = *j, .now = m->now, .verbose = q->verbose, .quiet = q->quiet };
	t->backend = backend_named(j->backend);
	int r = t->backend ? journal_edits(&t->edits) : -EINVAL;
	if (r == 0)
		r = kernels_list(&t->kernels);
	if (r < 0)
		return fail("the journal of the last change: %s", strerror(-r));
	t->loader = m->loader || !t->backend->device;
	if (backend_place(t->backend, &t->edits, &t->kernels) < 0)
		return fail("%s", strerror(ENOMEM));
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
	static const char *const always[] = { GRUB_DEFAULT, "/etc/default/grub.d", "/etc/kernel", "/boot", "/usr/sbin/iommu-verify",
					      "/etc/modprobe.d" };
	size_t n = 0;

	list[n++] = p->backend->made();
	for (size_t i = 0; i < p->edits.count && n < size; i++)
		list[n++] = p->edits.list[i].path;
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]) && n < size; i++)
		list[n++] = always[i];
	for (size_t i = 0; p->generator && i < p->kernels.count && n + p->kernels.list[i].places + 1 < size; i++) {
		const struct kernel *kernel = &p->kernels.list[i];
		list[n++] = kernel->image;
		for (size_t c = 0; c < kernel->places; c++)
			list[n++] = kernel->placed[c];
		if (kernel->under[0])
			list[n++] = kernel->under;
	}
	return n;
}

enum { WATCHED_MAX = 256 };

static bool right_already(const struct plan *p)
{
	const char *target = edits_target(&p->edits, true), *path, *why;
	const struct image_want want = { .target_text = target, .target_len = strlen(target), .on_mismatch = p->target.on_mismatch };
	char *entry_why = NULL;

	if (edits_change(&p->edits))
		return false;
	for (size_t i = 0; p->generator && i < p->kernels.count; i++)
		if (initramfs_check(&p->kernels.list[i], &want, &path, &why) < 0)
			return false;
	bool right = !p->loader || backend_check(p->backend, p->words, p->flush, &entry_why) == 0;
	free(entry_why);
	return right;
}

static char *look(const struct plan *p, bool settled)
{
	const char *list[WATCHED_MAX];

	return record_look(list, watched(p, list, WATCHED_MAX), settled);
}

static bool done_before(const struct plan *p)
{
	char *seen = edits_change(&p->edits) ? NULL : look(p, false);
	bool same = record_matches(seen);

	free(seen);
	return same;
}

/* Reads everything back, and writes down what it was that was read: only what is the same before and after. */
static bool read_back(const struct plan *p)
{
	char *before = look(p, true);
	bool right = right_already(p);
	char *after = right && before ? look(p, false) : NULL;
	int r = after && strcmp(before, after) == 0 ? record_write(before) : 0;

	/* Without it the next run reads everything back, no more. */
	if (r < 0)
		fprintf(stderr, "iommu-install: " STATE_DIR ": %s\n", strerror(-r));
	free(before);
	free(after);
	return right;
}

static void announce(const struct plan *p, const struct transaction *t)
{
	const char *mode = mode_name(p->target.mode);

	if (!p->loader)
		say(p->request, "mode %s is set, and read back from %s; the boot loader is left to whoever makes the disk: "
		    "run update-grub there\n", mode, p->generator ? "every initramfs" : TARGET_PATH);
	else
		say(p->request, "mode %s is set, and read back from %s%s; it takes effect with the next boot\n", mode,
		    p->backend->made(), p->generator ? " and every initramfs" : "");
	if (t->journal.progress == PROGRESS_BOOT)
		say(p->request, "until the machine has come up so, the old mode is accepted too: 'iommu-install resume' then ends that\n");
}

/* Notes what a rollback has to put back where entries are no text that could be kept. */
static void note_words(const struct backend *backend, struct journal *j)
{
	struct boot_entries entries;
	char *why = NULL;
	bool any = false;

	if (backend->read(&entries, &why) < 0) {
		free(why);
		return;
	}
	for (size_t i = 0; i < entries.count; i++) {
		char *words = NULL;

		if (!entries.list[i].own)
			continue;
		free(words_apply(entries.list[i].words, "", true, &words));
		j->had_known = words && (any ? j->had_known && strcmp(words, j->had) == 0 :
					       (size_t)snprintf(j->had, sizeof(j->had), "%s", words) < sizeof(j->had));
		any = true;
		free(words);
	}
	boot_entries_free(&entries);
}

static int execute(const struct machine *m, struct plan *p)
{
	struct transaction t = { .backend = p->backend, .generator = p->generator, .now = m->now, .loader = p->loader,
				 .verbose = p->request->verbose, .quiet = p->request->quiet };
	struct journal *j = &t.journal;

	snprintf(j->command, sizeof(j->command), "%s", mode_name(p->target.mode));
	snprintf(j->backend, sizeof(j->backend), "%s", p->backend->name);
	snprintf(j->generator, sizeof(j->generator), "%s", p->generator ? p->generator->name : "none");
	snprintf(j->words, sizeof(j->words), "%s", p->words);
	j->known = true;
	j->flush = p->flush;
	note_words(p->backend, j);
	j->after_boot = p->request->after_boot && m->live;
	set_boot_id(m, j);
	/* The plan's own, which frees them. */
	t.kernels = p->kernels;
	t.edits = p->edits;
	int code = transaction_run(&t, false);
	if (code == 0 && edits_reread(&p->edits) == 0)
		read_back(p);
	if (code == 0)
		announce(p, &t);
	return code;
}

static int follow(const struct machine *m, struct plan *p)
{
	if (p->request->emit)
		return plan_emit(p);
	int code = arch_check(p->root, m->live);
	if (code == 0)
		code = plan_make(p);
	if (code)
		return code;
	bool before = done_before(p);
	if (!before)
		code = plan_check(p);
	if (code)
		return code;
	if (p->request->dry_run)
		return preview(p);
	if (!before && !read_back(p))
		return execute(m, p);
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

/* Changes to what the edits say, images by the machine's own generator. */
static int change_to(const struct request *q, const struct machine *m, struct transaction *t)
{
	struct journal *j = &t->journal;

	t->now = m->now;
	t->loader = m->loader || !t->backend->device;
	t->verbose = q->verbose;
	t->quiet = q->quiet;
	snprintf(j->backend, sizeof(j->backend), "%s", t->backend->name);
	snprintf(j->generator, sizeof(j->generator), "%s", t->generator ? t->generator->name : "none");
	set_boot_id(m, j);
	int r = kernels_list(&t->kernels);
	if (r == 0)
		r = backend_place(t->backend, &t->edits, &t->kernels);
	if (r < 0)
		return fail("/boot: %s", strerror(-r));
	return transaction_run(t, false);
}

/* The other way round. A file that somebody edited since is theirs; an entry that went with its kernel does not come back. */
static int turn_round(struct edits *edits, bool open)
{
	for (size_t i = 0; i < edits->count; i++) {
		struct edit *e = &edits->list[i];
		char *after = e->after;

		e->after = e->before;
		e->before = after;
	}
	struct edits now = { 0 };
	int code = 0;
	for (size_t i = 0; i < edits->count && code == 0; i++) {
		struct edit *e = &edits->list[i];
		if (e->role == ROLE_MADE)
			continue;
		if (edits_add(&now, e->role, e->path, e->before) < 0)
			code = EXIT_INVALID;
		else if (!open && edit_changes(&now.list[now.count - 1]) && !(e->role == ROLE_ENTRY && !now.list[now.count - 1].before))
			code = refuse(SOURCE_CHANGED, "%s is not as the last change left it", e->path);
	}
	edits_free(&now);
	for (size_t i = 0; i < edits->count && code == 0; i++)
		if (edits->list[i].role == ROLE_ENTRY && access(edits->list[i].path, F_OK) < 0) {
			free(edits->list[i].after);
			edits->list[i].after = NULL;
		}
	return code ? code : edits_reread(edits) < 0 ? EXIT_INVALID : 0;
}

/* The words that the entries are to have again: those of a text of ours, or those that all had. Of GRUB's own tool no more
 * is asked than to make them from what is configured. Returns 0 or an exit code. */
static int old_words(const struct edits *edits, const struct journal *last, const struct backend *backend, struct journal *j)
{
	bool entries = false;

	for (size_t i = 0; i < edits->count; i++) {
		const struct edit *e = &edits->list[i];
		entries = entries || e->role == ROLE_ENTRY || e->role == ROLE_MADE;
		if (e->role != ROLE_SOURCE || !grub_text_words(e->after, j->words, sizeof(j->words), &j->flush))
			continue;
		j->known = true;
		return 0;
	}
	if (backend->device)
		return 0;
	j->known = last->had_known;
	j->flush = true;
	snprintf(j->words, sizeof(j->words), "%s", last->had);
	return j->known || entries ? 0 : fail("the entries had not all the same words before the change to %s; set the mode you want",
					      last->command);
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
	t.backend = backend_named(q->backend ? q->backend : last.backend);
	int r = t.backend ? journal_edits(&t.edits) : -EINVAL;
	if (r < 0)
		return fail("the journal of the last change: %s", strerror(-r));
	if (t.backend->open && t.backend->open() < 0) /* what is on there is read now */
		code = EXIT_INVALID;
	if (code == 0)
		code = turn_round(&t.edits, open);
	if (code == 0)
		code = plan_generator(q->initramfs, &t.generator);
	if (code == 0)
		code = old_words(&t.edits, &last, t.backend, &t.journal);
	if (code == 0)
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
	struct edits edits;
	struct target target;

	if (!m->now || strcmp(j->boot_id, m->now->evidence.boot_id) == 0) {
		say(q, "the change to %s waits for the next boot\n", j->command);
		return 0;
	}
	int r = journal_edits(&edits);
	if (r < 0)
		return fail("the journal of the last change: %s", strerror(-r));
	const char *after = edits_target(&edits, true);
	char *text = after ? strdup(after) : NULL;
	r = text ? target_parse(text, strlen(text), &target, &error) : -EINVAL;
	free(text);
	edits_free(&edits);
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
		const struct backend *backend = backend_named(j.backend);
		if (backend && backend->sweep)
			backend->sweep(); /* the last change may have been cut short in its last step */
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

/* A package that is removed asks this on every kind of machine; there may be no boot loader that is known then. */
static bool never_used(const struct request *q, const struct journal *last)
{
	struct edits edits = { 0 };

	if (q->backend || last->command[0] || access(backend_grub.layer, F_OK) == 0)
		return false;
	bool none = plan_edits(NULL, NULL, false, &edits) == 0 && !edits_change(&edits);
	edits_free(&edits);
	return none;
}

static int take_out(const struct request *q, const struct machine *m)
{
	struct mode_words none = { .words = NULL };
	struct transaction t = { .journal = { .command = "remove" } };
	struct journal last;
	bool open;

	int code = finish_open(q, m);
	if (code == 0)
		code = read_journal(&last, &open);
	if (code)
		return code;
	if (never_used(q, &last)) {
		say(q, "nothing of iommu-install is set\n");
		return 0;
	}
	/* The one that the words were put in by, whatever has been installed since. */
	const char *name = q->backend ? q->backend : last.backend[0] ? last.backend : NULL;
	code = backend_choose(name, m->loader, &m->root, m->now, "", &t.backend);
	if (code == 0)
		code = plan_generator(q->initramfs, &t.generator);
	if (code == 0)
		code = plan_edits(NULL, t.generator, false, &t.edits);
	none.flush = last.flush; /* a flush policy that was ours goes too */
	none.images = t.generator != NULL;
	if (code == 0 && t.backend->edit(&none, &t.edits) < 0)
		code = EXIT_INVALID;
	/* GRUB's own tool, as dracut, makes the entries from what is configured then; the others are to have none of the words. */
	t.journal.known = code == 0 && !t.backend->device && !(t.backend->configured && t.backend->configured());
	t.journal.flush = last.flush;
	bool nothing = code == 0 && !edits_change(&t.edits);
	if (nothing)
		say(q, "nothing of iommu-install is set\n");
	else if (code == 0)
		code = change_to(q, m, &t);
	if (code == 0 && !nothing)
		say(q, "target, words and checks are out again; it takes effect with the next boot\n");
	transaction_free(&t);
	return code;
}

int change_remove(const struct request *q)
{
	return run_in(q, take_out);
}

/* --- After an upgrade --------------------------------------------------------------------------------------------------- */

static int renew_images(const struct request *q, const struct machine *m)
{
	struct transaction t = { .now = m->now, .quiet = q->quiet, .verbose = q->verbose };
	struct journal last;
	const char *what;
	bool open;

	int code = read_journal(&last, &open);
	if (code || strcmp(last.generator, "none") == 0)
		return code;
	/* One that waits for its boot has the images it is to have until then; any other ends with new ones. */
	if (open && last.progress != PROGRESS_BOOT)
		return finish(q, m, &last);
	t.backend = last.backend[0] ? backend_named(last.backend) : backend_guess(m->loader, m->now);
	t.loader = t.backend && m->loader;
	int r = kernels_list(&t.kernels);
	if (r < 0)
		return r == -ENOENT ? 0 : fail("/boot: %s", strerror(-r));
	if (t.backend)
		backend_place(t.backend, &t.edits, &t.kernels);
	t.generator = generator_find(NULL, &what);
	code = transaction_images(&t);
	transaction_free(&t);
	return code;
}

int change_images(const struct request *q)
{
	return run_in(q, renew_images);
}
