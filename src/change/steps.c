/* The steps of a change; see steps.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "change/steps.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/paths.h"
#include "change/build-time.h"
#include "change/interrupt.h"
#include "change/others.h"
#include "initramfs/lay-over.h"
#include "initramfs/rebuild.h"
#include "system/files.h"
#include "system/message.h"
#include "system/sync-for-boot.h"

void step_say(const struct transaction *t, const char *format, ...)
{
	va_list args;

	if (t->quiet)
		return;
	va_start(args, format);
	vfprintf(progress(), format, args);
	va_end(args);
	fflush(progress());
}

int step_go_on(void)
{
	return interrupted() ? -1 : 0; /* which was told when it came */
}

int step_told(const char *what, int r)
{
	if (r < 0)
		fail("%s: %s", what, file_error(r));
	return r < 0 ? -1 : 0;
}

/* What is neither side's is written down first: whoever goes on with the change knows it for ours. */
static int note_put(struct transaction *t, size_t i, const char *text)
{
	struct edit *e = &t->edits.list[i];

	if (edit_knows(e, text))
		return 0;
	int r = journal_keep_text(PUT, i, text);
	char *copy = r == 0 ? strdup(text) : NULL;
	if (!copy)
		return step_told(e->path, r == 0 ? -ENOMEM : r);
	free(e->put);
	e->put = copy;
	return 0;
}

struct putting {
	struct transaction *t;
	size_t number; /* of the edit */
	const char *text;
};

/* Never over what somebody else has made of it: that is noted in other, and nothing is told. */
static int may_put(const char *now, void *arg)
{
	const struct putting *p = arg;
	const struct edit *e = &p->t->edits.list[p->number];

	if (same_text(now, p->text))
		return 0;
	if (!edit_knows(e, now)) {
		p->t->other = e->path;
		return -1;
	}
	return note_put(p->t, p->number, p->text) < 0 ? -1 : 1;
}

static int put(struct transaction *t, size_t i, const char *text)
{
	const struct edit *e = &t->edits.list[i];

	int r = edit_put_if(e, text, may_put, &(struct putting){ t, i, text });
	if (r > 0)
		step_say(t, "%s %s\n", text ? "wrote  " : "removed", e->path);
	return r < 0 ? -1 : step_go_on();
}

static int put_all(struct transaction *t, enum role role)
{
	for (size_t i = 0; i < t->edits.count; i++)
		if (t->edits.list[i].role == role && put(t, i, t->edits.list[i].after) < 0)
			return -1;
	return 0;
}

static int put_target(struct transaction *t, const char *text)
{
	for (size_t i = 0; i < t->edits.count; i++)
		if (t->edits.list[i].role == ROLE_TARGET)
			return put(t, i, text);
	return 0;
}

bool step_parse_target(const char *text, struct target *target)
{
	struct error error;
	char *copy = text ? strdup(text) : NULL;
	bool valid = copy && target_parse(copy, strlen(copy), target, &error) == 0;

	free(copy);
	return valid;
}

struct image_want step_want_of(const char *target_text)
{
	struct target target = { .on_mismatch = POLICY_WARN };

	step_parse_target(target_text, &target); /* an invalid one, too, says how it wants to be obeyed */
	return (struct image_want){ .target_text = target_text, .target_len = target_text ? strlen(target_text) : 0,
				    .on_mismatch = target.on_mismatch };
}

/* On a terminal the line is written again and again, with the time that it has taken; elsewhere one when it begins and
 * one when it ends. */
struct step {
	const struct transaction *transaction;
	char text[400];
};

static void show_time(void *context, unsigned seconds)
{
	const struct step *step = context;

	if (!interrupted())
		step_say(step->transaction, "\r%s, %u s", step->text, seconds);
}

static int first_error(int r, int next)
{
	return r < 0 ? r : next;
}

/* What the old images may take the place of again: also one that was found wrong, but none that was not made here. */
static int note_images(const struct transaction *t, const struct kernel *kernel, const struct stat *before, bool whole)
{
	struct stat now;

	if (!t->journal.command[0] || stat(kernel->image, &now) < 0)
		return 0;
	bool same = before && now.st_size == before->st_size && now.st_mtim.tv_sec == before->st_mtim.tv_sec &&
		    now.st_mtim.tv_nsec == before->st_mtim.tv_nsec && now.st_ino == before->st_ino;
	/* All of them, also where one can't be: an undo asks for each. */
	int r = same ? 0 : journal_note_image(kernel->image);
	for (size_t i = 0; whole && i < kernel->places; i++)
		r = first_error(r, journal_note_image(kernel->placed[i]));
	if (whole && kernel->under[0])
		r = first_error(r, journal_note_image(kernel->under));
	return step_told("the journal", r);
}

/* Says how the image is made, and, where that takes minutes, why. */
static void say_making(const struct transaction *t, size_t i, const struct image_files *over, const struct error *why,
		       struct step *step)
{
	const char *image = t->kernels.list[i].image;
	size_t count = t->kernels.count;

	if (over)
		snprintf(step->text, sizeof(step->text), "laying the target over %s (%zu of %zu)", image, i + 1, count);
	else
		snprintf(step->text, sizeof(step->text), "building %s with %s (%zu of %zu)", image,
			 t->generator->name, i + 1, count);
	if (!over)
		step_say(t, "%s: %.300s; it has to be built\n", image, why->text);
}

int step_build_image(const struct transaction *t, size_t i, const struct image_want *wanted)
{
	const struct kernel *kernel = &t->kernels.list[i];
	struct step step = { .transaction = t };
	struct image_want want = *wanted;
	struct image_files files;
	struct error why;
	struct timespec start, end;
	struct stat before;
	bool there = stat(kernel->image, &before) == 0;
	bool terminal = isatty(fileno(progress()));

	if (t->now && t->backend && t->backend->way_back)
		want.way_back = t->backend->way_back();
	int r = lay_over_plan(kernel, &want, &files, &why);
	if (r < 0 && r != -ENOTSUP) {
		fail("%s: %s", kernel->image, why.text);
		return -1;
	}
	const struct image_files *over = r == 0 ? &files : NULL;
	say_making(t, i, over, &why, &step);
	step_say(t, "%s%s", step.text, terminal ? "" : "\n");
	fail_on_new_line(!t->quiet && terminal);
	clock_gettime(CLOCK_MONOTONIC, &start);
	r = initramfs_rebuild(t->generator, kernel, &want, over, t->verbose, terminal ? show_time : NULL, &step);
	image_files_free(&files);
	clock_gettime(CLOCK_MONOTONIC, &end);
	fail_on_new_line(false);
	initramfs_follow(kernel);
	if (note_images(t, kernel, there ? &before : NULL, r == 0) < 0)
		r = -1;
	long seconds = (long)(end.tv_sec - start.tv_sec);
	if (r == 0 && !over)
		build_time_note(t->generator, seconds);
	if (r == 0 && terminal)
		step_say(t, "\r%s, %ld s\n", step.text, seconds);
	else if (r == 0)
		step_say(t, "%s %s, %ld s\n", over ? "laid over" : "built", kernel->image, seconds);
	return r;
}

static int build_images(const struct transaction *t, const char *target_text)
{
	const struct image_want want = step_want_of(target_text);

	for (size_t i = 0; t->generator && i < t->kernels.count; i++) {
		const char *path;

		initramfs_follow(&t->kernels.list[i]);
		if (initramfs_check(&t->kernels.list[i], &want, &path, NULL) < 0 &&
		    (step_build_image(t, i, &want) < 0 || step_go_on() < 0))
			return -1;
	}
	return 0;
}

/* No exit status is believed: what the next boot reads is read, and only once it is on the disk to stay. */
static int check_images(const struct transaction *t, const char *target_text)
{
	const struct image_want want = step_want_of(target_text);

	struct error error;
	const char *path;

	for (size_t i = 0; t->generator && i < t->kernels.count; i++) {
		initramfs_follow(&t->kernels.list[i]);
		if (initramfs_check(&t->kernels.list[i], &want, &path, &error) < 0) {
			fail("%s: %s", path, error.text);
			return -1;
		}
	}
	return 0;
}

int step_sync_boot(const struct transaction *t)
{
	if (step_told("/boot", sync_for_boot("/boot")) < 0)
		return -1;
	for (size_t i = 0; i < t->kernels.count; i++)
		for (size_t c = 0; c < t->kernels.list[i].places; c++)
			if (step_told(t->kernels.list[i].placed[c], sync_for_boot(t->kernels.list[i].placed[c])) < 0)
				return -1;
	if (!t->loader || t->backend->location()[0] != '/')
		return 0;
	return step_told(t->backend->location(), sync_for_boot(t->backend->location()));
}

int step_images_accept(struct transaction *t, const char *target_text)
{
	if (put_target(t, target_text) < 0 || put_all(t, ROLE_IMAGES) < 0 || build_images(t, target_text) < 0 ||
	    step_sync_boot(t) < 0)
		return -1;
	return check_images(t, target_text);
}

/* So that a file that is changed after it has been read back is another one by its time. */
static void wait_for_entries(const struct transaction *t)
{
	struct stat st;

	for (size_t i = 0; i < t->edits.count; i++)
		if (t->edits.list[i].role == ROLE_ENTRY && stat(t->edits.list[i].path, &st) == 0)
			seen_wait(seen_settles(&st));
	if (stat(t->backend->location(), &st) == 0)
		seen_wait(seen_settles(&st));
}

/* What the boot loader's tool makes, as it is before that. */
static int see_made(const struct transaction *t, struct seen *made)
{
	struct stat st;
	int r = 0;

	for (size_t i = 0; i < t->edits.count && r == 0; i++) {
		const char *path = t->edits.list[i].path;
		if (t->edits.list[i].role == ROLE_MADE)
			r = seen_add(made, path, stat(path, &st) < 0 ? NULL : &st);
	}
	return r < 0 ? no_memory() : 0;
}

/* So that an undo knows it from one that somebody else has had made: also one that was found wrong. */
static int note_made(const struct transaction *t, const struct seen *made)
{
	size_t k = 0;

	for (size_t i = 0; i < t->edits.count; i++) {
		if (t->edits.list[i].role != ROLE_MADE)
			continue;
		const struct seen_file *before = &made->list[k++];
		struct seen one = { .list = (struct seen_file *)before, .count = 1 };
		if (!seen_same(&one) &&
		    step_told(before->path, journal_keep_file(PUT, &t->edits, i)) < 0)
			return -1;
	}
	return 0;
}

/* Where the entry is its image's own file (a unified kernel image) both are made with the entry. */
static int note_placed(const struct transaction *t)
{
	int r = 0;

	for (size_t i = 0; i < t->kernels.count; i++) {
		const struct kernel *kernel = &t->kernels.list[i];
		initramfs_follow(kernel);
		for (size_t c = 0; kernel->place && c < kernel->places; c++)
			r = first_error(r, journal_note_image(kernel->placed[c]));
	}
	return step_told("the journal", r);
}

/* What can be put back byte for byte, as a rollback has planned it; not where somebody has been at it since, or what it
 * names is gone. Returns 1 if it all is, 0 if the tool is to make it, or -1 with one line told. */
static int put_made(const struct transaction *t, const char *words)
{
	char copy[128];

	for (size_t i = 0; i < t->edits.count; i++) {
		const struct edit *e = &t->edits.list[i];
		journal_copy_path(copy, AFTER, i);
		if (e->role == ROLE_MADE && (!e->after || others_hold(&t->edits, i) ||
					     !t->backend->whole(copy, e->path, words, t->journal.flush)))
			return 0;
	}
	for (size_t i = 0; i < t->edits.count; i++) {
		const struct edit *e = &t->edits.list[i];
		if (e->role != ROLE_MADE || journal_holds(AFTER, &t->edits, i))
			continue;
		if (step_told(e->path, journal_restore(AFTER, &t->edits, i)) < 0)
			return -1;
		step_say(t, "wrote   %s\n", e->path);
	}
	return edits_put_made(&t->edits);
}

int step_switch_loader(struct transaction *t)
{
	const struct journal *j = &t->journal;
	const char *words = j->known ? j->words : NULL;
	struct error error;

	/* What later kernels get, then what is there. */
	int r = put_all(t, ROLE_SOURCE) < 0 || put_all(t, ROLE_ENTRY) < 0 ? -1 : 0;
	snapshot_free(t->snapshot);
	if (r < 0 || !t->loader)
		return r;
	wait_for_entries(t);
	struct seen made = { 0 };
	if (see_made(t, &made) < 0)
		return -1;
	r = put_made(t, words);
	if (r == 0) {
		step_say(t, "updating %s\n", t->backend->location());
		r = t->backend->apply(t->snapshot, words, j->flush, t->verbose);
	}
	if (note_made(t, &made) < 0 || note_placed(t) < 0)
		r = -1;
	seen_free(&made);
	if (r > 0) {
		snapshot_free(t->snapshot);
		wait_for_entries(t);
	}
	if (r < 0 || step_sync_boot(t) < 0 || step_go_on() < 0)
		return -1;
	r = loader_check(snapshot_of(t->snapshot, t->backend), words, j->flush, &error);
	return r < 0 ? fail("%s", error.text), -1 : 0;
}

bool step_note_pending(struct transaction *t)
{
	if (!t->now || access(PENDING, F_OK) == 0)
		return false;
	snprintf(t->journal.pending, sizeof(t->journal.pending), "%s", t->now->evidence.boot_id);
	return true;
}

static void write_pending(const char *text)
{
	step_told(PENDING, file_write(PENDING, text ? text : "", text ? strlen(text) : 0, 0644));
}

/* Before anything else: images take minutes, and a check in between must not act by a target that no boot has had. */
void step_mark_pending(const struct transaction *t)
{
	if (t->now && step_told(RUN_DIR, file_own_dir(RUN_DIR, 0755)) == 0)
		write_pending(edits_target(&t->edits, true));
}

void step_unmark_pending(const struct transaction *t)
{
	if (!t->now || access(PENDING, F_OK) < 0)
		return;
	if (strcmp(t->journal.pending, t->now->evidence.boot_id) != 0)
		write_pending(edits_target(&t->edits, false));
	else if (step_told(PENDING, file_remove(PENDING)) == 0)
		rmdir(RUN_DIR); /* if nothing else is in it */
}

int step_forget(const struct kernel *kernel)
{
	return step_told(kernel->image, initramfs_forget(kernel));
}

int step_open_loader(const struct transaction *t)
{
	return t->loader && t->backend->open ? t->backend->open() : 0;
}
