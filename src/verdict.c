/* The verdict: evidence held against the target, with reasons; see verdict.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "verdict.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What a rule looks at. */
struct view {
	const struct facts *f;
	const struct evidence *e;
	const struct wish *power, *pt; /* of the command line */
	enum mode wanted;
};

/* --- Conditions ---------------------------------------------------------------------------------------------------- */

static bool no_table_in_vm(const struct view *v)
{
	return !v->e->table && v->e->platform.hypervisor;
}

static bool no_table(const struct view *v)
{
	return !v->e->table;
}

static bool xen_has_it(const struct view *v)
{
	return !v->e->table && v->e->platform.xen_dom0;
}

static bool acpi_is_off(const struct view *v)
{
	return !v->e->table && v->f->line.acpi_off;
}

static bool acpi_is_off_in_vm(const struct view *v)
{
	return acpi_is_off(v) && no_table_in_vm(v);
}

static bool swiotlb_ends_it(const struct view *v)
{
	return v->power->result == NO && strncmp(v->power->no, "swiotlb=", 8) == 0;
}

static bool off_after_on(const struct view *v)
{
	return v->power->result == NO && v->power->yes[0];
}

static bool swiotlb_after_on(const struct view *v)
{
	return off_after_on(v) && swiotlb_ends_it(v);
}

/* AMD-Vi is on by default, VT-d by the kernel's configuration. */
static bool not_asked_on(const struct view *v)
{
	return v->power->result == NO || (v->power->result == UNSAID && v->e->vendor == VENDOR_INTEL);
}

static bool near_on(const struct view *v)
{
	return not_asked_on(v) && v->power->near_yes[0];
}

static bool says_off(const struct view *v)
{
	return v->power->result == NO;
}

static bool off_then_on(const struct view *v)
{
	return v->power->no[0];
}

static bool near_off(const struct view *v)
{
	return v->power->near_no[0];
}

static bool says_pt(const struct view *v)
{
	return v->pt->result == YES;
}

static bool pt_defeated(const struct view *v)
{
	return v->pt->yes[0];
}

static bool near_pt(const struct view *v)
{
	return v->pt->near_yes[0];
}

static bool says_nopt(const struct view *v)
{
	return v->pt->result == NO;
}

static bool opted_in(const struct view *v)
{
	return v->f->opted_in;
}

static bool near_nopt(const struct view *v)
{
	return v->pt->near_no[0];
}

static const struct param_state *state(const struct view *v, enum param param)
{
	return &v->e->params.state[param];
}

static bool noiommu_is_on(const struct view *v)
{
	return state(v, PARAM_NOIOMMU)->value == 1;
}

static bool noiommu_is_absent(const struct view *v)
{
	return state(v, PARAM_NOIOMMU)->source == SOURCE_ABSENT;
}

static bool noiommu_is_off(const struct view *v)
{
	return !noiommu_is_absent(v) && !noiommu_is_on(v);
}

static bool vfio_is_blocked(const struct view *v)
{
	return !v->e->params.vfio_loaded && v->e->params.vfio_blocked[0];
}

static bool type1_is_unsafe(const struct view *v)
{
	return state(v, PARAM_TYPE1)->value == 1 && !v->f->target.allow_unsafe_interrupts;
}

static bool iommufd_is_unsafe(const struct view *v)
{
	return state(v, PARAM_IOMMUFD)->value == 1 && !v->f->target.allow_unsafe_interrupts;
}

static bool flush_differs(const struct view *v)
{
	return v->f->target.flush != FLUSH_ANY && v->f->target.flush != v->e->flush;
}

static bool early_check_is_missing(const struct view *v)
{
	return v->f->early_missing;
}

static bool target_is_stale(const struct view *v)
{
	return v->f->stale;
}

static bool virtio_may_come(const struct view *v)
{
	return v->e->virtio_iommu;
}

/* --- Rules ----------------------------------------------------------------------------------------------------------- */

#define ONE(mode) (1u << (mode))
#define OFF (ONE(MODE_OFF_FOR_UIO) | ONE(MODE_OFF_FOR_VFIO))
#define ON (ONE(MODE_STRICT) | ONE(MODE_PT))
#define ANY (~0u)

struct rule {
	unsigned wanted, found;              /* sets of modes */
	bool (*applies)(const struct view *view); /* NULL: always */
	enum reason reason;
	const char *seen;
	const char *todo; /* NULL: the reason's own hint */
};

/* Why the mode is another one: the first rule that applies says it. */
static const struct rule mode_rules[] = {
	{ ANY, ONE(MODE_MIXED), NULL, MIXED_GROUPS, "groups disagree: {mixed}" },

	{ ON, OFF, xen_has_it, FIRMWARE_OFF, "Xen has the IOMMU: its dom0 sees no DMAR or IVRS table",
	  "set the IOMMU on Xen's own command line (iommu=, dom0-iommu=)" },
	{ ON, OFF, acpi_is_off_in_vm, NO_VIOMMU, "no DMAR or IVRS table is seen: acpi=off is on the kernel command line",
	  "take acpi=off out and reboot" },
	{ ON, OFF, no_table_in_vm, NO_VIOMMU, "this virtual machine has no IOMMU (no DMAR or IVRS table)" },
	{ ON, OFF, acpi_is_off, FIRMWARE_OFF, "no DMAR or IVRS table is seen: acpi=off is on the kernel command line",
	  "take acpi=off out and reboot" },
	{ ON, OFF, no_table, FIRMWARE_OFF, "the firmware offers no IOMMU (no DMAR or IVRS table)" },
	{ ON, OFF, swiotlb_after_on, TOKEN_OVERRIDDEN,
	  "'{off}' on the line keeps this kernel from looking for an IOMMU",
	  "take it out and reboot; iommu-install leaves it alone" },
	{ ON, OFF, off_after_on, TOKEN_OVERRIDDEN, "'{on}' is on the line, and '{off}' defeats it" },
	{ ON, OFF, near_on, TOKEN_INVALID, "the kernel ignores '{near-on}'" },
	{ ON, OFF, swiotlb_ends_it, TOKEN_MISSING, "'{off}' on the line keeps this kernel from looking for an IOMMU",
	  "take it out and reboot; iommu-install leaves it alone" },
	{ ON, OFF, says_off, TOKEN_MISSING, "'{off}' is on the line" },
	{ ON, OFF, not_asked_on, TOKEN_MISSING, "the kernel command line does not ask for {wanted}" },
	{ ON, OFF, NULL, KERNEL_OFF, "firmware table and command line allow it, but no IOMMU driver is active" },

	{ ONE(MODE_PT), ONE(MODE_STRICT), says_pt, KERNEL_OVERRIDE, "the line says '{pt}', the kernel translates" },
	{ ONE(MODE_PT), ONE(MODE_STRICT), pt_defeated, TOKEN_OVERRIDDEN, "'{pt}' is on the line, and '{nopt}' defeats it" },
	{ ONE(MODE_PT), ONE(MODE_STRICT), near_pt, TOKEN_INVALID, "the kernel ignores '{near-pt}'" },
	{ ONE(MODE_PT), ONE(MODE_STRICT), NULL, TOKEN_MISSING, "the kernel command line does not ask for pt" },

	{ ONE(MODE_STRICT), ONE(MODE_PT), says_pt, TOKEN_OVERRIDDEN, "'{pt}' is on the line" },
	{ ONE(MODE_STRICT), ONE(MODE_PT), says_nopt, KERNEL_OVERRIDE, "the line says '{nopt}', the kernel passes through" },
	{ ONE(MODE_STRICT), ONE(MODE_PT), opted_in, KERNEL_OVERRIDE,
	  "the firmware's opt-in switched VT-d on, with identity domains (kernel log)" },
	{ ONE(MODE_STRICT), ONE(MODE_PT), near_nopt, TOKEN_INVALID, "the kernel ignores '{near-nopt}'" },
	{ ONE(MODE_STRICT), ONE(MODE_PT), NULL, TOKEN_MISSING,
	  "nothing on the line asks for translation, and this kernel's default is passthrough" },

	{ OFF, ON, says_off, KERNEL_OVERRIDE, "the line says '{off}', the kernel keeps the IOMMU on" },
	{ OFF, ON, off_then_on, TOKEN_OVERRIDDEN, "'{off}' is on the line, and '{on}' defeats it" },
	{ OFF, ON, near_off, TOKEN_INVALID, "the kernel ignores '{near-off}'" },
	{ OFF, ON, NULL, TOKEN_MISSING, "the kernel command line does not switch the IOMMU off" },
};

/* What else is wrong: every rule that applies adds to it. */
static const struct rule other_rules[] = {
	{ ~ONE(MODE_OFF_FOR_VFIO), ANY, noiommu_is_on, NOIOMMU_ENABLED,
	  "vfio.enable_unsafe_noiommu_mode is Y ({noiommu})" },
	{ ONE(MODE_OFF_FOR_VFIO), ANY, noiommu_is_absent, NOIOMMU_UNSUPPORTED,
	  "vfio of kernel {kernel} has no enable_unsafe_noiommu_mode" },
	{ ONE(MODE_OFF_FOR_VFIO), ANY, noiommu_is_off, NOIOMMU_DISABLED,
	  "vfio.enable_unsafe_noiommu_mode is N ({noiommu})" },
	{ ONE(MODE_OFF_FOR_VFIO), ANY, vfio_is_blocked, MODULE_BLOCKED, "{blocked}" },
	{ ON, ANY, type1_is_unsafe, UNSAFE_INTERRUPTS, "vfio_iommu_type1.allow_unsafe_interrupts is Y ({type1})" },
	{ ON, ANY, iommufd_is_unsafe, UNSAFE_INTERRUPTS, "iommufd.allow_unsafe_interrupts is Y ({iommufd})" },
	{ ANY, ONE(MODE_STRICT), flush_differs, FLUSH_MISMATCH, "flush policy is {flush}, wanted {wanted-flush}" },
	{ ANY, ANY, early_check_is_missing, EARLY_CHECK_MISSING, "no early check ran in this boot" },
};

static const char stale_text[] = "{target} is not what this boot's early check judged by";

/* What is worth saying and wrong in no mode it is said in. */
static const struct rule note_rules[] = {
	{ ~ONE(MODE_OFF_FOR_VFIO), ANY, vfio_is_blocked, MODULE_BLOCKED, "{blocked}" },
	{ OFF, ANY, type1_is_unsafe, UNSAFE_INTERRUPTS, "vfio_iommu_type1.allow_unsafe_interrupts is Y ({type1})",
	  "take it out; without an IOMMU it does nothing" },
	{ OFF, ANY, iommufd_is_unsafe, UNSAFE_INTERRUPTS, "iommufd.allow_unsafe_interrupts is Y ({iommufd})",
	  "take it out; without an IOMMU it does nothing" },
	{ ANY, ANY, target_is_stale, TARGET_STALE, stale_text },
	{ ANY, OFF, virtio_may_come, VIRTIO_IOMMU,
	  "a virtio-iommu comes up when its driver is loaded; no word switches it off" },
};

/* --- Sentences --------------------------------------------------------------------------------------------------------- */

/* Up to three of the groups that are fewer and have no excuse, with their devices. */
static void name_mixed(const struct evidence *e, char *buf, size_t size)
{
	const struct counts *c = &e->count;
	bool identity = c->identity <= c->translated;
	unsigned named = 0, left = 0;
	size_t len = (size_t)snprintf(buf, size, "%u identity, %u translated", c->identity, c->translated);

	for (size_t i = 0; i < e->groups.count && len < size; i++) {
		const struct group *g = &e->groups.list[i];
		if (g->gone || g->excuse || g->type == DOMAIN_OTHER || (g->type == DOMAIN_IDENTITY) != identity)
			continue;
		if (named == 3)
			left++;
		else
			len += (size_t)snprintf(buf + len, size - len, "%s group %u (%.40s)", named++ ? "," : ";", g->number,
						g->devices ? g->devices : "?");
	}
	if (left && len < size)
		snprintf(buf + len, size - len, " and %u more", left);
}

/* Writes text with each {name} replaced. */
static void expand(const struct view *v, const char *text, char *buf, size_t size)
{
	char mixed[180] = "";
	const struct {
		const char *name, *value;
	} names[] = {
		{ "{wanted}", mode_name(v->wanted) },
		{ "{on}", v->power->yes },
		{ "{off}", v->power->no },
		{ "{pt}", v->pt->yes },
		{ "{nopt}", v->pt->no },
		{ "{near-on}", v->power->near_yes },
		{ "{near-off}", v->power->near_no },
		{ "{near-pt}", v->pt->near_yes },
		{ "{near-nopt}", v->pt->near_no },
		{ "{mixed}", mixed },
		{ "{kernel}", v->e->release },
		{ "{noiommu}", source_name(state(v, PARAM_NOIOMMU)->source) },
		{ "{type1}", source_name(state(v, PARAM_TYPE1)->source) },
		{ "{iommufd}", source_name(state(v, PARAM_IOMMUFD)->source) },
		{ "{blocked}", v->e->params.vfio_blocked },
		{ "{flush}", flush_name(v->e->flush) },
		{ "{wanted-flush}", flush_name(v->f->target.flush) },
		{ "{missing}", v->e->missing },
		{ "{target}", v->f->target_path },
		{ "{error}", v->f->target_error.text },
	};
	size_t len = 0;

	if (v->e->effective == MODE_MIXED)
		name_mixed(v->e, mixed, sizeof(mixed));
	while (*text && len + 1 < size) {
		const char *value = NULL;
		size_t i;

		for (i = 0; *text == '{' && i < sizeof(names) / sizeof(names[0]) && !value; i++)
			if (strncmp(text, names[i].name, strlen(names[i].name)) == 0)
				value = names[i].value;
		if (!value) {
			buf[len++] = *text++;
			continue;
		}
		int n = snprintf(buf + len, size - len, "%s", value);
		len = (size_t)n < size - len ? len + (size_t)n : size - 1;
		text += strlen(names[i - 1].name);
	}
	buf[len] = '\0';
}

static void add(struct findings *to, const struct view *v, enum reason reason, const char *seen, const char *todo)
{
	if (to->count == FINDINGS_MAX)
		return;

	struct finding *finding = &to->list[to->count++];
	finding->reason = reason;
	expand(v, seen, finding->message, sizeof(finding->message));
	expand(v, todo ? todo : reason_hint(reason), finding->hint, sizeof(finding->hint));
}

static bool applies(const struct rule *rule, const struct view *v)
{
	return rule->wanted & ONE(v->wanted) && rule->found & ONE(v->e->effective) &&
	       (!rule->applies || rule->applies(v));
}

static void apply(const struct rule *rules, size_t count, bool first_only, const struct view *v, struct findings *to)
{
	for (size_t i = 0; i < count; i++) {
		if (!applies(&rules[i], v))
			continue;
		add(to, v, rules[i].reason, rules[i].seen, rules[i].todo);
		if (first_only)
			return;
	}
}

/* --- The verdict --------------------------------------------------------------------------------------------------------- */

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* What leaves nothing to judge. Returns false if there is nothing of the kind. */
static bool cannot_judge(const struct view *v, struct judgement *j)
{
	const struct facts *f = v->f;
	char line[TARGET_MAX];

	j->verdict = VERDICT_UNKNOWN;
	if (f->target_status == -ENOENT) {
		j->verdict = VERDICT_NO_TARGET;
		if (f->stale)
			add(&j->notes, v, TARGET_STALE, stale_text, NULL);
		if (f->image_status == 0 && f->image.enforce != POLICY_WARN)
			add(&j->reasons, v, TARGET_MISSING, "{target}: not there, and this image must not start without it", NULL);
		return true;
	}
	if (f->target_status < 0) {
		snprintf(line, sizeof(line), f->target_error.line ? "{target}:%u: {error}" : "{target}: {error}",
			 f->target_error.line);
		add(&j->reasons, v, TARGET_INVALID, line, NULL);
		return true;
	}
	if (f->evidence.missing[0] || f->evidence.effective == MODE_UNKNOWN) {
		add(&j->reasons, v, EVIDENCE_MISSING, "{missing}", NULL);
		return true;
	}
	return false;
}

void judge(const struct facts *f, struct judgement *j)
{
	const struct evidence *e = &f->evidence;
	struct view v = { .f = f, .e = e, .power = &f->line.power, .pt = &f->line.pt, .wanted = f->target.mode };

	*j = (struct judgement){ 0 };
	if (cannot_judge(&v, j))
		return;

	/* While a change is under way the mode found may be another one; then that one's rules count. */
	if (e->effective < MODES_WANTED && (f->target.accept & ONE(e->effective)))
		v.wanted = e->effective;

	apply(mode_rules, LENGTH(mode_rules), true, &v, &j->reasons);
	apply(other_rules, LENGTH(other_rules), false, &v, &j->reasons);
	apply(note_rules, LENGTH(note_rules), false, &v, &j->notes);
	if (j->reasons.count == 0)
		j->verdict = VERDICT_MATCH;
	else
		j->verdict = f->pending ? VERDICT_PENDING : VERDICT_MISMATCH;
	j->transitional = j->verdict == VERDICT_MATCH && v.wanted != f->target.mode;
}

void judge_against(const struct facts *facts, const struct target *target, struct judgement *judgement)
{
	static struct facts other; /* too large for a careful stack */

	other = *facts;
	other.target = *target;
	other.target_status = 0;
	other.pending = other.early_missing = other.stale = false;
	judge(&other, judgement);
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
	bool late = f->phase == PHASE_LATE;

	if (f->target_status == 0) {
		d.policy = f->target.on_mismatch;
		d.delay = f->target.delay;
		d.override = f->line.soften && f->target.allow_override;
	} else if (f->image_status == 0) {
		d.policy = f->image.enforce;
		d.delay = policy_delay(f->image.enforce);
	} else {
		/* Nobody says what to do. Late there is no image to ask, and no target is none that could be missed. */
		d.give_up = !f->evidence.platform.kdump && (!late || f->target_status == -EINVAL);
	}
	/* The early check has decided about that for the whole boot. */
	if (late && f->early.judged)
		d.override = f->early.override;
	d.override_ignored = f->line.soften && !d.override;

	d.rescue = late && (f->line.rescue || f->stage == STAGE_RESCUE || f->stage == STAGE_STOPPING);
	d.orderly = late && f->stage == STAGE_FINISHED;
	if (d.orderly && !f->target.late_same)
		d.policy = POLICY_WARN;
	d.stop = j->verdict != VERDICT_MATCH && j->verdict != VERDICT_PENDING && d.policy != POLICY_WARN &&
		 !f->pending && !d.override && !d.rescue && !f->evidence.platform.kdump;
	return d;
}
