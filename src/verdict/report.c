/* The verdict as text and as JSON; see report.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "verdict/report.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "model/reason.h"

static const char *json_bool(bool value)
{
	return value ? "true" : "false";
}

static void json_target(FILE *out, const struct target *t)
{
	const char *comma = "";

	fprintf(out, " \"target\": {\"mode\": \"%s\", \"accept\": [", mode_name(t->mode));
	for (int m = 0; m < MODES_WANTED; m++) {
		if (!(t->accept & (1u << m)))
			continue;
		fprintf(out, "%s\"%s\"", comma, mode_name((enum mode)m));
		comma = ", ";
	}
	fprintf(out, "], \"on_mismatch\": \"%s\", \"on_late_mismatch\": \"%s\", \"flush\": \"%s\",\n",
		policy_name(t->on_mismatch), t->late_same ? "same" : "warn", flush_name(t->flush));
	fprintf(out, "   \"interrupts\": \"%s\", \"exposed\": \"%s\",\n", t->remapped ? "remapped" : "any",
		t->translated ? "translated" : "any");
	fprintf(out, "   \"allow_unsafe_interrupts\": %s, \"allow_override\": %s, \"delay\": %u},\n",
		json_bool(t->allow_unsafe_interrupts), json_bool(t->allow_override), t->delay);
}

static void json_outliers(FILE *out, const struct groups *groups)
{
	const char *comma = "";

	fputs("   \"outliers\": [", out);
	for (size_t i = 0; i < groups->count; i++) {
		const struct group *g = &groups->list[i];
		if (!g->tolerated)
			continue;
		fprintf(out, "%s{\"group\": %u, \"type\": \"%s\", \"devices\": [", comma, g->number,
			domain_name(g->type));
		comma = ",\n     ";
		const char *separator = "";
		for (const char *p = g->devices; p && *p; p += *p == ' ') {
			size_t len = strcspn(p, " ");
			char name[256];

			snprintf(name, sizeof(name), "%.*s", (int)len, p);
			fputs(separator, out);
			json_string(out, name);
			separator = ", ";
			p += len;
		}
		fprintf(out, "], \"why\": \"%s\"}", g->excuse);
	}
	fputs("]},\n", out);
}

static void json_effective(FILE *out, const struct evidence *e)
{
	fprintf(out, " \"effective\": {\"mode\": \"%s\", \"flush\": \"%s\",\n   \"units\": [", mode_name(e->effective),
		flush_name(e->flush));
	for (unsigned i = 0; i < e->nunits; i++) {
		fputs(i ? ", " : "", out);
		json_string(out, e->units[i].name);
	}
	fprintf(out, "], \"groups\": {\"identity\": %u, \"DMA\": %u, \"DMA-FQ\": %u, \"other\": %u},\n",
		e->count.of[DOMAIN_IDENTITY], e->count.of[DOMAIN_DMA], e->count.of[DOMAIN_DMA_FQ],
		e->count.of[DOMAIN_OTHER]);
	json_outliers(out, &e->groups);
}

static void json_modules(FILE *out, const struct params *params)
{
	static const char *const values[] = { "null", "\"N\"", "\"Y\"" };

	fputs(" \"modules\": {", out);
	for (int p = 0; p < PARAMS; p++)
		fprintf(out, "%s\n   \"%s.%s\": {\"value\": %s, \"source\": \"%s\"}", p ? "," : "",
			param_module((enum param)p), param_name((enum param)p), values[params->state[p].value + 1],
			source_name(params->state[p].source));
	fputs("},\n", out);
}

static void json_findings(FILE *out, const char *name, const struct findings *findings)
{
	fprintf(out, " \"%s\": [", name);
	for (unsigned i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];
		fprintf(out, "%s{\"code\": \"%s\", \"message\": ", i ? ",\n   " : "", reason_code(finding->reason));
		json_string(out, finding->message);
		fputs(", \"hint\": ", out);
		json_string(out, finding->hint);
		fputc('}', out);
	}
	fputs("],\n", out);
}

void report_json(FILE *out, const struct facts *f, const struct judgement *j, bool override, const char *early)
{
	const struct evidence *e = &f->evidence;

	fprintf(out, "{\"schema\": 1,\n \"verdict\": \"%s\",\n \"phase\": \"%s\",\n", verdict_name(j->verdict),
		f->phase == PHASE_EARLY ? "early" : "late");
	if (early)
		fprintf(out, " \"early\": \"%s\",\n", early);
	fprintf(out, " \"transitional\": %s,\n \"override\": %s,\n", json_bool(j->transitional), json_bool(override));
	if (f->target_status == 0)
		json_target(out, &f->target);
	else
		fputs(" \"target\": null,\n", out);
	json_effective(out, e);
	fputs(" \"cmdline\": {\"text\": ", out);
	json_string(out, e->cmdline);
	fprintf(out, ", \"mode\": \"%s\"},\n", mode_name(cmdline_mode(e->cmdline, e->vendor, e->kernel)));
	json_modules(out, &e->params);
	json_findings(out, "reasons", &j->reasons);
	json_findings(out, "notes", &j->notes);
	fputs(" \"kernel\": ", out);
	json_string(out, e->release);
	fputs(", \"boot_id\": ", out);
	json_string(out, e->boot_id);
}

void report_effective(const struct facts *f, char *buf, size_t size)
{
	const struct evidence *e = &f->evidence;
	bool chosen = f->target_status != -ENOENT || f->line.power.result == NO;
	const struct counts *c = &e->count;
	const struct {
		unsigned count;
		const char *name;
	} kinds[] = {
		{ c->of[DOMAIN_IDENTITY], "identity" },
		{ c->of[DOMAIN_DMA], "DMA" },
		{ c->of[DOMAIN_DMA_FQ], "DMA-FQ" },
		{ c->noiommu, "noiommu" },
		{ c->of[DOMAIN_OTHER] - c->noiommu, "other" },
	};
	char groups[96] = " none";
	size_t len = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].count)
			len += (size_t)snprintf(groups + len, sizeof(groups) - len, "%s %u %s", len ? "," : "",
						kinds[i].count, kinds[i].name);
	if (e->count.outliers)
		snprintf(groups + len, sizeof(groups) - len, ", %u tolerated", e->count.outliers);

	char units[96] = "none";
	len = 0;
	for (unsigned i = 0; i < e->nunits && i < 3; i++)
		len += (size_t)snprintf(units + len, sizeof(units) - len, "%s%.20s", i ? ", " : "", e->units[i].name);
	if (e->nunits > 3)
		snprintf(units + len, sizeof(units) - len, " and %u more", e->nunits - 3);
	snprintf(buf, size, "%s (units: %s; groups:%s)", 
		 e->effective == MODE_OFF_FOR_UIO && !chosen ? "off" : mode_name(e->effective), units, groups);
}

void report_outliers(FILE *out, const struct groups *groups)
{
	const char *name = "outliers:";

	for (size_t i = 0; i < groups->count; i++) {
		const struct group *g = &groups->list[i];
		if (!g->tolerated)
			continue;
		fprintf(out, "%-11s group %u is %s: %s (%s), tolerated\n", name, g->number, domain_name(g->type),
			g->devices, g->excuse);
		name = "";
	}
}

static void text_findings(FILE *out, const char *name, const struct findings *findings)
{
	for (unsigned i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];
		fprintf(out, "%-11s %s: %s\n%-11s -> %s\n", name, reason_code(finding->reason), finding->message, "",
			finding->hint);
	}
}

void report_modules(FILE *out, const struct params *params)
{
	static const char *const values[] = { "-", "N", "Y" };

	for (int p = 0; p < PARAMS; p++)
		fprintf(out, "%-11s %s.%s=%s (%s)\n", p ? "" : "modules:", param_module((enum param)p),
			param_name((enum param)p), values[params->state[p].value + 1],
			source_name(params->state[p].source));
}

void report_findings(FILE *out, const struct judgement *j)
{
	text_findings(out, "reason:", &j->reasons);
	text_findings(out, "note:", &j->notes);
}

void report_text(FILE *out, const struct facts *f, const struct judgement *j)
{
	const struct evidence *e = &f->evidence;
	char effective[256];

	fprintf(out, "%-11s %s%s\n", "verdict:", verdict_name(j->verdict), j->transitional ? " (transitional)" : "");
	if (f->target_status == 0)
		fprintf(out, "%-11s %s (on-mismatch=%s)\n", "target:", mode_name(f->target.mode),
			policy_name(f->target.on_mismatch));
	else
		fprintf(out, "%-11s %s\n", "target:", f->target_status == -ENOENT ? "none" : "invalid");
	report_effective(f, effective, sizeof(effective));
	fprintf(out, "%-11s %s\n", "effective:", effective);
	report_outliers(out, &e->groups);
	if (e->flush != FLUSH_NONE)
		fprintf(out, "%-11s %s\n", "flush:", flush_name(e->flush));
	fprintf(out, "%-11s %s\n", "mode:", mode_name(cmdline_mode(e->cmdline, e->vendor, e->kernel)));
	report_modules(out, &e->params);
	report_findings(out, j);
}
