/* What a change does, or would do; see outcome.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "change/outcome.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/root.h"
#include "base/run.h"
#include "bootloader/cmdline-edit.h"
#include "change/reboot-required.h"
#include "change/steps.h"
#include "initramfs/lay-over.h"
#include "model/cmdline-words.h"
#include "nextboot/left.h"
#include "nextboot/prediction.h"
#include "system/files.h"
#include "system/memstream.h"
#include "system/message.h"
#include "system/rehearsal.h"

/* --- Files -------------------------------------------------------------------------------------------------------- */

static void file_free(struct outcome_file *f)
{
	free(f->path);
	free(f->before);
	free(f->after);
	free(f->diff);
}

static char *copy_of(const char *text, bool *failed)
{
	char *copy = text ? strdup(text) : NULL;

	*failed = *failed || (text && !copy);
	return copy;
}

/* What diff(1) says of a file that is to hold after; it reads that from a descriptor. NULL if it can't be had. */
static char *diff_of(const char *path, bool there, const char *after)
{
	const char *const argv[] = { "diff", "-u", "--label", path, "--label", path, there ? path : "/dev/null", "-",
				     NULL };
	char line[1024];
	struct text made;
	FILE *out;

	int fd = memfd_create("after", MFD_CLOEXEC);
	if (fd < 0)
		return NULL;
	bool ready = write_all(fd, after ? after : "", after ? strlen(after) : 0) == 0 && lseek(fd, 0, SEEK_SET) == 0;
	FILE *text = ready ? text_open(&made) : NULL;
	pid_t pid = text ? run_filter(argv, fd, &out) : -1;
	if (pid > 0) {
		while (fgets(line, sizeof(line), out))
			fputs(line, text);
		fclose(out);
		run_wait(pid);
	}
	close(fd);
	char *diff = text ? text_close(&made, NULL) : NULL;
	if (diff && !diff[0]) {
		free(diff);
		diff = NULL;
	}
	return diff;
}

/* What the loader's tool makes is listed where it will run. A change that goes on finds some done already. */
static int take_files(const struct transaction *t, bool told, struct outcome *o)
{
	const struct edits *edits = &t->edits;
	bool failed = false;

	o->files = calloc(edits->count + 1, sizeof(*o->files));
	if (!o->files)
		return -ENOMEM;
	for (size_t i = 0; i < edits->count; i++) {
		const struct edit *e = &edits->list[i];
		bool made = e->role == ROLE_MADE && !e->after;
		char *now = made ? NULL : t->resumed ? file_read(e->path, NULL) : copy_of(e->before, &failed);

		if ((e->role == ROLE_MADE && !t->loader) || (!made && same_text(now, e->after))) {
			free(now);
			continue;
		}
		o->files[o->nfiles++] = (struct outcome_file){
			.path = copy_of(e->path, &failed), .before = now, .after = copy_of(e->after, &failed),
			.diff = told && !made ? diff_of(e->path, now != NULL, e->after) : NULL, .made = made
		};
		o->changed = o->changed || !made;
	}
	return failed ? -ENOMEM : 0;
}

/* --- Entries ------------------------------------------------------------------------------------------------------ */

/* The line that the entry is to have; NULL if only the tool that makes it can tell. Owned by the caller. */
static char *line_after(const struct transaction *t, const struct boot_entry *e, bool *failed)
{
	const struct journal *j = &t->journal;

	if (!t->loader)
		return copy_of(e->words, failed);
	if (!j->known)
		return NULL;
	if (boot_entry_right(e, j->words, j->flush))
		return copy_of(e->words, failed);
	char *line = words_apply(e->words, j->words, j->flush, NULL);
	*failed = *failed || !line;
	return line;
}

static int take_entries(const struct transaction *t, struct outcome *o)
{
	const struct loader *l = snapshot_of(t->snapshot, t->backend);
	bool failed = false;

	o->left = !t->loader;
	if (l->error.code < 0)
		o->unread = l->error.code == -EACCES ? "needs root to read it" : l->error.text;
	o->entries = calloc(l->entries.count + 1, sizeof(*o->entries));
	if (!o->entries)
		return -ENOMEM;
	for (size_t i = 0; i < l->entries.count; i++) {
		const struct boot_entry *e = &l->entries.list[i];
		if (!e->own)
			continue;
		struct outcome_entry *entry = &o->entries[o->nentries++];
		*entry = (struct outcome_entry){ .id = copy_of(e->id, &failed), .before = copy_of(e->words, &failed),
						 .by_default = e->by_default,
						 .title = copy_of(e->title[0] ? e->title : NULL, &failed),
						 .after = line_after(t, e, &failed) };
		memcpy(entry->kernel, e->release, sizeof(entry->kernel));
		o->changed = o->changed || (entry->after && strcmp(entry->before, entry->after) != 0);
	}
	const char *words = t->journal.known ? t->journal.words : NULL;
	if (t->loader && l->error.code == 0 && loader_check(l, words, t->journal.flush, NULL) < 0)
		o->changed = true;
	return failed ? -ENOMEM : 0;
}

/* --- Images ------------------------------------------------------------------------------------------------------- */

static void add_image(struct outcome *o, const char *path, const struct kernel *kernel, const struct image_want *want,
		      const char *how)
{
	struct outcome_image *image = &o->images[o->nimages++];
	struct error error;

	snprintf(image->path, sizeof(image->path), "%s", path);
	memcpy(image->kernel, kernel->release, sizeof(image->kernel));
	image->how = how;
	image->wrong = initramfs_check_one(kernel, path, want, &error) < 0;
	if (image->wrong)
		snprintf(image->why, sizeof(image->why), "%.159s", error.text);
}

static int take_images(const struct transaction *t, struct outcome *o)
{
	const struct image_want want = step_want_of(edits_target(&t->edits, true));
	size_t count = 0;

	for (size_t i = 0; i < t->kernels.count; i++)
		count += 2 + t->kernels.list[i].places;
	o->images = calloc(count + 1, sizeof(*o->images));
	if (!o->images)
		return -ENOMEM;
	for (size_t i = 0; t->generator && i < t->kernels.count; i++) {
		const struct kernel *kernel = &t->kernels.list[i];
		size_t first = o->nimages;

		add_image(o, kernel->image, kernel, &want, "built");
		for (size_t c = 0; c < kernel->places; c++)
			add_image(o, kernel->placed[c], kernel, &want, kernel->place ? "built" : "copied");
		if (kernel->under[0])
			add_image(o, kernel->under, kernel, &want, "copied");
		for (size_t k = first; k < o->nimages; k++)
			o->changed = o->changed || o->images[k].wrong;
	}
	return 0;
}

/* Whether no generator is needed for that target: 0; -ENOTSUP with why, or another -errno. */
static int try_over(const struct kernel *kernel, const char *target, struct error *why)
{
	const struct image_want want = step_want_of(target);
	struct image_files files;

	int r = lay_over_plan(kernel, &want, &files, why);
	image_files_free(&files);
	return r;
}

/* How the image itself is made: its copies are copies. first is the target that it has until the boot entries are
 * changed, or NULL. */
static void settle_how(const struct transaction *t, const char *first, struct outcome_image *image)
{
	struct error why;
	size_t k = 0;

	while (k < t->kernels.count && strcmp(t->kernels.list[k].image, image->path) != 0)
		k++;
	if (k == t->kernels.count || strcmp(image->how, "built") != 0)
		return;
	int r = first ? try_over(&t->kernels.list[k], first, &why) : 0;
	if (r == 0)
		r = try_over(&t->kernels.list[k], edits_target(&t->edits, true), &why);
	if (r == 0)
		image->how = "laid-over";
	if (r != -ENOTSUP)
		return;
	size_t len = strlen(image->why);
	snprintf(image->why + len, sizeof(image->why) - len, "; built, as %.140s", why.text);
}

/* An image and its copies are made together; all of them once more where they accept the old mode for a while. */
static void settle_images(const struct transaction *t, const char *first_target, struct outcome *o)
{
	for (size_t first = 0, end; first < o->nimages; first = end) {
		const char *kernel = o->images[first].kernel;
		bool wrong = o->takes_two;

		for (end = first; end < o->nimages && strcmp(o->images[end].kernel, kernel) == 0; end++)
			wrong = wrong || o->images[end].wrong;
		for (size_t i = first; i < end && !wrong; i++)
			o->images[i].how = "kept";
		for (size_t i = first; i < end && wrong; i++)
			if (!o->images[i].wrong)
				snprintf(o->images[i].why, sizeof(o->images[i].why), "%s",
					 o->takes_two ? "accepts the old mode until the boot entries are "
							"changed" : "a copy of it is built anew");
		if (wrong)
			settle_how(t, o->takes_two ? first_target : NULL, &o->images[first]);
	}
}

/* --- Commands ----------------------------------------------------------------------------------------------------- */

static int add_command(struct outcome *o, const char *const argv[], const char *line)
{
	struct text made;

	if (o->ncommands == sizeof(o->commands) / sizeof(o->commands[0]))
		return 0;
	FILE *out = text_open(&made);
	if (!out)
		return -ENOMEM;
	for (size_t i = 0; argv && argv[i]; i++)
		fprintf(out, "%s%s", i ? " " : "", argv[i]);
	fputs(line ? line : "", out);
	char *text = text_close(&made, NULL);
	o->commands[o->ncommands] = text;
	o->ncommands += text != NULL;
	return text ? 0 : -ENOMEM;
}

static int take_commands(const struct transaction *t, struct outcome *o)
{
	bool tool = t->loader && t->backend->command && !edits_put_made(&t->edits);
	const char *line = tool ? t->backend->command() : NULL;
	int r = 0;

	for (size_t i = 0; i < t->kernels.count && r == 0; i++)
		for (size_t k = 0; k < o->nimages; k++) {
			const struct kernel *kernel = &t->kernels.list[i];
			const char *argv[8];
			char out[PATH_MAX];

			if (strcmp(o->images[k].path, kernel->image) != 0 || strcmp(o->images[k].how, "built") != 0)
				continue;
			snprintf(out, sizeof(out), "%s%s", kernel->image, t->generator->in_place ? "" : ".iommu-new");
			t->generator->command(kernel, out, argv);
			r = add_command(o, argv, NULL);
		}
	return r == 0 && line ? add_command(o, NULL, line) : r;
}

/* An entry that a tool has made anew can stand elsewhere: then it is known by how many of the same kernel stand before
 * it. */
static size_t siblings_before(const struct outcome *o, size_t i)
{
	size_t count = 0;

	for (size_t k = 0; k < i; k++)
		count += strcmp(o->entries[k].kernel, o->entries[i].kernel) == 0;
	return count;
}

/* --- What the tool would make ------------------------------------------------------------------------------------- */

/* Of each own entry release and line, with a NUL byte behind each. */
static int say_lines(FILE *out, void *context)
{
	const struct transaction *t = context;
	struct boot_entries entries = { 0 };
	struct error error;

	int r = edits_put_made(&t->edits) ? t->backend->read(&entries, &error) : t->backend->rehearse(&entries, &error);
	for (size_t i = 0; r == 0 && i < entries.count; i++)
		if (entries.list[i].own)
			fprintf(out, "%s%c%s%c", entries.list[i].release, '\0', entries.list[i].words, '\0');
	boot_entries_free(&entries);
	return r;
}

static const char *next_text(const char *text)
{
	return text + strlen(text) + 1;
}

/* The line there of the kernel's entry that so many of its others stand before. */
static const char *line_said(const char *said, const char *end, const char *kernel, size_t before)
{
	for (const char *text = said; text && text < end; text = next_text(next_text(text)))
		if (strcmp(text, kernel) == 0 && before-- == 0)
			return next_text(text);
	return NULL;
}

/* The lines of entries that who makes them would make. */
static int take_made(const struct transaction *t, struct outcome *o)
{
	char *said = NULL;
	size_t len = 0;
	bool failed = false;

	bool told = t->backend->rehearse &&
		    rehearse(&t->edits, say_lines, (void *)t, &said, &len) == 0;
	for (size_t i = 0; i < o->nentries; i++) {
		struct outcome_entry *e = &o->entries[i];
		const char *line = told ? line_said(said, said + len, e->kernel, siblings_before(o, i)) : NULL;
		e->foreseen = !told;
		if (!told)
			continue;
		free(e->after);
		e->after = copy_of(line, &failed);
		e->gone = !line;
	}
	free(said);
	return failed ? -ENOMEM : 0;
}

/* --- The next boot ------------------------------------------------------------------------------------------------ */

static void note_stop(struct outcome *o, const struct prediction *p)
{
	/* One that is never made right was named before. */
	bool left = p->hook == HOOK_NONE && p->by_default == PRESENCE_NO;

	if (!prediction_stops(p) || left || (o->stop != POLICY_WARN && p->by_default != PRESENCE_YES))
		return;
	o->stop = prediction_policy(p);
	o->stop_why = p->why ? p->why : "";
	snprintf(o->stop_entry, sizeof(o->stop_entry), "%s", boot_entry_name(p->title, p->id));
}

/* The early check of each counted entry: with the line and the image that it is to have, or, once it has them, with
 * those that are read. */
static int look_ahead(const struct transaction *t, bool done, struct outcome *o)
{
	const struct loader *l = snapshot_of(t->snapshot, t->backend);
	const struct evidence *now = t->now ? &t->now->evidence : NULL;
	struct predictions predictions;
	size_t entry = 0;

	int r = predictions_make(l, done ? NULL : &t->edits, now, wanted_of(o->has_target ? &o->after : NULL),
				&predictions);
	if (r < 0)
		return r;
	o->reboot_safe = l->error.code == 0 && predictions.count > 0;
	o->reboot_required = false;
	o->stop = POLICY_WARN;
	for (size_t i = 0; i < predictions.count; i++) {
		struct prediction *p = &predictions.list[i];
		if (!l->entries.list[i].own)
			continue;
		const struct outcome_entry *e = done || entry >= o->nentries ? NULL : &o->entries[entry++];
		if (e && e->gone)
			continue;
		if (e)
			prediction_assume(p, e->after, o->has_target ? &o->after : NULL,
					  t->generator && image_is_made(&t->kernels, p->image), now,
					  wanted_of(o->has_target ? &o->after : NULL));
		if (!done && l->entries.list[i].passing)
			continue;
		bool safe = p->verdict == VERDICT_MATCH || p->verdict == VERDICT_NO_TARGET;
		o->reboot_safe = o->reboot_safe && (safe || !p->counted);
		note_stop(o, p);
		o->reboot_required = o->reboot_required || (now && reboot_waits(p->words, now));
	}
	predictions_free(&predictions);
	return 0;
}

void outcome_look_ahead(const struct transaction *t, struct outcome *o)
{
	look_ahead(t, true, o);
}

/* --- All of it ---------------------------------------------------------------------------------------------------- */

static int take(const struct transaction *t, bool told, struct outcome *o)
{
	char *text = NULL;
	bool final = true;
	char *now = t->resumed ? file_read(TARGET_PATH, NULL) : NULL;

	o->had_target = step_parse_target(t->resumed ? now : edits_target(&t->edits, false), &o->before);
	free(now);
	o->has_target = step_parse_target(edits_target(&t->edits, true), &o->after);
	int r = take_files(t, told, o);
	if (r == 0)
		r = take_entries(t, o);
	if (r == 0)
		r = take_images(t, o);
	if (r == 0 && o->changed && !o->unread && transaction_first_target(t, &text, &final) < 0)
		return -1; /* which has been told */
	while (!o->changed && o->nfiles) /* its tool does not run */
		file_free(&o->files[--o->nfiles]);
	o->takes_two = !final;
	settle_images(t, text, o);
	free(text);
	if (r == 0 && o->changed)
		r = take_commands(t, o);
	if (r == 0 && o->changed && t->dry_run && t->loader && !o->unread)
		r = take_made(t, o);
	if (r == 0 && told) /* it reads every image once more */
		r = look_ahead(t, false, o);
	return r < 0 ? no_memory() : 0;
}

int outcome_take(const struct transaction *t, bool told, struct outcome *o)
{
	*o = (struct outcome){ .backend = t->backend, .generator = t->generator };
	return take(t, told, o);
}

static const char *line_now(const struct boot_entries *entries, const char *kernel, size_t before)
{
	for (size_t i = 0; i < entries->count; i++)
		if (entries->list[i].own && strcmp(entries->list[i].release, kernel) == 0 && before-- == 0)
			return entries->list[i].words;
	return NULL;
}

void outcome_read_back(const struct transaction *t, struct outcome *o)
{
	const struct loader *l = snapshot_of(t->snapshot, t->backend);

	for (size_t i = 0; i < o->nentries && l->error.code == 0; i++) {
		struct outcome_entry *e = &o->entries[i];
		const char *now = line_now(&l->entries, e->kernel, siblings_before(o, i));
		char *line = now ? strdup(now) : NULL;

		if (now && !line)
			continue;
		free(e->after);
		e->after = line;
		e->gone = !now;
	}
	/* Somebody may have set another policy meanwhile. */
	o->has_target = step_parse_target(edits_target(&t->edits, true), &o->after);
	outcome_look_ahead(t, o);
}

void outcome_free(struct outcome *o)
{
	for (size_t i = 0; i < o->nfiles; i++)
		file_free(&o->files[i]);
	for (size_t i = 0; i < o->nentries; i++) {
		free(o->entries[i].id);
		free(o->entries[i].title);
		free(o->entries[i].before);
		free(o->entries[i].after);
	}
	for (size_t i = 0; i < o->ncommands; i++)
		free(o->commands[i]);
	notices_free(&o->notices);
	free(o->files);
	free(o->images);
	free(o->entries);
	*o = (struct outcome){ 0 };
}
