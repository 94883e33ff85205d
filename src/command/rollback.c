/* Going back; see rollback.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "command/rollback.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bootloader/backend.h"
#include "bootloader/choose.h"
#include "bootloader/grub-default.h"
#include "change/others.h"
#include "change/outcome.h"
#include "change/plan.h"
#include "change/transaction.h"
#include "change/written.h"
#include "command/machine.h"
#include "command/resume.h"
#include "system/files.h"
#include "system/message.h"
#include "system/refuse.h"

/* The other way round. A file that somebody edited since is theirs; an entry that went with its kernel does not come
 * back. */
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
		code = -edits_add(&now, e->role, e->path, e->before);
		if (code)
			break;
		const struct edit *last = &now.list[now.count - 1];
		if (!open && edit_changes(last) && !(e->role == ROLE_ENTRY && !last->before))
			code = refuse(SOURCE_CHANGED, "%s: it was edited since the last change", e->path);
	}
	edits_free(&now);
	for (size_t i = 0; i < edits->count && code == 0; i++)
		if (edits->list[i].role == ROLE_ENTRY && access(edits->list[i].path, F_OK) < 0) {
			free(edits->list[i].after);
			edits->list[i].after = NULL;
		}
	return code ? code : edits_reread(edits) < 0 ? EXIT_INVALID : 0;
}

/* A change that waited for its boot goes on waiting. Returns 0 or an exit code. */
static int wait_again(const struct machine *m, struct transaction *t)
{
	int r = 0;

	for (size_t i = 0; i < t->edits.count && r == 0; i++) {
		struct edit *e = &t->edits.list[i];
		char *meant = NULL;

		if (e->role == ROLE_TARGET && e->after)
			r = journal_meant(i, &meant);
		if (!meant)
			continue;
		free(e->after);
		e->after = meant;
		t->journal.after_boot = m->live;
	}
	return r < 0 ? fail("the journal of the last change: %s", strerror(-r)) : 0;
}

/* The words that the entries are to have again: those of a text of ours, or those that all had. Of GRUB's own tool no
 * more is asked than to make them from what is configured. Returns 0 or an exit code. */
static int old_words(const struct edits *edits, const struct journal *last, const struct backend *backend,
		     struct journal *j)
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
	if (backend->needs_block_device)
		return 0;
	j->known = last->had_known;
	j->flush = true;
	snprintf(j->words, sizeof(j->words), "%s", last->had);
	if (j->known || entries)
		return 0;
	return fail("the boot entries had different IOMMU parameters before the change to %s, so there is no one "
		    "state to "
		    "go back to; set the mode you want",
		    last->command);
}

/* What the boot loader's tool has made is put back byte for byte where it still is what the last change has had made,
 * and all that it names is there; where entries are written beside it the tool runs for those anyhow. Returns 0 or an
 * exit code. */
static int take_made(const struct machine *m, struct transaction *t, bool open)
{
	const struct edit *made = NULL;
	bool back = t->backend->whole;
	char copy[128];

	for (size_t i = 0; i < t->edits.count; i++) {
		struct edit *e = &t->edits.list[i];
		const char *words = t->journal.known ? t->journal.words : NULL;
		back = back && e->role != ROLE_ENTRY;
		if (e->role != ROLE_MADE)
			continue;
		made = e;
		free(e->before);
		free(e->after);
		e->before = file_read(e->path, NULL);
		journal_copy_path(copy, BEFORE, i);
		e->after = file_read(copy, NULL);
		back = back && e->after && !others_hold(&t->edits, i) &&
		       t->backend->whole(copy, e->path, words, t->journal.flush);
	}
	for (size_t i = 0; i < t->edits.count && !back; i++) {
		struct edit *e = &t->edits.list[i];
		if (e->role != ROLE_MADE)
			continue;
		free(e->before);
		free(e->after);
		e->before = e->after = NULL;
	}
	bool by_hand = made && !back && t->backend->generated && !t->backend->generated();
	if (!by_hand || open || !(m->loader || !t->backend->needs_block_device))
		return 0;
	return refuse(GENERATED_ELSEWHERE, "%s: what it holds now was not written by the tool that makes it",
		      made->path);
}

static void tell(const struct request *q, const struct outcome *o, const char *undone)
{
	if (o->has_target)
		machine_say(q, "mode %s is wanted again (on a mismatch: %s), as before the change to %s; it takes "
			    "effect at the next boot\n", mode_name(o->after.mode),
			    policy_name(o->after.on_mismatch), undone);
	else
		machine_say(q, "no mode is wanted any more, as before the change to %s; it takes effect at the next "
			    "boot\n", undone);
}

static int roll_back(const struct request *q, const struct machine *m)
{
	static struct snapshot snapshot; /* too large for a careful stack */
	struct transaction t = { .journal = { .command = "rollback" }, .snapshot = &snapshot };
	struct journal last;
	bool open;

	int code = resume_read_journal(false, &last, &open);
	if (code)
		return code;
	if (!last.command[0])
		return fail("no change was made yet, so there is none to undo");
	if (!open && strcmp(last.command, "rollback") == 0)
		return fail("the last change was a rollback, which is not undone; set the mode you want");
	t.backend = backend_named(q->backend ? q->backend : last.backend);
	int r = t.backend ? journal_edits(&t.edits) : -EINVAL;
	if (r < 0)
		return fail("the journal of the last change: %s", strerror(-r));
	others_follow(&t.edits);
	code = written_mounted(&t.edits);
	if (code == 0 && !q->dry_run && t.backend->open && t.backend->open() < 0) /* what is on there is read now */
		code = EXIT_INVALID;
	if (code == 0)
		code = turn_round(&t.edits, open);
	if (code == 0)
		code = wait_again(m, &t);
	if (code == 0)
		code = plan_generator(q->initramfs, NULL, &last, &t.generator);
	if (code == 0)
		code = old_words(&t.edits, &last, t.backend, &t.journal);
	if (code == 0)
		code = take_made(m, &t, open);
	if (code == 0)
		code = machine_change(q, m, &t);
	if (code == 0 && !q->dry_run)
		tell(q, m->outcome, last.command);
	transaction_free(&t);
	snapshot_free(&snapshot);
	return code;
}

int change_rollback(const struct request *q)
{
	return machine_run(q, roll_back);
}
