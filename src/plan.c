/* What a request comes to; see plan.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "kconfig.h"
#include "preflight.h"
#include "refuse.h"

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

	int len = snprintf(text, sizeof(text), "mode=%s\n", mode_name(q->mode));
	const struct {
		const char *key, *value;
	} lines[] = {
		{ "on-mismatch", on_mismatch }, { "on-late-mismatch", late },   { "flush", flush },
		{ "allow-unsafe-interrupts", unsafe }, { "allow-override", override }, { "delay", seconds },
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (lines[i].value)
			len += snprintf(text + len, sizeof(text) - (size_t)len, "%s=%.40s\n", lines[i].key, lines[i].value);
	if (target_parse(text, (size_t)len, &p->target, &error) < 0)
		return fail("%s", error.text);
	return 0;
}

/* strict alone is passthrough where the kernel was built so (SUSE), or where nobody can tell. */
static bool needs_nopt(const struct plan *p)
{
	for (size_t i = 0; i < p->kernels.count; i++)
		if (kconfig_has(p->root, p->kernels.list[i].release, "CONFIG_IOMMU_DEFAULT_PASSTHROUGH") != PRESENCE_NO)
			return true;
	return false;
}

static void plan_words(struct plan *p)
{
	const struct target *t = &p->target;
	int len = snprintf(p->words, sizeof(p->words), "%s", mode_tokens(t->mode));

	if (t->mode == MODE_STRICT && needs_nopt(p))
		len += snprintf(p->words + len, sizeof(p->words) - (size_t)len, " iommu=nopt");
	p->flush = t->flush != FLUSH_ANY;
	if (p->flush)
		len += snprintf(p->words + len, sizeof(p->words) - (size_t)len, " iommu.strict=%d", t->flush == FLUSH_SYNC);
	if (t->allow_unsafe_interrupts)
		snprintf(p->words + len, sizeof(p->words) - (size_t)len,
			 " vfio_iommu_type1.allow_unsafe_interrupts=1 iommufd.allow_unsafe_interrupts=1");
}

static void emit_kargs(const char *words)
{
	puts("# Written by iommu-install --emit=kargs.d: usr/lib/bootc/kargs.d/50-iommu.toml of a bootc image.");
	fputs("kargs = [", stdout);
	for (const char *word = words; *word;) {
		size_t len = strcspn(word, " ");
		printf("%s\"%.*s\"", word > words ? ", " : "", (int)len, word);
		word += len + strspn(word + len, " ");
	}
	puts("]\nmatch-architectures = [\"x86_64\"]");
}

static void emit_addon(const char *words)
{
	printf("# Written by iommu-install --emit=ukify-addon: ukify build --config=FILE --output=iommu.addon.efi\n"
	       "[UKI]\nCmdline=%s\n", words);
}

int plan_emit(struct plan *p)
{
	static const struct {
		const char *name;
		void (*emit)(const char *words);
	} forms[] = { { "kargs.d", emit_kargs }, { "ukify-addon", emit_addon } };

	int code = plan_target(p);
	if (code)
		return code;
	plan_words(p);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (strcmp(p->request->emit, forms[i].name) != 0)
			continue;
		forms[i].emit(p->words);
		return fflush(stdout) == 0 ? 0 : EXIT_INVALID;
	}
	return fail("--emit=%s: use kargs.d or ukify-addon", p->request->emit);
}

int plan_generator(const char *name, const struct generator **generator)
{
	const char *what;

	*generator = NULL;
	if (name && strcmp(name, "none") == 0)
		return 0;
	*generator = generator_find(name, &what);
	if (*generator)
		return 0;
	if (!what)
		return fail("--initramfs=%s: use dracut, initramfs-tools, mkinitcpio or none", name);
	return fail("%s is missing; install it, or use --initramfs=none and build the images yourself", what);
}

int plan_edits(const char *target, const struct generator *generator, bool enforcing, struct edits *edits)
{
	const struct generator *g;

	if (edits_add(edits, ROLE_TARGET, TARGET_PATH, target) < 0)
		return EXIT_INVALID;
	for (size_t i = 0; (g = generator_at(i)); i++)
		if (g->config &&
		    edits_add(edits, ROLE_IMAGES, g->config, target && g == generator ? g->settings(enforcing) : NULL) < 0)
			return EXIT_INVALID;
	return 0;
}

/* In this boot one has been asked for its proof, or named, before: what the files say since is what the next boot will
 * have. */
static bool proven_before(const struct facts *facts, struct journal *last)
{
	bool open;

	return facts && journal_read(last, &open) == 0 && last->boot_id[0] &&
	       strcmp(last->boot_id, facts->evidence.boot_id) == 0;
}

static int plan_backend(struct plan *p)
{
	struct journal last;
	const char *name = p->request->backend;

	p->proven = name;
	if (!name && proven_before(p->facts, &last) && backend_named(last.backend)) {
		name = last.backend;
		p->proven = true;
	}
	int code = backend_choose(name, p->loader, p->root, p->facts, p->words, &p->backend);
	if (code == 0 && !p->backend->device)
		p->loader = true;
	return code;
}

int plan_make(struct plan *p)
{
	char text[512];

	int r = kernels_list(&p->kernels);
	if (r < 0)
		return fail("/boot: %s", strerror(-r));
	int code = plan_target(p);
	if (code)
		return code;
	plan_words(p);
	code = plan_backend(p);
	if (code == 0)
		code = plan_generator(p->request->initramfs, &p->generator);
	if (code)
		return code;
	const struct mode_words wish = { .mode = mode_name(p->target.mode), .words = p->words, .flush = p->flush,
					 .images = p->generator != NULL };
	if (target_format(&p->target, text, sizeof(text)) <= 0)
		return no_memory(), EXIT_INVALID;
	code = plan_edits(text, p->generator, p->target.on_mismatch != POLICY_WARN, &p->edits);
	if (code == 0 && p->backend->edit(&wish, &p->edits) < 0)
		code = EXIT_INVALID;
	if (code)
		return code;
	r = backend_place(p->backend, &p->edits, &p->kernels);
	if (r < 0 || p->kernels.count == 0)
		return fail("%s", r < 0 ? strerror(-r) : "no boot entry of an installed kernel has an initramfs");
	return 0;
}

int plan_check(const struct plan *p)
{
	const struct preflight view = {
		.root = p->root,
		.facts = p->facts,
		.target = &p->target,
		.kernels = &p->kernels,
		.words = p->words,
		.flush = p->flush,
		.images = p->generator != NULL,
		.loader = p->loader,
		.backend = p->backend,
		.proven = p->proven,
		.force = p->request->force,
		.dry_run = p->request->dry_run,
	};

	return preflight(&view);
}

void plan_free(struct plan *p)
{
	kernels_free(&p->kernels);
	edits_free(&p->edits);
}
