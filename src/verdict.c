/* The verdict: evidence held against the target, with reasons; see verdict.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "verdict.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What to do about each reason; "%s" is the wanted mode. */
static const char *const hints[] = {
	[TARGET_MISSING] = "put " TARGET_PATH " back (iommu-install MODE writes it) and rebuild the initramfs",
	[TARGET_INVALID] = "mend the file, or write it anew with 'iommu-install MODE'",
	[EVIDENCE_MISSING] = "mount /sys and /proc; if they are, report this kernel and machine",
	[MIXED_GROUPS] = "look at /sys/kernel/iommu_groups/*/type; somebody or something set groups apart",
	[FIRMWARE_OFF] = "switch on VT-d (Intel) or AMD-Vi, also called IOMMU (AMD), in the firmware setup",
	[NO_VIOMMU] = "give the virtual machine an IOMMU (QEMU: -device intel-iommu or amd-iommu)",
	[KERNEL_OFF] = "see the kernel log for DMAR or AMD-Vi errors",
	[KERNEL_OVERRIDE] = "see the kernel log for DMAR, AMD-Vi and 'iommu:' lines: kernel or platform chose otherwise",
	[TOKEN_MISSING] = "run 'iommu-install %s' and reboot",
	[TOKEN_INVALID] = "run 'iommu-install %s' and reboot; the kernel does not know that word",
	[TOKEN_OVERRIDDEN] = "run 'iommu-install %s', which takes the contrary words out, and reboot",
	[NOIOMMU_ENABLED] = "take vfio.enable_unsafe_noiommu_mode out of the command line and modprobe.d, and reboot",
	[NOIOMMU_DISABLED] = "run 'iommu-install %s' and reboot",
	[NOIOMMU_UNSUPPORTED] = "use a kernel with CONFIG_VFIO_NOIOMMU=y, or mode off-for-uio",
	[MODULE_BLOCKED] = "take the install line or module_blacklist= that keeps vfio from loading away",
	[UNSAFE_INTERRUPTS] = "take allow_unsafe_interrupts out, or run 'iommu-install %s --allow-unsafe-interrupts'",
	[FLUSH_MISMATCH] = "run 'iommu-install strict --flush=sync' or '--flush=lazy' and reboot",
	[EARLY_CHECK_MISSING] = "rebuild the initramfs with the iommu-verify hook and reboot",
	[TARGET_STALE] = "reboot, so that the early check judges by the present target",
};

static __attribute__((format(printf, 4, 5))) void add(struct findings *to, enum reason reason, enum mode wanted,
						      const char *format, ...)
{
	if (to->count == FINDINGS_MAX)
		return;

	struct finding *finding = &to->list[to->count++];
	va_list args;

	finding->reason = reason;
	va_start(args, format);
	vsnprintf(finding->message, sizeof(finding->message), format, args);
	va_end(args);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(finding->hint, sizeof(finding->hint), hints[reason], mode_name(wanted));
#pragma GCC diagnostic pop
}

static bool is_on(enum mode mode)
{
	return mode == MODE_STRICT || mode == MODE_PT;
}

/* In every branch a near miss that would have asked for what is wanted is told before a missing token. */
static void token_missing(const struct cmdline *line, bool near, enum mode wanted, struct findings *reasons)
{
	if (near)
		add(reasons, TOKEN_INVALID, wanted, "the kernel ignores '%s'", line->near);
	else
		add(reasons, TOKEN_MISSING, wanted, "the kernel command line does not ask for %s", mode_name(wanted));
}

static void wanted_on_is_off(const struct facts *f, enum mode wanted, struct findings *reasons)
{
	const struct evidence *e = &f->evidence;
	const struct wish *power = &f->line.power;

	if (!e->table && e->hypervisor)
		add(reasons, NO_VIOMMU, wanted, "this virtual machine has no IOMMU (no DMAR or IVRS table)");
	else if (!e->table)
		add(reasons, FIRMWARE_OFF, wanted, "the firmware offers no IOMMU (no DMAR or IVRS table)");
	else if (power->result == NO && power->said_yes)
		add(reasons, TOKEN_OVERRIDDEN, wanted, "the line switches the IOMMU on, and another word on it switches it off");
	else if (power->result == NO || (power->result == UNSAID && e->vendor == VENDOR_INTEL))
		token_missing(&f->line, power->near_yes, wanted, reasons);
	else
		add(reasons, KERNEL_OFF, wanted, "firmware table and command line allow it, but no IOMMU driver is active");
}

static void wanted_pt_is_strict(const struct facts *f, struct findings *reasons)
{
	const struct wish *pt = &f->line.pt;

	if (pt->result == YES)
		add(reasons, KERNEL_OVERRIDE, MODE_PT, "the line asks for passthrough, the kernel translates");
	else if (pt->said_yes)
		add(reasons, TOKEN_OVERRIDDEN, MODE_PT, "the line asks for passthrough, and a later word on it takes that back");
	else
		token_missing(&f->line, pt->near_yes, MODE_PT, reasons);
}

static void wanted_strict_is_pt(const struct facts *f, struct findings *reasons)
{
	const struct wish *pt = &f->line.pt;

	if (pt->result == YES)
		add(reasons, TOKEN_OVERRIDDEN, MODE_STRICT, "the line asks for passthrough");
	else if (pt->result == NO)
		add(reasons, KERNEL_OVERRIDE, MODE_STRICT, "the line asks for translation, the kernel passes through");
	else
		token_missing(&f->line, pt->near_no, MODE_STRICT, reasons);
}

static void wanted_off_is_on(const struct facts *f, enum mode wanted, struct findings *reasons)
{
	const struct wish *power = &f->line.power;

	if (power->result == NO)
		add(reasons, KERNEL_OVERRIDE, wanted, "the line switches the IOMMU off, the kernel keeps it on");
	else if (power->said_no)
		add(reasons, TOKEN_OVERRIDDEN, wanted, "the line switches the IOMMU off, and a later word on it switches it on");
	else
		token_missing(&f->line, power->near_no, wanted, reasons);
}

static void judge_mode(const struct facts *f, enum mode wanted, struct findings *reasons)
{
	enum mode found = f->evidence.effective;

	if (found == MODE_MIXED)
		add(reasons, MIXED_GROUPS, wanted, "%u groups are identity, %u are DMA or DMA-FQ",
		    f->evidence.groups.identity, f->evidence.groups.dma + f->evidence.groups.dma_fq);
	else if (is_on(wanted) && mode_is_off(found))
		wanted_on_is_off(f, wanted, reasons);
	else if (mode_is_off(wanted) && is_on(found))
		wanted_off_is_on(f, wanted, reasons);
	else if (wanted == MODE_PT && found == MODE_STRICT)
		wanted_pt_is_strict(f, reasons);
	else if (wanted == MODE_STRICT && found == MODE_PT)
		wanted_strict_is_pt(f, reasons);
}

static void judge_noiommu(const struct facts *f, enum mode wanted, struct findings *reasons)
{
	const struct param_state *noiommu = &f->evidence.params.state[PARAM_NOIOMMU];
	const char *source = source_name(noiommu->source);

	if (wanted != MODE_OFF_FOR_VFIO && noiommu->value == 1)
		add(reasons, NOIOMMU_ENABLED, wanted, "vfio.enable_unsafe_noiommu_mode is Y (%s)", source);
	else if (wanted == MODE_OFF_FOR_VFIO && noiommu->source == SOURCE_ABSENT)
		add(reasons, NOIOMMU_UNSUPPORTED, wanted, "vfio of kernel %s has no enable_unsafe_noiommu_mode",
		    f->evidence.release);
	else if (wanted == MODE_OFF_FOR_VFIO && noiommu->value != 1)
		add(reasons, NOIOMMU_DISABLED, wanted, "vfio.enable_unsafe_noiommu_mode is N (%s)", source);
}

/* kernel/module/main.c:module_blacklist, a core_param: a comma list of names, the last occurrence counts. */
static bool kernel_blacklists(const char *line, const char *module)
{
	char word[256];
	bool found = false;

	while (cmdline_word(&line, word, sizeof(word)) && strcmp(word, "--") != 0) {
		const char *value = cmdline_value(word, "module_blacklist");
		if (!value)
			continue;
		for (found = false; *value; value += value[0] == ',') {
			size_t len = strcspn(value, ",");
			found = found || (len == strlen(module) && strncmp(value, module, len) == 0);
			value += len;
		}
	}
	return found;
}

static void judge_blocked(const struct facts *f, enum mode wanted, struct judgement *j)
{
	const struct params *params = &f->evidence.params;
	struct findings *to = wanted == MODE_OFF_FOR_VFIO ? &j->reasons : &j->notes;

	if (params->vfio_loaded)
		return;
	if (params->vfio_blocked[0])
		add(to, MODULE_BLOCKED, wanted, "modprobe runs '%s' instead of loading vfio", params->vfio_blocked);
	else if (kernel_blacklists(f->evidence.cmdline, "vfio"))
		add(to, MODULE_BLOCKED, wanted, "module_blacklist= on the kernel command line keeps vfio from loading");
}

static void judge_interrupts(const struct facts *f, enum mode wanted, struct judgement *j)
{
	struct findings *to = is_on(wanted) ? &j->reasons : &j->notes;

	if (f->target.allow_unsafe_interrupts)
		return;
	for (enum param p = PARAM_TYPE1; p <= PARAM_IOMMUFD; p++)
		if (f->evidence.params.state[p].value == 1)
			add(to, UNSAFE_INTERRUPTS, wanted, "%s.%s is Y (%s)", param_module(p), param_name(p),
			    source_name(f->evidence.params.state[p].source));
}

static void judge_flush(const struct facts *f, struct findings *reasons)
{
	enum flush wanted = f->target.flush, found = f->evidence.flush;

	if (f->evidence.effective != MODE_STRICT || wanted == FLUSH_ANY || wanted == found)
		return;
	add(reasons, FLUSH_MISMATCH, MODE_STRICT, "flush policy is %s, wanted %s", flush_name(found), flush_name(wanted));
}

void judge(const struct facts *f, struct judgement *j)
{
	const struct evidence *e = &f->evidence;
	enum mode wanted = f->target.mode;

	*j = (struct judgement){ .verdict = VERDICT_UNKNOWN };

	if (f->target_status == -ENOENT) {
		j->verdict = VERDICT_NO_TARGET;
		if (f->image_status == 0 && f->image.enforce != POLICY_WARN)
			add(&j->reasons, TARGET_MISSING, wanted, "%s: not there, and this image must not start without it",
			    f->target_path);
		return;
	}
	if (f->target_status < 0) {
		if (f->target_error.line)
			add(&j->reasons, TARGET_INVALID, wanted, "%s:%u: %s", f->target_path, f->target_error.line,
			    f->target_error.text);
		else
			add(&j->reasons, TARGET_INVALID, wanted, "%s: %s", f->target_path, f->target_error.text);
		return;
	}
	if (e->missing[0]) {
		add(&j->reasons, EVIDENCE_MISSING, wanted, "%s", e->missing);
		return;
	}

	/* While a change is under way the mode found may be another one; then that one's rules count. */
	if (e->effective < MODES_WANTED && (f->target.accept & (1u << e->effective)))
		wanted = e->effective;

	judge_mode(f, wanted, &j->reasons);
	judge_noiommu(f, wanted, &j->reasons);
	judge_blocked(f, wanted, j);
	judge_interrupts(f, wanted, j);
	judge_flush(f, &j->reasons);
	if (f->early_missing)
		add(&j->reasons, EARLY_CHECK_MISSING, wanted, "no early check ran in this boot");

	if (j->reasons.count == 0)
		j->verdict = VERDICT_MATCH;
	else
		j->verdict = f->pending ? VERDICT_PENDING : VERDICT_MISMATCH;
	j->transitional = j->verdict == VERDICT_MATCH && wanted != f->target.mode;
}

int verdict_exit(const struct facts *f, const struct judgement *j)
{
	switch (j->verdict) {
	case VERDICT_MATCH:
		return EXIT_MATCH;
	case VERDICT_MISMATCH:
		return EXIT_MISMATCH;
	case VERDICT_NO_TARGET:
		return EXIT_NO_TARGET;
	case VERDICT_PENDING:
		return EXIT_PENDING;
	case VERDICT_UNKNOWN:
		break;
	}
	return f->target_status == -EINVAL ? EXIT_INVALID : EXIT_UNKNOWN;
}

struct decision decide(const struct facts *f, const struct judgement *j)
{
	struct decision d = { .policy = POLICY_WARN };

	if (f->target_status == 0) {
		d.policy = f->target.on_mismatch;
		d.delay = f->target.delay;
		d.override = f->line.soften && f->target.allow_override;
	} else if (f->image_status == 0) {
		d.policy = f->image.enforce;
		d.delay = policy_delay(f->image.enforce);
	} else {
		d.give_up = true;
	}
	d.override_ignored = f->line.soften && !d.override;
	d.stop = j->verdict != VERDICT_MATCH && j->verdict != VERDICT_PENDING && d.policy != POLICY_WARN &&
		 !d.override && !f->evidence.kdump;
	return d;
}
