/* What a request comes to; see plan.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "change/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bootloader/choose.h"
#include "change/fingerprint.h"
#include "change/journal.h"
#include "evidence/kconfig.h"
#include "nextboot/placement.h"
#include "system/files.h"
#include "system/message.h"
#include "system/mounts.h"
#include "system/refuse.h"

/* Appends a "key=value" line for each given option to what the existing target has, then reads it all as a target: so
 * that options and file obey the same rules, with the same words said about them. */
int plan_target(struct plan *p)
{
	const struct request *q = p->request;
	struct target old = { .on_mismatch = POLICY_WARN };
	struct error error;
	/* The file itself, not what this boot's early check judged by. */
	int old_status = target_read(p->root, TARGET_PATH, &old, &error);
	char text[512], delay[16];

	if (old_status < 0)
		old = (struct target){ .on_mismatch = POLICY_WARN };
	const char *on_mismatch = q->on_mismatch ? q->on_mismatch : policy_name(old.on_mismatch);
	const char *late = q->on_late_mismatch ? q->on_late_mismatch : old.late_same ? "same" : "warn";
	const char *flush = q->flush ? q->flush : q->mode == MODE_STRICT ? flush_name(old.flush) : "any";
	bool off = mode_is_off(q->mode);
	const char *interrupts = q->interrupts ? q->interrupts : old.remapped && !off ? "remapped" : "any";
	const char *exposed = q->exposed ? q->exposed : old.translated && !off ? "translated" : "any";
	const char *unsafe = q->unsafe_interrupts                  ? q->unsafe_interrupts
			     : old.allow_unsafe_interrupts && !off ? "yes"
								   : "no";
	const char *override = q->override ? q->override : old.allow_override ? "yes" : "no";

	if (off && strcmp(unsafe, "yes") == 0)
		return fail("--allow-unsafe-interrupts: mode %s has no interrupt remapping to go without; use it with "
			    "strict or pt", mode_name(q->mode));

	/* A delay that was only its policy's default follows the policy. */
	bool keep_delay = old_status == 0 && old.delay != policy_delay(old.on_mismatch) && !q->on_mismatch;
	snprintf(delay, sizeof(delay), "%u", old.delay);
	const char *seconds = q->delay ? q->delay : keep_delay ? delay : NULL;

	int len = snprintf(text, sizeof(text), "mode=%s\n", mode_name(q->mode));
	const struct {
		const char *key, *value;
	} lines[] = {
		{ "on-mismatch", on_mismatch }, { "on-late-mismatch", late },   { "flush", flush },
		{ "interrupts", interrupts },   { "exposed", exposed },
		{ "allow-unsafe-interrupts", unsafe }, { "allow-override", override }, { "delay", seconds },
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (lines[i].value)
			len += snprintf(text + len, sizeof(text) - (size_t)len, "%s=%.40s\n", lines[i].key,
					lines[i].value);
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

void plan_words(struct plan *p)
{
	const struct target *t = &p->target;
	int len = snprintf(p->words, sizeof(p->words), "%s", mode_tokens(t->mode));

	if (t->mode == MODE_STRICT && needs_nopt(p))
		len += snprintf(p->words + len, sizeof(p->words) - (size_t)len, " iommu=nopt");
	p->flush = t->flush != FLUSH_ANY;
	if (p->flush)
		len += snprintf(p->words + len, sizeof(p->words) - (size_t)len, " iommu.strict=%d",
				t->flush == FLUSH_SYNC);
	if (t->allow_unsafe_interrupts)
		snprintf(p->words + len, sizeof(p->words) - (size_t)len,
			 " vfio_iommu_type1.allow_unsafe_interrupts=1 iommufd.allow_unsafe_interrupts=1");
}

/* The one of the last change, if the image that it made is still there: nothing has to be unpacked then. */
static const struct generator *known(const char *image)
{
	const char *what;
	struct journal last;
	bool open;

	if (journal_read(&last, &open) < 0 || open || !fingerprint_after(image))
		return NULL;
	return generator_find(last.generator, &what);
}

/* Of several the one that made an image. */
static const struct generator *proven_by_image(const struct loader *loader, bool *images)
{
	const struct generator *g = NULL;

	*images = false;
	for (size_t i = 0; loader && !g && i < loader->entries.count; i++) {
		const struct boot_entry *e = &loader->entries.list[i];
		if (!e->own || !e->image[0] || access(e->image, R_OK) < 0)
			continue;
		*images = true;
		g = known(e->image);
		g = g ? g : generator_of(e->image);
	}
	return g;
}

int plan_generator(const char *name, const struct loader *loader, const struct journal *last,
		   const struct generator **generator)
{
	const struct generator *proven = NULL;
	const char *what;
	bool images = false;

	*generator = NULL;
	if (name && strcmp(name, "none") == 0)
		return 0;
	if (!name && generator_several()) {
		proven = proven_by_image(loader, &images);
		if (!proven && last)
			proven = generator_find(last->generator, &what);
	}
	*generator = proven ? proven : generator_find(name, &what);
	if (*generator && images && !proven && !last) {
		*generator = NULL;
		return refuse(GENERATOR_UNCLEAR, "several of %s are installed, and none of them has made the images "
						 "that are there", generator_programs());
	}
	if (*generator)
		return 0;
	if (!what)
		return fail("--initramfs=%s: use %s", name, generator_names());
	return fail("%s is missing, which builds the initramfs; install it, or use --initramfs=none and build it "
		    "yourself", what);
}

int plan_edits(const char *target, const struct generator *generator, bool enforcing, struct edits *edits)
{
	const struct generator *g;

	int r = edits_add(edits, ROLE_TARGET, TARGET_PATH, target);
	for (size_t i = 0; r == 0 && (g = generator_at(i)); i++)
		if (g->config)
			r = edits_add_ours(edits, ROLE_IMAGES, g->config,
					   target && g == generator ? g->settings(enforcing) : NULL);
	return -r;
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
	const char *running = facts_cmdline(p->facts);
	int code = backend_choose(name, p->loader, p->root, running, p->words, &p->snapshot, &p->backend);
	if (code == 0 && !p->backend->needs_block_device)
		p->loader = true;
	return code;
}

static bool is_listed(const struct kernels *kernels, const char *release)
{
	for (size_t i = 0; i < kernels->count; i++)
		if (strcmp(kernels->list[i].release, release) == 0)
			return true;
	return false;
}

/* Whatever entries say of their images: what a kernel can do is asked of each that could be booted. */
static int add_installed(struct plan *p)
{
	struct kernels all;

	int r = kernels_list(&all);
	for (size_t i = 0; i < p->kernels.count && r == 0; i++)
		r = kernels_add(&p->installed, p->kernels.list[i].release, p->kernels.list[i].image);
	for (size_t i = 0; i < all.count && r == 0; i++) {
		const char *release = all.list[i].release;
		if (!is_listed(&p->installed, release) && kernel_has_modules(release))
			r = kernels_add(&p->installed, release, "");
	}
	kernels_free(&all);
	return r;
}

/* One without an initramfs is edited all the same. */
static bool any_own(struct plan *p)
{
	const struct boot_entries *entries = &snapshot_of(&p->snapshot, p->backend)->entries;

	for (size_t i = 0; i < entries->count; i++)
		if (entries->list[i].own)
			return true;
	return false;
}

int plan_make(struct plan *p)
{
	char text[TARGET_MAX + 1];

	/* Kernels, images and entries are looked for there. */
	int code = mounts_check("/boot");
	if (code == 0)
		code = plan_target(p);
	if (code)
		return code;
	int r = kernels_list(&p->kernels);
	if (r < 0)
		return fail("/boot: %s", strerror(-r));
	plan_words(p);
	code = plan_backend(p);
	if (code == 0)
		code = plan_generator(p->request->initramfs, snapshot_of(&p->snapshot, p->backend), NULL,
				      &p->generator);
	if (code)
		return code;
	const struct mode_words wish = { .mode = mode_name(p->target.mode), .words = p->words, .flush = p->flush,
					 .images = p->generator != NULL, .running = facts_cmdline(p->facts) };
	char *old = file_read(TARGET_PATH, NULL); /* what can't be read is told by whoever adds it to the edits */
	target_rewrite(old, &p->target, text);
	free(old);
	code = plan_edits(text, p->generator, p->target.on_mismatch != POLICY_WARN, &p->edits);
	if (code == 0)
		code = -p->backend->edit(&wish, &p->snapshot, &p->edits);
	if (code)
		return code;
	bool installed = p->kernels.count > 0;
	r = kernels_place(snapshot_of(&p->snapshot, p->backend), &p->edits, &p->kernels);
	if (r == 0)
		r = add_installed(p);
	if (r < 0)
		return fail("%s", strerror(-r));
	if (p->kernels.count > 0 || any_own(p))
		return 0;
	if (!installed)
		return refuse(NO_ENTRY, "no kernel is installed (no /boot/vmlinuz-*, no /lib/modules/*/vmlinuz); "
					"install one, and run this again");
	return refuse(NO_ENTRY, "no boot entry of an installed kernel has an initramfs, so nothing could check "
				"the mode early in the boot; have one made, and run this again");
}

void plan_free(struct plan *p)
{
	kernels_free(&p->kernels);
	kernels_free(&p->installed);
	edits_free(&p->edits);
	snapshot_free(&p->snapshot);
}
