/* What monitoring sees; see prometheus.h.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A state is one metric with a series for each of its values, of which one is 1: so that a rule can ask for any of
 * them, and none of them ever vanishes.
 */
#include "show/prometheus.h"

#include "model/reason.h"

static void head(FILE *out, const char *name, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

/* A label's value: whatever is not plain text comes from no kernel that is real. */
static void label(FILE *out, const char *text)
{
	for (const char *c = text; *c; c++) {
		if (*c == '"' || *c == '\\')
			fprintf(out, "\\%c", *c);
		else
			fputc(*c >= ' ' && *c < 0x7f ? *c : '?', out);
	}
}

static void one(FILE *out, const char *name, const char *key, const char *value, unsigned number)
{
	fprintf(out, "%s{%s=\"%s\"} %u\n", name, key, value, number);
}

static void simple(FILE *out, const char *name, const char *help, unsigned number)
{
	head(out, name, help);
	fprintf(out, "%s %u\n", name, number);
}

/* --- States ------------------------------------------------------------------------------------------------------- */

/* found: MODE_DEFAULT and below, -1: none. */
static void mode_state(FILE *out, const char *name, const char *help, int count, int found)
{
	head(out, name, help);
	for (int m = 0; m < count; m++)
		one(out, name, "mode", mode_name((enum mode)m), m == found);
}

static void verdict_state(FILE *out, const char *name, const char *help, int found)
{
	head(out, name, help);
	for (int v = VERDICT_MATCH; v <= VERDICT_PENDING; v++)
		one(out, name, "verdict", verdict_name((enum verdict)v), v == found);
}

static void flush_state(FILE *out, enum flush found)
{
	head(out, "iommu_flush_policy", "How IOTLB entries are invalidated where something is translated.");
	for (int f = FLUSH_SYNC; f <= FLUSH_NONE; f++)
		one(out, "iommu_flush_policy", "policy", flush_name((enum flush)f), f == (int)found);
}

static void policy_state(FILE *out, const struct facts *f)
{
	head(out, "iommu_target_on_mismatch", "What the check of a boot does about a mismatch.");
	for (int p = POLICY_WARN; p <= POLICY_REBOOT; p++)
		one(out, "iommu_target_on_mismatch", "policy", policy_name((enum policy)p),
		    f->target_status == 0 && p == (int)f->target.on_mismatch);
}

static bool is_reason(const struct judgement *j, enum reason reason)
{
	for (unsigned i = 0; i < j->reasons.count; i++)
		if (j->reasons.list[i].reason == reason)
			return true;
	return false;
}

static void reasons(FILE *out, const struct judgement *j)
{
	head(out, "iommu_reason", "Why the verdict is no match.");
	for (int r = TARGET_MISSING; r < TARGET_STALE; r++)
		one(out, "iommu_reason", "code", reason_code((enum reason)r), is_reason(j, (enum reason)r));
}

/* --- Counts ------------------------------------------------------------------------------------------------------- */

static void groups(FILE *out, const struct counts *c)
{
	static const char name[] = "iommu_groups";

	head(out, name,
	     "IOMMU groups by the type of their default domain; outliers that are tolerated are counted as such.");
	for (int d = DOMAIN_OTHER; d <= DOMAIN_DMA_FQ; d++)
		one(out, name, "type", domain_name((enum domain)d), c->of[d]);
	one(out, name, "type", "tolerated", c->outliers);
}

static void parameters(FILE *out, const struct params *params)
{
	static const char name[] = "iommu_module_parameter_enabled";

	head(out, name,
	     "A module parameter that weakens isolation: 1 on, 0 off or not there; no series if nobody can tell.");
	for (int p = 0; p < PARAMS; p++) {
		const struct param_state *state = &params->state[p];
		if (state->value < 0 && state->source != SOURCE_ABSENT)
			continue;
		fprintf(out, "%s{module=\"%s\",parameter=\"%s\"} %d\n", name, param_module((enum param)p),
			param_name((enum param)p), state->value > 0);
	}
}

static void entries(FILE *out, const struct survey *s)
{
	static const char name[] = "iommu_boot_entries";

	if (!s->next.foreseen)
		return;
	head(out, name, "Boot entries of this system by what the early check of a boot by them would find; as root.");
	one(out, name, "verdict", verdict_name(VERDICT_MATCH), s->next.matching);
	one(out, name, "verdict", verdict_name(VERDICT_MISMATCH), s->next.mismatching);
	one(out, name, "verdict", verdict_name(VERDICT_UNKNOWN), s->next.unknown);
	simple(out, "iommu_boot_entries_unchecked", "Boot entries of this system whose image holds no check; as root.",
	       s->next.unchecked);
	simple(out, "iommu_reboot_required", "An entry has other parameters than the running kernel; as root.",
	       s->next.reboot_required);
	simple(out, "iommu_reboot_safe", "The early check would find no entry wrong; as root.", s->next.reboot_safe);
}

/* --- All of it ---------------------------------------------------------------------------------------------------- */

static void info(FILE *out, const struct evidence *e)
{
	head(out, "iommu_info", "The program and the kernel it looked at.");
	fputs("iommu_info{version=\"" VERSION "\",kernel=\"", out);
	label(out, e->release);
	fputs("\"} 1\n", out);
}

void prometheus_print(FILE *out, const struct survey *s)
{
	const struct facts *f = s->facts;
	const struct evidence *e = &f->evidence;
	bool wanted = f->target_status == 0;

	info(out, e);
	mode_state(out, "iommu_effective_mode", "The mode that the machine is in.", MODE_UNKNOWN + 1,
		   (int)e->effective);
	mode_state(out, "iommu_target_mode", "The mode that is wanted.", MODES_WANTED,
		   wanted ? (int)f->target.mode : -1);
	policy_state(out, f);
	mode_state(out, "iommu_next_boot_mode", "The mode that the boot loader's entries ask for.", MODE_DEFAULT + 1,
		   (int)s->next_boot);
	verdict_state(out, "iommu_verdict", "How the mode compares with the wanted one.", (int)s->judgement.verdict);
	if (f->early_read || f->early_missing)
		verdict_state(out, "iommu_early_check_verdict",
			      "What the early check of this boot found; none is 1 if it did not run.",
			      f->early_read ? (int)f->early.verdict : -1);
	reasons(out, &s->judgement);
	flush_state(out, e->flush);
	simple(out, "iommu_units", "IOMMU units that are active.", e->nunits);
	groups(out, &e->count);
	parameters(out, &e->params);
	entries(out, s);
	simple(out, "iommu_iommufd_available", "Whether /dev/iommu is there.", s->iommufd);
	simple(out, "iommu_vfio_cdevs", "Devices in /dev/vfio/devices.", s->cdevs);
}
