/* One change of the machine's configuration; see transaction.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "change/transaction.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/paths.h"
#include "change/interrupt.h"
#include "change/lock.h"
#include "change/others.h"
#include "change/reboot-required.h"
#include "change/steps.h"
#include "change/transitional.h"
#include "initramfs/rebuild.h"
#include "model/reason.h"
#include "nextboot/prediction.h"
#include "system/files.h"
#include "system/message.h"
#include "system/refuse.h"

static const struct loader *loader_of(const struct transaction *t)
{
	return snapshot_of(t->snapshot, t->backend);
}

/* Whether every entry has the words already; false too where they are not known. */
static bool loader_right(const struct transaction *t)
{
	return !t->loader ||
	       (t->journal.known && loader_check(loader_of(t), t->journal.words, t->journal.flush, NULL) == 0);
}

static int predict(const struct transaction *t, struct predictions *entries)
{
	if (!snapshot_entries(t->snapshot, t->backend))
		return -1;
	int r = predictions_make(loader_of(t), &t->edits, t->now ? &t->now->evidence : NULL,
				 (struct wanted){ .any = true }, entries);
	return r < 0 ? no_memory() : 0;
}

/* Whether all images want that already, and start the check. */
static bool images_hold(const struct transaction *t, const char *target_text)
{
	const struct image_want want = step_want_of(target_text);
	const char *path;

	for (size_t i = 0; t->generator && i < t->kernels.count; i++)
		if (initramfs_check(&t->kernels.list[i], &want, &path, NULL) < 0)
			return false;
	return true;
}

int transaction_first_target(const struct transaction *t, char **text, bool *final)
{
	const char *last = edits_target(&t->edits, true);
	struct target before, after, transitional;
	struct predictions entries = { 0 };
	char made[TARGET_MAX + 1];

	*final = true;
	/* One that was there before is put back, whatever it says. Where it is the same, in every image, entries are
	 * only mended: none that starts now is stopped for that. */
	bool mends = same_text(last, edits_target(&t->edits, false)) && images_hold(t, last);
	if (!mends && step_parse_target(last, &after)) {
		bool had_one = step_parse_target(edits_target(&t->edits, false), &before);
		if (t->loader && predict(t, &entries) < 0)
			return -1;
		*final = !transitional_target(had_one ? &before : NULL, &after, &entries, t->now, loader_right(t),
					      &transitional);
		predictions_free(&entries);
		if (!*final)
			target_rewrite(last, &transitional, made);
	}
	const char *from = *final ? last : made;
	*text = from ? strdup(from) : NULL;
	return from && !*text ? step_told(TARGET_PATH, -ENOMEM) : 0;
}

/* The barrier: whatever entry is booted, its image accepts the mode it is about to get. Entries can have images that
 * are no kernel's own: of another name, made by hand. Those that are not this system's get no other words. */
static bool barred(const struct prediction *e, const struct target *after)
{
	if (!e->counted || e->image[0] == '\0' || e->hook == HOOK_NONE || (e->status == 0 && e->enforce == POLICY_WARN))
		return false;
	return e->status < 0 || e->target_status < 0 || !(target_accepts(&e->target) & 1u << after->mode);
}

/* The other way round, where the words were not ours to choose: the target will accept what each entry now gives. */
static bool unwanted(const struct prediction *e, const struct target *after)
{
	return e->counted && after->on_mismatch != POLICY_WARN && (e->modes & ~target_accepts(after)) != 0;
}

static int check_entries(const struct transaction *t, bool (*bad)(const struct prediction *, const struct target *))
{
	struct predictions entries;
	struct target after;
	int r = 0;

	if (!t->loader || !t->generator || !step_parse_target(edits_target(&t->edits, true), &after))
		return 0;
	if (predict(t, &entries) < 0)
		return -1;
	for (size_t i = 0; i < entries.count && r == 0; i++) {
		const struct prediction *e = &entries.list[i];
		if (!bad(e, &after))
			continue;
		fail("boot entry %s: its initramfs %s would stop the boot: it does not accept the mode of "
		     "%s", boot_entry_name(e->title, e->id), e->image, TARGET_PATH);
		r = -1;
	}
	predictions_free(&entries);
	return r;
}

static int try_switch(struct transaction *t)
{
	char *target;
	bool final;

	if (transaction_first_target(t, &target, &final) < 0)
		return -1;
	if (!final)
		step_say(t, "each initramfs accepts the old mode too, until every boot entry has the new kernel "
			    "parameters\n");
	int r = step_images_accept(t, target);
	free(target);
	snapshot_refresh(t->snapshot); /* that took minutes */
	if (r < 0 || check_entries(t, barred) < 0 || step_switch_loader(t) < 0 ||
	    (!t->journal.known && check_entries(t, unwanted) < 0) || !interrupt_stage_unless(STAGE_SEAL))
		return -1;

	t->journal.progress = t->journal.after_boot && !final ? PROGRESS_BOOT : PROGRESS_SEALING;
	return step_told("the journal", journal_update(&t->journal, &t->edits));
}

/* Somebody who writes again and again is not waited for. */
enum { TRIES = 5 };

/* Does it once more with what somebody else has changed meanwhile. Returns 0, or -1: told, but for other. */
static int again_for_others(struct transaction *t, int (*part)(struct transaction *t))
{
	int r = part(t);

	for (int i = 1; r < 0 && t->other && i < TRIES; i++) {
		step_say(t, "%s has been changed meanwhile; going on with what it holds now\n", t->other);
		r = others_take_in(t);
		if (r == 0)
			r = part(t);
		else
			return -1;
	}
	return r;
}

static int switch_over(struct transaction *t)
{
	step_mark_pending(t);
	if (t->builds && t->loader && t->backend->try) {
		step_say(t, "trying %s\n", t->backend->command());
		if (t->backend->try(t->verbose) < 0)
			return -1;
	}
	return again_for_others(t, try_switch);
}

static int forget_old(const struct transaction *t)
{
	int r = 0;

	for (size_t i = 0; i < t->kernels.count; i++)
		if (step_forget(&t->kernels.list[i]) < 0)
			r = -1;
	return r;
}

/* What comes of an undo. */
struct undone {
	int failed; /* files that could not be put back */
	int left;   /* files that somebody else has changed: they stay as they are */
	bool make;  /* what the boot loader's tool has made has to be made anew */
};

/* What the tool has made comes back byte for byte only over what this change has had made, and while all that it names
 * is there: else entries of somebody else would go, or those of kernels that are gone come back. */
static void put_back_made(const struct transaction *t, size_t i, struct undone *u)
{
	const char *path = t->edits.list[i].path;
	char copy[128];

	if (journal_holds(BEFORE, &t->edits, i))
		return;
	journal_copy_path(copy, BEFORE, i);
	if (access(copy, F_OK) < 0)
		return;
	if (t->backend->generated && !t->backend->generated()) {
		fail("%s: somebody else has written it meanwhile; it stays as it is", path);
		u->left++;
	} else if (!others_hold(&t->edits, i) && (!t->backend->whole || t->backend->whole(copy, path, NULL, false)))
		u->failed += step_told(path, journal_restore(BEFORE, &t->edits, i)) < 0;
	else
		u->make = true;
}

/* The files of the boot loader, or the others. */
static void put_back(const struct transaction *t, bool of_loader, struct undone *u)
{
	for (size_t i = 0; i < t->edits.count; i++) {
		const struct edit *e = &t->edits.list[i];
		if (of_loader != (e->role >= ROLE_SOURCE) || (of_loader && e->role != ROLE_MADE && !edit_changes(e)))
			continue;
		if (e->role == ROLE_MADE) {
			put_back_made(t, i, u);
			continue;
		}
		bool gone = e->role == ROLE_ENTRY && e->before && access(e->path, F_OK) < 0;
		if (gone) /* with its kernel */
			continue;
		bool other = others_hold(&t->edits, i);
		int r = other && e->role == ROLE_TARGET ? others_put_back_target(&t->edits, i) : 1;
		if (other && r <= 0) {
			u->failed += r < 0;
			continue;
		}
		if (other) {
			fail("%s: somebody else has changed it meanwhile; it stays as it is", e->path);
			u->left++;
			continue;
		}
		u->failed += step_told(e->path, journal_restore(BEFORE, &t->edits, i)) < 0;
	}
}

/* From what is configured again. */
static void make_anew(struct transaction *t, struct undone *u)
{
	snapshot_free(t->snapshot);
	if (t->backend->apply(t->snapshot, NULL, t->journal.flush, t->verbose) < 0)
		u->failed++;
	snapshot_free(t->snapshot);
}

/* Whether the target from before accepts what every entry gives: only then may it, and images, be as before. */
static bool accepted_before(const struct transaction *t)
{
	struct predictions entries;
	struct target before, after;
	bool fine = true;

	if (!t->loader || !t->generator || !step_parse_target(edits_target(&t->edits, false), &before) ||
	    !step_parse_target(edits_target(&t->edits, true), &after))
		return true;
	if (predict(t, &entries) < 0)
		return false;
	for (size_t i = 0; i < entries.count && fine; i++) {
		/* One that was wrong before is none of this change's. */
		fine = !unwanted(&entries.list[i], &before) || (entries.list[i].modes & ~target_accepts(&after));
		if (!fine)
			fail("%s: its line has not the parameters of before; every initramfs goes on accepting both",
			     boot_entry_name(entries.list[i].title, entries.list[i].id));
	}
	predictions_free(&entries);
	return fine;
}

static int collect_garbage(const struct transaction *t)
{
	if (!t->backend->collect_garbage)
		return 0;
	snapshot_free(t->snapshot); /* what is needed is what is there now */
	return t->backend->collect_garbage(t->snapshot);
}

/* The boot loader first: from then on nothing asks for the new mode. Images that accept both are accepted by it, and
 * so are the old ones. */
static int undo(struct transaction *t)
{
	struct undone u = { 0 };

	/* Told first: what has kept the change from being made is the reason. */
	int code = t->other ? refuse(SOURCE_CHANGED, "%s: somebody has changed it meanwhile, and what it holds now "
				     "can't be planned with", t->other) : EXIT_INVALID;

	interrupt_stage(STAGE_UNDO);
	t->journal.progress = PROGRESS_OPEN;
	others_follow(&t->edits);
	put_back(t, true, &u);
	if (u.failed == 0 && u.make)
		make_anew(t, &u);
	if (u.failed == 0 && (u.left || u.make) && !accepted_before(t))
		u.failed++;
	for (size_t i = 0; u.failed == 0 && i < t->kernels.count; i++) {
		int r = initramfs_restore(&t->kernels.list[i], journal_made_image);
		if (r < 0)
			u.failed += step_told(t->kernels.list[i].image, r) < 0;
		else
			u.left += r;
	}
	if (u.failed == 0)
		put_back(t, false, &u);
	if (u.failed == 0)
		u.failed += step_sync_boot(t) < 0;
	if (u.failed == 0)
		u.failed += collect_garbage(t) < 0;
	if (u.failed == 0)
		u.failed += step_told("the journal", journal_cancel()) < 0;
	if (u.failed == 0)
		step_unmark_pending(t);
	if (u.failed == 0)
		lock_undo();
	fail("%s", u.failed ? "not everything could be put back; mend what is named above, then run "
			      "'iommu-install resume'" :
		   u.left   ? "everything else is as it was before" :
			      "everything is as it was before");
	return u.failed || u.left ? EXIT_INVALID : code;
}

static bool is_rollback(const struct transaction *t)
{
	return strcmp(t->journal.command, "rollback") == 0;
}

static int images_final(struct transaction *t)
{
	return step_images_accept(t, edits_target(&t->edits, true));
}

static int seal(struct transaction *t)
{
	int r = 0;

	if (forget_old(t) < 0)
		return -1;
	if (again_for_others(t, images_final) < 0) {
		if (t->other)
			fail("%s: somebody has changed it meanwhile: %s", t->other, reason_hint(SOURCE_CHANGED));
		return -1;
	}
	/* Their contents are right; what was before comes back with owner, mode and all. */
	for (size_t i = 0; is_rollback(t) && r == 0 && i < t->edits.count; i++)
		if (edit_changes(&t->edits.list[i]) && !others_hold(&t->edits, i))
			r = step_told(t->edits.list[i].path, journal_restore(AFTER, &t->edits, i));
	if (r < 0 || forget_old(t) < 0 || collect_garbage(t) < 0)
		return -1;
	return step_told("the journal", journal_close());
}

/* Of a change that was cut short. */
static void remove_temporaries(const struct transaction *t)
{
	for (size_t i = 0; i < t->edits.count; i++)
		file_tidy(t->edits.list[i].path);
	for (size_t i = 0; i < t->kernels.count; i++) {
		const struct kernel *kernel = &t->kernels.list[i];
		file_tidy(kernel->image);
		for (size_t c = 0; c < kernel->places; c++)
			file_tidy(kernel->placed[c]);
		if (kernel->under[0])
			file_tidy(kernel->under);
	}
	if (t->backend->remove_temporaries)
		t->backend->remove_temporaries();
}

/* Up to where the change is written down. */
static int begin(struct transaction *t)
{
	if (step_open_loader(t) < 0)
		return -1;
	if (t->resumed) /* who knows who has been there */
		snapshot_free(t->snapshot);
	remove_temporaries(t);
	bool first = step_note_pending(t);
	if (t->resumed)
		return others_follow(&t->edits) || first ?
			       step_told("the journal", journal_update(&t->journal, &t->edits)) : 0;
	if (forget_old(t) < 0) /* of no change that anything is known of */
		return -1;
	return step_told("the journal", journal_open(&t->journal, &t->edits, is_rollback(t)));
}

int transaction_run(struct transaction *t)
{
	if (lock_begin() < 0)
		return EXIT_INVALID;
	if (begin(t) < 0) {
		lock_undo();
		return EXIT_INVALID;
	}
	/* Whoever has been at the boot loader since: images come to accept nothing but what it gives. */
	if (t->journal.progress == PROGRESS_SEALING &&
	    (t->journal.known ? !loader_right(t) : check_entries(t, unwanted) < 0))
		t->journal.progress = PROGRESS_OPEN;
	if (!interrupt_stage_unless(t->journal.progress == PROGRESS_OPEN ? STAGE_CHANGE : STAGE_SEAL))
		return t->resumed ? fail("nothing more of it was done: run 'iommu-install resume'") : undo(t);
	if (t->journal.progress == PROGRESS_OPEN && switch_over(t) < 0)
		return undo(t);
	if (t->now)
		reboot_tell(loader_of(t), t->now);
	int r = 0;
	if (t->journal.progress == PROGRESS_BOOT)
		forget_old(t);
	else
		r = seal(t);
	interrupt_stage(STAGE_DONE);
	if (r < 0)
		return fail("the new mode is set for the next boot, but not all is done: the boot check may still "
			    "accept the old one too; run 'iommu-install resume'");
	return 0;
}

void transaction_free(struct transaction *t)
{
	edits_free(&t->edits);
	kernels_free(&t->kernels);
}
