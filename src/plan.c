/* What a request comes to; see plan.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grub.h"
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
	target_format(&p->target, text, sizeof(text));
	p->after.text[SETTING_TARGET] = strdup(text);
	return p->after.text[SETTING_TARGET] ? 0 : fail("%s", strerror(ENOMEM));
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

int plan_tools(const char *backend, const char *initramfs, const char *words, bool loader, const struct generator **generator)
{
	static const char *const backends[] = { "grub-file", "bls", "systemd-boot", "uki", "proxmox", "update-bootloader",
						"sdbootutil" };
	const char *what;

	*generator = NULL;
	for (size_t i = 0; backend && i < sizeof(backends) / sizeof(backends[0]); i++)
		if (strcmp(backend, backends[i]) == 0)
			return refuse(BOOTLOADER_UNSUPPORTED, "--backend=%s is not there yet; put '%s' on the kernel command "
				      "line by hand", backend, words);
	if (backend && strcmp(backend, "grub") != 0)
		return fail("--backend=%s: no such back end", backend);

	int r = grub_detect(loader, &what);
	if (r == -ENOENT && strcmp(what, GRUB_CONFIG) != 0)
		return fail("%s is missing; install it, or put '%s' on the kernel command line by hand", what, words);
	if (r < 0)
		return refuse(BOOTLOADER_UNSUPPORTED, "this is no boot loader that is known here (no %s); put '%s' on the "
			      "kernel command line by hand", what, words);

	if (initramfs && strcmp(initramfs, "mkinitcpio") == 0)
		return fail("--initramfs=mkinitcpio is not there yet");
	if (initramfs && strcmp(initramfs, "none") == 0)
		return 0;
	if (initramfs && strcmp(initramfs, "dracut") != 0 && strcmp(initramfs, "initramfs-tools") != 0)
		return fail("--initramfs=%s: use dracut, initramfs-tools or none", initramfs);
	*generator = generator_find(initramfs, &what);
	if (!*generator)
		return fail("%s is missing; install it, or use --initramfs=none and build the images yourself", what);
	return 0;
}

static int plan_settings(struct plan *p)
{
	bool dracut = p->generator && strcmp(p->generator->name, "dracut") == 0;

	p->after.text[SETTING_DROPIN] = grub_dropin(mode_name(p->target.mode), p->words, p->flush);
	if (!p->after.text[SETTING_DROPIN])
		return fail("%s", strerror(ENOMEM));
	/* Without it a module that somebody omits would be left out of an enforcing image without a word. */
	if (dracut && p->target.on_mismatch != POLICY_WARN)
		p->after.text[SETTING_DRACUT] =
			strdup("# Written by iommu-install: an image that must stop on a wrong IOMMU mode is not built without the check.\n"
			       "force_add_dracutmodules+=\" iommu-verify \"\n");
	return settings_read(&p->before) < 0 ? EXIT_INVALID : 0;
}

int plan_make(struct plan *p)
{
	int r = kernels_list(&p->kernels);
	if (r < 0)
		return fail("/boot: %s", strerror(-r));
	if (p->kernels.count == 0)
		return fail("/boot: no kernel (vmlinuz-*)");
	int code = plan_target(p);
	if (code)
		return code;
	plan_words(p);
	code = plan_tools(p->request->backend, p->request->initramfs, p->words, p->loader, &p->generator);
	return code ? code : plan_settings(p);
}

/* In this boot it has been asked, or named, before: what the files say since is what the next boot will have. */
static bool proven_before(const struct plan *p)
{
	struct journal last;
	bool open;

	return p->facts && journal_read(&last, &open) == 0 && last.boot_id[0] &&
	       strcmp(last.boot_id, p->facts->evidence.boot_id) == 0;
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
		.proven = p->request->backend || proven_before(p),
		.force = p->request->force,
		.dry_run = p->request->dry_run,
	};

	return preflight(&view);
}

bool plan_changes_files(const struct plan *p)
{
	for (int i = 0; i < SETTINGS; i++)
		if (!settings_same(&p->before, &p->after, (enum setting)i))
			return true;
	return false;
}

void plan_free(struct plan *p)
{
	kernels_free(&p->kernels);
	settings_free(&p->before);
	settings_free(&p->after);
}
