/* Setting a mode; see change.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "change.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "facts.h"
#include "files.h"
#include "grub.h"
#include "initramfs.h"
#include "kconfig.h"
#include "preflight.h"
#include "record.h"
#include "refuse.h"
#include "run.h"
#include "words.h"

#define DRACUT_CONF "/etc/dracut.conf.d/50-iommu-verify.conf"
#define PENDING RUN_DIR "/pending"

/* A file we write ourselves, before and after. */
struct edit {
	const char *path;
	char *before, *after; /* owned; NULL where there is no such file */
	bool done;
};

enum { EDIT_TARGET, EDIT_DROPIN, EDIT_DRACUT, EDITS };

struct plan {
	const struct request *request;
	const struct root *root;
	struct facts facts;
	struct target target;
	char words[256]; /* what the mode puts on the command line */
	bool flush;      /* the flush policy is ours to set */
	struct kernels kernels;
	const struct generator *generator; /* NULL: images are left to the caller */
	struct edit edits[EDITS];
	struct image_want want;
	bool pending_new; /* this run has marked the change as pending */
	size_t images_done;
};

static __attribute__((format(printf, 2, 3))) void say(const struct plan *plan, const char *format, ...)
{
	va_list args;

	if (plan->request->quiet)
		return;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	fflush(stdout);
}

/* --- The plan ---------------------------------------------------------------------------------------------------- */

/* Appends a "key=value" line for each given option to what the existing target has, then reads it all as a target: so
 * that options and file obey the same rules, with the same words said about them. */
static int plan_target(struct plan *p)
{
	const struct request *q = p->request;
	struct target old = { .on_mismatch = POLICY_WARN };
	struct target_error error;
	/* The file itself, not what this boot's early check judged by. */
	int old_status = target_read(p->root, TARGET_PATH, &old, &error);
	char text[512], delay[16];

	if (old_status < 0)
		old = (struct target){ .on_mismatch = POLICY_WARN };
	const char *on_mismatch = q->on_mismatch ? q->on_mismatch : policy_name(old.on_mismatch);
	const char *late = q->on_late_mismatch ? q->on_late_mismatch : old.late_same ? "same" : "warn";
	const char *flush = q->flush ? q->flush : q->mode == MODE_STRICT ? flush_name(old.flush) : "any";
	bool off = mode_is_off(q->mode);
	const char *unsafe = q->unsafe_interrupts ? q->unsafe_interrupts : old.allow_unsafe_interrupts && !off ? "yes" : "no";
	const char *override = q->override ? q->override : old.allow_override ? "yes" : "no";

	if (off && strcmp(unsafe, "yes") == 0)
		return fail("--allow-unsafe-interrupts: makes no sense with mode %s", mode_name(q->mode));

	/* A delay that was only its policy's default follows the policy. */
	bool keep_delay = old_status == 0 && old.delay != policy_delay(old.on_mismatch) && !q->on_mismatch;
	snprintf(delay, sizeof(delay), "%u", old.delay);
	const char *seconds = q->delay ? q->delay : keep_delay ? delay : NULL;

	/* Only what differs from the default is written. */
	int len = snprintf(text, sizeof(text), "mode=%s\n", mode_name(q->mode));
	const struct {
		const char *key, *value, *standard;
	} lines[] = {
		{ "on-mismatch", on_mismatch, "warn" },
		{ "on-late-mismatch", late, "warn" },
		{ "flush", flush, "any" },
		{ "allow-unsafe-interrupts", unsafe, "no" },
		{ "allow-override", override, "no" },
		{ "delay", seconds, NULL },
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (lines[i].value && (!lines[i].standard || strcmp(lines[i].value, lines[i].standard) != 0))
			len += snprintf(text + len, sizeof(text) - (size_t)len, "%s=%.40s\n", lines[i].key, lines[i].value);
	p->edits[EDIT_TARGET].after = strdup(text);
	if (!p->edits[EDIT_TARGET].after)
		return fail("%s", strerror(ENOMEM));
	if (target_parse(text, (size_t)len, &p->target, &error) < 0)
		return fail("%s", error.text);
	p->want = (struct image_want){ .target_text = p->edits[EDIT_TARGET].after,
				       .target_len = strlen(p->edits[EDIT_TARGET].after),
				       .on_mismatch = p->target.on_mismatch };
	return 0;
}

/* strict alone is passthrough where the kernel was built so (SUSE), or where nobody can tell. */
static bool needs_nopt(const struct plan *p, const struct root *root)
{
	for (size_t i = 0; i < p->kernels.count; i++)
		if (kconfig_has(root, p->kernels.list[i].release, "CONFIG_IOMMU_DEFAULT_PASSTHROUGH") != PRESENCE_NO)
			return true;
	return false;
}

static void plan_words(struct plan *p, const struct root *root)
{
	const struct target *t = &p->target;
	int len = snprintf(p->words, sizeof(p->words), "%s", mode_tokens(t->mode));

	if (t->mode == MODE_STRICT && needs_nopt(p, root))
		len += snprintf(p->words + len, sizeof(p->words) - (size_t)len, " iommu=nopt");
	p->flush = t->flush != FLUSH_ANY;
	if (p->flush)
		len += snprintf(p->words + len, sizeof(p->words) - (size_t)len, " iommu.strict=%d", t->flush == FLUSH_SYNC);
	if (t->allow_unsafe_interrupts)
		snprintf(p->words + len, sizeof(p->words) - (size_t)len,
			 " vfio_iommu_type1.allow_unsafe_interrupts=1 iommufd.allow_unsafe_interrupts=1");
}

static int plan_tools(struct plan *p)
{
	static const char *const backends[] = { "grub-file", "bls", "systemd-boot", "uki", "proxmox", "update-bootloader",
						"sdbootutil" };
	const struct request *q = p->request;
	const char *what;

	for (size_t i = 0; q->backend && i < sizeof(backends) / sizeof(backends[0]); i++)
		if (strcmp(q->backend, backends[i]) == 0)
			return refuse(BOOTLOADER_UNSUPPORTED, "--backend=%s is not there yet; put '%s' on the kernel command "
				      "line by hand", q->backend, p->words);
	if (q->backend && strcmp(q->backend, "grub") != 0)
		return fail("--backend=%s: no such back end", q->backend);

	int r = grub_detect(&what);
	if (r == -ENOENT && strcmp(what, GRUB_CONFIG) != 0)
		return fail("%s is missing; install it, or put '%s' on the kernel command line by hand", what, p->words);
	if (r < 0)
		return refuse(BOOTLOADER_UNSUPPORTED, "this is no boot loader that is known here (no %s); put '%s' on the "
			      "kernel command line by hand", what, p->words);

	if (q->initramfs && strcmp(q->initramfs, "mkinitcpio") == 0)
		return fail("--initramfs=mkinitcpio is not there yet");
	if (q->initramfs && strcmp(q->initramfs, "none") == 0)
		return 0;
	if (q->initramfs && strcmp(q->initramfs, "dracut") != 0 && strcmp(q->initramfs, "initramfs-tools") != 0)
		return fail("--initramfs=%s: use dracut, initramfs-tools or none", q->initramfs);
	p->generator = generator_find(q->initramfs, &what);
	if (!p->generator)
		return fail("%s is missing; install it, or use --initramfs=none and build the images yourself", what);
	return 0;
}

static int plan_edits(struct plan *p)
{
	bool dracut = p->generator && strcmp(p->generator->name, "dracut") == 0;

	p->edits[EDIT_TARGET].path = TARGET_PATH;
	p->edits[EDIT_DROPIN].path = GRUB_DROPIN;
	p->edits[EDIT_DRACUT].path = DRACUT_CONF;
	p->edits[EDIT_DROPIN].after = grub_dropin(mode_name(p->target.mode), p->words, p->flush);
	if (!p->edits[EDIT_DROPIN].after)
		return fail("%s", strerror(ENOMEM));
	/* Without it a module that somebody omits would be left out of an enforcing image without a word. */
	if (dracut && p->target.on_mismatch != POLICY_WARN)
		p->edits[EDIT_DRACUT].after =
			strdup("# Written by iommu-install: an image that must stop on a wrong IOMMU mode is not built without the check.\n"
			       "force_add_dracutmodules+=\" iommu-verify \"\n");
	for (size_t i = 0; i < EDITS; i++) {
		errno = 0;
		p->edits[i].before = file_read(p->edits[i].path, NULL);
		if (!p->edits[i].before && errno != ENOENT && errno != ENOTDIR)
			return fail("%s: %s", p->edits[i].path, strerror(errno));
	}
	return 0;
}

static void plan_free(struct plan *p)
{
	kernels_free(&p->kernels);
	for (size_t i = 0; i < EDITS; i++) {
		free(p->edits[i].before);
		free(p->edits[i].after);
	}
}

static bool edit_is_noop(const struct edit *e)
{
	return (!e->before && !e->after) || (e->before && e->after && strcmp(e->before, e->after) == 0);
}

/* --- Already done? ------------------------------------------------------------------------------------------------ */

/* Everything whose change could make the next boot another one. Returns how many paths it put into list. */
static size_t watched(const struct plan *p, const char *list[], size_t size)
{
	static const char *const always[] = { TARGET_PATH,     GRUB_DROPIN,  DRACUT_CONF,       "/etc/default/grub",
					      "/etc/default/grub.d", GRUB_CONFIG, "/boot",      "/usr/sbin/iommu-verify",
					      "/etc/modprobe.d" };
	size_t n = 0;

	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]) && n < size; i++)
		list[n++] = always[i];
	for (size_t i = 0; p->generator && i < p->kernels.count && n < size; i++)
		list[n++] = p->kernels.list[i].image;
	return n;
}

enum { WATCHED_MAX = 256 };

static bool right_already(const struct plan *p)
{
	const char *why;
	char *grub_why;

	for (size_t i = 0; i < EDITS; i++)
		if (!edit_is_noop(&p->edits[i]))
			return false;
	for (size_t i = 0; p->generator && i < p->kernels.count; i++)
		if (initramfs_check(&p->kernels.list[i], p->kernels.list[i].image, &p->want, &why) < 0)
			return false;
	bool right = grub_check(GRUB_CONFIG, p->words, p->flush, &grub_why) == 0;
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

	for (size_t i = 0; i < EDITS; i++)
		if (!edit_is_noop(&p->edits[i]))
			return false;
	return record_matches(list, watched(p, list, WATCHED_MAX));
}

/* --- Steps, each of which can be undone ----------------------------------------------------------------------------- */

static int put_edit(const char *path, const char *text)
{
	int r = text ? file_write(path, text, strlen(text), 0644) : file_remove(path);

	if (r < 0)
		fprintf(stderr, "iommu-install: %s: %s\n", path, strerror(-r));
	return r;
}

static int apply_edit(struct plan *p, struct edit *e)
{
	if (edit_is_noop(e))
		return 0;
	e->done = true;
	if (put_edit(e->path, e->after) < 0)
		return -1;
	say(p, "%s %s\n", e->after ? "wrote  " : "removed", e->path);
	return 0;
}

static int apply_images(struct plan *p)
{
	for (size_t i = 0; p->generator && i < p->kernels.count; i++) {
		const struct kernel *kernel = &p->kernels.list[i];
		const char *why;

		p->images_done = i + 1;
		if (initramfs_check(kernel, kernel->image, &p->want, &why) == 0) {
			say(p, "%s is right already (%zu of %zu)\n", kernel->image, i + 1, p->kernels.count);
			continue;
		}
		say(p, "building %s with %s (%zu of %zu)\n", kernel->image, p->generator->name, i + 1, p->kernels.count);
		if (initramfs_rebuild(p->generator, kernel, &p->want, p->request->verbose) < 0)
			return -1;
	}
	return 0;
}

/* Tells the late check that the running mode is judged by an older target until the next boot. Before anything else: images
 * take minutes, and a check in between must not act by a target that no boot has had. */
static void mark_pending(struct plan *p)
{
	if (mkdir(RUN_DIR, 0755) < 0 && errno != EEXIST)
		return;
	p->pending_new = access(PENDING, F_OK) < 0;
	put_edit(PENDING, p->edits[EDIT_TARGET].after);
}

static int apply_all(struct plan *p)
{
	mark_pending(p);
	/* The images have the target before the boot loader has the words. */
	if (apply_edit(p, &p->edits[EDIT_TARGET]) < 0 || apply_edit(p, &p->edits[EDIT_DRACUT]) < 0 || apply_images(p) < 0)
		return -1;
	if (apply_edit(p, &p->edits[EDIT_DROPIN]) < 0)
		return -1;
	say(p, "updating %s with update-grub\n", GRUB_CONFIG);
	if (grub_apply(p->words, p->flush, p->request->verbose) < 0)
		return -1;

	/* No exit status is believed: what the next boot reads is read. */
	for (size_t i = 0; p->generator && i < p->kernels.count; i++) {
		const char *why;
		if (initramfs_check(&p->kernels.list[i], p->kernels.list[i].image, &p->want, &why) == 0)
			continue;
		fprintf(stderr, "iommu-install: %s: %s\n", p->kernels.list[i].image, why);
		return -1;
	}
	return 0;
}

static void undo(struct plan *p)
{
	int failed = 0;

	for (size_t i = EDITS; i-- > 0;)
		if (p->edits[i].done && put_edit(p->edits[i].path, p->edits[i].before) < 0)
			failed++;
	for (size_t i = 0; i < p->images_done; i++) {
		int r = initramfs_restore(&p->kernels.list[i]);
		if (r < 0)
			fprintf(stderr, "iommu-install: %s: %s\n", p->kernels.list[i].image, strerror(-r));
		failed += r < 0;
	}
	if (p->pending_new)
		put_edit(PENDING, NULL);
	fprintf(stderr, "iommu-install: %s\n", failed ? "not everything could be put back: see above" :
							"everything is as it was before");
}

/* --- --dry-run ------------------------------------------------------------------------------------------------------ */

/* Shows an edit as diff(1) does, which reads the new text from a descriptor. */
static void show_edit(const struct edit *e)
{
	if (edit_is_noop(e))
		return;
	int fd = memfd_create("after", 0);
	if (fd < 0)
		return;
	FILE *file = fdopen(fd, "w");
	if (!file)
		return;
	fputs(e->after ? e->after : "", file);
	fflush(file);
	rewind(file);

	const char *const argv[] = { "diff", "-u", "--label", e->path, "--label", e->path,
				     e->before ? e->path : "/dev/null", "-", NULL };
	FILE *out;
	char line[1024];
	pid_t pid = run_filter(argv, fd, &out);
	if (pid > 0) {
		while (fgets(line, sizeof(line), out))
			fputs(line, stdout);
		fclose(out);
		run_wait(pid);
	}
	fclose(file);
}

static int dry_run(const struct plan *p)
{
	struct grub_config config;

	for (size_t i = 0; i < EDITS; i++)
		show_edit(&p->edits[i]);
	puts("\ncommands:");
	for (size_t i = 0; p->generator && i < p->kernels.count; i++) {
		const char *argv[8];
		char out[PATH_MAX];

		snprintf(out, sizeof(out), "%s%s", p->kernels.list[i].image, p->generator->in_place ? "" : ".iommu-new");
		p->generator->command(&p->kernels.list[i], out, argv);
		for (size_t a = 0; argv[a]; a++)
			printf("%s%s", a ? " " : "  ", argv[a]);
		putchar('\n');
	}
	puts("  update-grub -o " GRUB_CONFIG ".iommu");

	printf("\nentries of %s:\n", GRUB_CONFIG);
	int r = grub_read(GRUB_CONFIG, &config);
	if (r < 0) {
		printf("  %s\n", r == -EACCES ? "needs root to read it" : strerror(-r));
		return 0;
	}
	for (size_t i = 0; i < config.count; i++) {
		const struct grub_entry *e = &config.entries[i];
		char *line = e->own ? words_apply(e->words, p->words, p->flush, NULL) : NULL;
		printf("  %s: %s\n", e->kernel, line ? line : "(not ours, stays as it is)");
		free(line);
	}
	grub_free(&config);
	return 0;
}

/* --- All of it ------------------------------------------------------------------------------------------------------ */

static int make_plan(struct plan *p, const struct root *root)
{
	p->root = root;
	facts_collect(root, NULL, PHASE_LATE, &p->facts);
	int r = kernels_list(&p->kernels);
	if (r < 0)
		return fail("/boot: %s", strerror(-r));
	if (p->kernels.count == 0)
		return fail("/boot: no kernel (vmlinuz-*)");
	int code = plan_target(p);
	if (code)
		return code;
	plan_words(p, root);
	code = plan_tools(p);
	return code ? code : plan_edits(p);
}

static int check_plan(const struct plan *p, const struct root *root)
{
	const struct preflight view = {
		.root = root,
		.facts = &p->facts,
		.target = &p->target,
		.kernels = &p->kernels,
		.words = p->words,
		.flush = p->flush,
		.images = p->generator != NULL,
		.force = p->request->force,
		.dry_run = p->request->dry_run,
	};

	return preflight(&view);
}

static int execute(struct plan *p)
{
	const char *mode = mode_name(p->target.mode);

	if (done_before(p) || right_already(p)) {
		write_record(p);
		say(p, "mode %s is set already; nothing to change\n", mode);
		return 0;
	}
	if (apply_all(p) < 0) {
		undo(p);
		return EXIT_INVALID;
	}
	for (size_t i = 0; i < p->images_done; i++)
		initramfs_forget(&p->kernels.list[i]);
	write_record(p);
	say(p, "mode %s is set, and read back from %s%s; it takes effect with the next boot\n", mode, GRUB_CONFIG,
	    p->generator ? " and every initramfs" : "");
	return 0;
}

int change(const struct request *request)
{
	static struct plan plan; /* too large for a careful stack */
	struct root root;

	plan.request = request;
	int r = root_init(&root, "/");
	if (r < 0)
		return fail("/: %s", strerror(-r));
	if (!request->dry_run && geteuid() != 0)
		return fail("needs root; --dry-run does not");
	r = request->dry_run ? 0 : record_lock();
	if (r < 0)
		return fail(STATE_DIR "/lock: %s", r == -EBUSY ? "another iommu-install is at work" : strerror(-r));

	int code = make_plan(&plan, &root);
	if (code == 0 && !done_before(&plan))
		code = check_plan(&plan, &root);
	if (code == 0)
		code = request->dry_run ? dry_run(&plan) : execute(&plan);
	plan_free(&plan);
	facts_free(&plan.facts);
	root_close(&root);
	return code;
}
