/* One change of the machine's configuration; see transaction.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "transaction.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "entries.h"
#include "files.h"
#include "freeze.h"
#include "interim.h"
#include "reboot.h"
#include "refuse.h"

#define PENDING RUN_DIR "/pending"

static volatile sig_atomic_t interrupted;

static void note_signal(int number)
{
	interrupted = number;
}

void transaction_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction note = { .sa_handler = note_signal, .sa_flags = SA_RESTART }, ignore = { .sa_handler = SIG_IGN };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &note, NULL);
	sigaction(SIGPIPE, &ignore, NULL); /* a reader that has gone stops nothing */
}

static __attribute__((format(printf, 2, 3))) void say(const struct transaction *t, const char *format, ...)
{
	va_list args;

	if (t->quiet)
		return;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	fflush(stdout);
}

/* Between two steps. */
static int go_on(void)
{
	return interrupted ? fail("interrupted (signal %d)", (int)interrupted), -1 : 0;
}

static int told(const char *what, int r)
{
	if (r < 0)
		fail("%s: %s", what, strerror(-r));
	return r < 0 ? -1 : 0;
}

/* --- Steps -------------------------------------------------------------------------------------------------------------- */

static int put(const struct transaction *t, const char *path, const char *text)
{
	int r = edit_put(path, text);

	if (r > 0)
		say(t, "%s %s\n", text ? "wrote  " : "removed", path);
	return r < 0 ? -1 : go_on();
}

static int put_all(const struct transaction *t, enum role role)
{
	for (size_t i = 0; i < t->edits.count; i++)
		if (t->edits.list[i].role == role && put(t, t->edits.list[i].path, t->edits.list[i].after) < 0)
			return -1;
	return 0;
}

static bool parse_target(const char *text, struct target *target)
{
	struct target_error error;
	char *copy = text ? strdup(text) : NULL;
	bool valid = copy && target_parse(copy, strlen(copy), target, &error) == 0;

	free(copy);
	return valid;
}

static struct image_want want_of(const char *target_text)
{
	struct target target = { .on_mismatch = POLICY_WARN };

	parse_target(target_text, &target); /* an invalid one, too, says how it wants to be obeyed */
	return (struct image_want){ .target_text = target_text, .target_len = target_text ? strlen(target_text) : 0,
				    .on_mismatch = target.on_mismatch };
}

/* On a terminal the line is written again and again, with the time that it has taken. */
struct step {
	const struct transaction *transaction;
	char text[400];
};

static void show_time(void *context, unsigned seconds)
{
	const struct step *step = context;

	say(step->transaction, "\r%s, %u s", step->text, seconds);
}

static int build_image(const struct transaction *t, size_t i, const struct image_want *want)
{
	const struct kernel *kernel = &t->kernels.list[i];
	struct step step = { .transaction = t };
	struct timespec start, end;
	bool terminal = isatty(STDOUT_FILENO);

	snprintf(step.text, sizeof(step.text), "building %s with %s (%zu of %zu)", kernel->image, t->generator->name, i + 1,
		 t->kernels.count);
	say(t, "%s", step.text);
	fail_on_new_line(!t->quiet);
	clock_gettime(CLOCK_MONOTONIC, &start);
	int r = initramfs_rebuild(t->generator, kernel, want, t->verbose, terminal ? show_time : NULL, &step);
	clock_gettime(CLOCK_MONOTONIC, &end);
	fail_on_new_line(false);
	if (r == 0)
		say(t, "%s%s, %ld s\n", terminal ? "\r" : "", terminal ? step.text : "", (long)(end.tv_sec - start.tv_sec));
	return r;
}

static int build_images(const struct transaction *t, const char *target_text)
{
	const struct image_want want = want_of(target_text);

	for (size_t i = 0; t->generator && i < t->kernels.count; i++) {
		const char *path, *why;

		if (initramfs_check(&t->kernels.list[i], &want, &path, &why) < 0 &&
		    (build_image(t, i, &want) < 0 || go_on() < 0))
			return -1;
	}
	return 0;
}

/* No exit status is believed: what the next boot reads is read, and only once it is on the disk to stay. */
static int check_images(const struct transaction *t, const char *target_text)
{
	const struct image_want want = want_of(target_text);

	for (size_t i = 0; t->generator && i < t->kernels.count; i++) {
		const char *path, *why;
		if (initramfs_check(&t->kernels.list[i], &want, &path, &why) < 0) {
			fail("%s: %s", path, why);
			return -1;
		}
	}
	return 0;
}

/* What the boot loader reads is on the disk to stay: /boot, and where copies and entries are. */
static int sync_boot(const struct transaction *t)
{
	if (told("/boot", sync_for_boot("/boot")) < 0)
		return -1;
	for (size_t i = 0; i < t->kernels.count; i++)
		for (size_t c = 0; c < t->kernels.list[i].places; c++)
			if (told(t->kernels.list[i].placed[c], sync_for_boot(t->kernels.list[i].placed[c])) < 0)
				return -1;
	return t->loader && t->backend->made()[0] == '/' ? told(t->backend->made(), sync_for_boot(t->backend->made())) : 0;
}

static int images_accept(struct transaction *t, const char *target_text)
{
	if (put(t, TARGET_PATH, target_text) < 0 || put_all(t, ROLE_IMAGES) < 0 || build_images(t, target_text) < 0 ||
	    sync_boot(t) < 0)
		return -1;
	return check_images(t, target_text);
}

static int switch_loader(struct transaction *t)
{
	const struct journal *j = &t->journal;
	char *why = NULL;

	/* What later kernels get, then what is there. */
	if (put_all(t, ROLE_SOURCE) < 0 || put_all(t, ROLE_ENTRY) < 0)
		return -1;
	if (!t->loader)
		return 0;
	say(t, "updating %s\n", t->backend->made());
	if (t->backend->apply(j->known ? j->words : NULL, j->flush, t->verbose) < 0 || sync_boot(t) < 0 || go_on() < 0)
		return -1;
	int r = backend_check(t->backend, j->known ? j->words : NULL, j->flush, &why);
	if (r < 0)
		fail("%s", why ? why : strerror(ENOMEM));
	free(why);
	return r;
}

/* --- The change ----------------------------------------------------------------------------------------------------------- */

/* Tells the late check that the running mode is judged by an older target until the next boot. Before anything else: images
 * take minutes, and a check in between must not act by a target that no boot has had. */
static void mark_pending(struct transaction *t)
{
	const char *text = edits_target(&t->edits, true);

	if (!t->now || told(RUN_DIR, file_own_dir(RUN_DIR, 0755)) < 0)
		return;
	t->pending = access(PENDING, F_OK) < 0;
	told(PENDING, file_write(PENDING, text ? text : "", text ? strlen(text) : 0, 0644));
}

/* Whether every entry has the words already; false too where they are not known. */
static bool loader_right(const struct transaction *t)
{
	char *why = NULL;
	bool right = !t->loader ||
		     (t->journal.known && backend_check(t->backend, t->journal.words, t->journal.flush, &why) == 0);

	free(why);
	return right;
}

static int read_entries(const struct transaction *t, struct entries *entries)
{
	char *why = NULL;

	int r = entries_read(t->backend, &t->edits, t->now ? &t->now->evidence : NULL, true, entries, &why);
	if (r < 0)
		fail("%s", why ? why : strerror(-r));
	free(why);
	return r < 0 ? -1 : 0;
}

/* The target that every image can have at this moment: *text, owned by the caller, or NULL for none; *final if it is the last
 * one. Returns 0, or -1 with one line told. */
static int first_target(const struct transaction *t, char **text, bool *final)
{
	const char *last = edits_target(&t->edits, true);
	struct target before, after, interim;
	struct entries entries = { 0 };
	char made[512];

	*final = true;
	/* One that was there before is put back, whatever it says. */
	if (parse_target(last, &after)) {
		bool had_one = parse_target(edits_target(&t->edits, false), &before);
		if (t->loader && read_entries(t, &entries) < 0)
			return -1;
		*final = !interim_target(had_one ? &before : NULL, &after, &entries, t->now, loader_right(t), &interim);
		entries_free(&entries);
		if (!*final && target_format(&interim, made, sizeof(made)) < 0)
			return told(TARGET_PATH, -ENOMEM);
	}
	const char *from = *final ? last : made;
	*text = from ? strdup(from) : NULL;
	return from && !*text ? told(TARGET_PATH, -ENOMEM) : 0;
}

/* The barrier: whatever entry is booted, its image accepts the mode it is about to get. Entries can have images that are no
 * kernel's own: of another name, made by hand. Those that are not this system's get no other words. */
static bool barred(const struct entry *e, const struct target *after)
{
	if (!e->counted || e->image[0] == '\0' || e->hook == HOOK_NONE || (e->status == 0 && e->enforce == POLICY_WARN))
		return false;
	return e->status < 0 || e->target_status < 0 || !(target_accepts(&e->target) & 1u << after->mode);
}

/* The other way round, where the words were not ours to choose: the target will accept what each entry now gives. */
static bool unwanted(const struct entry *e, const struct target *after)
{
	return e->counted && after->on_mismatch != POLICY_WARN && (e->modes & ~target_accepts(after)) != 0;
}

static int check_entries(const struct transaction *t, bool (*bad)(const struct entry *, const struct target *))
{
	struct entries entries;
	struct target after;
	int r = 0;

	if (!t->loader || !t->generator || !parse_target(edits_target(&t->edits, true), &after))
		return 0;
	if (read_entries(t, &entries) < 0)
		return -1;
	for (size_t i = 0; i < entries.count && r == 0; i++) {
		const struct entry *e = &entries.list[i];
		if (!bad(e, &after))
			continue;
		fail("%s: %s would not start with %s", e->id, e->image, TARGET_PATH);
		r = -1;
	}
	entries_free(&entries);
	return r;
}

static int switch_over(struct transaction *t)
{
	char *target;
	bool final;

	mark_pending(t);
	if (first_target(t, &target, &final) < 0)
		return -1;
	if (!final)
		say(t, "for as long as the boot loader may have the old words, images accept the old mode too\n");
	int r = images_accept(t, target);
	free(target);
	if (r < 0 || check_entries(t, barred) < 0 || switch_loader(t) < 0 ||
	    (!t->journal.known && check_entries(t, unwanted) < 0))
		return -1;

	t->journal.progress = t->journal.after_boot && !final ? PROGRESS_BOOT : PROGRESS_SEALING;
	return told("the journal", journal_update(&t->journal, &t->edits));
}

static int forget_old(const struct transaction *t)
{
	int r = 0;

	for (size_t i = 0; i < t->kernels.count; i++)
		if (told(t->kernels.list[i].image, initramfs_forget(&t->kernels.list[i])) < 0)
			r = -1;
	return r;
}

/* The files of the boot loader, or the others. Returns how many failed. */
static int put_back(const struct transaction *t, bool of_loader)
{
	int failed = 0;

	for (size_t i = 0; i < t->edits.count; i++) {
		const struct edit *e = &t->edits.list[i];
		if (of_loader != (e->role >= ROLE_SOURCE) || (of_loader && e->role != ROLE_MADE && !edit_changes(e)))
			continue;
		failed += told(e->path, journal_restore(BEFORE, &t->edits, i)) < 0;
	}
	return failed;
}

/* The boot loader first: from then on nothing asks for the new mode. Images that accept both are accepted by it, and so are
 * the old ones. */
static int undo(struct transaction *t)
{
	int failed = 0;

	t->journal.progress = PROGRESS_OPEN;
	failed += put_back(t, true);
	for (size_t i = 0; failed == 0 && i < t->kernels.count; i++)
		failed += told(t->kernels.list[i].image, initramfs_restore(&t->kernels.list[i])) < 0;
	if (failed == 0)
		failed += put_back(t, false);
	if (failed == 0)
		failed += sync_boot(t) < 0;
	if (failed == 0)
		failed += told("the journal", journal_cancel()) < 0;
	if (failed == 0 && t->pending)
		file_remove(PENDING);
	if (failed == 0 && t->backend->sweep)
		t->backend->sweep();
	fail("%s", failed ? "not everything could be put back: mend what is named above, then run 'iommu-install resume'" :
			    "everything is as it was before");
	return EXIT_INVALID;
}

static bool is_rollback(const struct transaction *t)
{
	return strcmp(t->journal.command, "rollback") == 0;
}

static int seal(struct transaction *t)
{
	int r = 0;

	if (forget_old(t) < 0 || images_accept(t, edits_target(&t->edits, true)) < 0)
		return -1;
	/* Their contents are right; what was before comes back with owner, mode and all. */
	for (size_t i = 0; is_rollback(t) && r == 0 && i < t->edits.count; i++)
		if (t->edits.list[i].role != ROLE_MADE)
			r = told(t->edits.list[i].path, journal_restore(AFTER, &t->edits, i));
	if (r < 0 || forget_old(t) < 0 || told("the journal", journal_close()) < 0)
		return -1;
	if (t->backend->sweep)
		t->backend->sweep();
	return 0;
}

/* Of a change that was cut short. */
static void tidy(const struct transaction *t)
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
	if (t->backend->tidy)
		t->backend->tidy();
}

static int open_loader(const struct transaction *t)
{
	return t->loader && t->backend->open ? t->backend->open() : 0;
}

int transaction_run(struct transaction *t, bool resumed)
{
	if (open_loader(t) < 0)
		return EXIT_INVALID;
	tidy(t);
	if (!resumed) {
		if (forget_old(t) < 0) /* of no change that anything is known of */
			return EXIT_INVALID;
		if (told("the journal", journal_open(&t->journal, &t->edits, is_rollback(t))) < 0)
			return EXIT_INVALID;
	}
	/* Whoever has been at the boot loader since: images come to accept nothing but what it gives. */
	if (t->journal.progress == PROGRESS_SEALING && (t->journal.known ? !loader_right(t) : check_entries(t, unwanted) < 0))
		t->journal.progress = PROGRESS_OPEN;
	if (t->journal.progress == PROGRESS_OPEN && switch_over(t) < 0)
		return undo(t);
	if (t->now)
		reboot_tell(t->backend, t->now);
	if (t->journal.progress == PROGRESS_BOOT) {
		forget_old(t);
		return 0;
	}
	if (seal(t) == 0)
		return 0;
	fail("the change is in place, but not finished; the machine boots as it is. Run 'iommu-install resume'");
	return EXIT_INVALID;
}

/* --- Images alone --------------------------------------------------------------------------------------------------------- */

/* An image that has no check was not meant to have one, or was made without us. */
static bool is_outdated(const char *path)
{
	struct initramfs image;
	const char *why;

	bool found = initramfs_read(path, &image, &why) == 0 && image.helper && !image.same_helper;
	initramfs_free(&image);
	return found;
}

static bool outdated(const struct kernel *kernel)
{
	bool found = is_outdated(kernel->image) || (kernel->under[0] && is_outdated(kernel->under));

	for (size_t i = 0; i < kernel->places && !found; i++)
		found = is_outdated(kernel->placed[i]);
	return found;
}

static int renew(const struct transaction *t, size_t i, const struct image_want *want)
{
	const struct kernel *kernel = &t->kernels.list[i];

	if (!t->generator)
		return fail("%s: holds another check than the one installed, and there is neither dracut nor update-initramfs to make it "
			    "anew", kernel->image), -1;
	if (build_image(t, i, want) == 0 && sync_boot(t) == 0)
		return told(kernel->image, initramfs_forget(kernel));
	told(kernel->image, initramfs_restore(kernel));
	return -1;
}

int transaction_images(struct transaction *t)
{
	char *target = file_read(TARGET_PATH, NULL);
	const struct image_want want = want_of(target);
	int r = target ? open_loader(t) : 0;

	for (size_t i = 0; target && i < t->kernels.count && r == 0; i++)
		r = !outdated(&t->kernels.list[i]) ? 0 : renew(t, i, &want) < 0 ? -1 : go_on();
	free(target);
	return r == 0 ? 0 : EXIT_INVALID;
}

void transaction_free(struct transaction *t)
{
	edits_free(&t->edits);
	kernels_free(&t->kernels);
}
