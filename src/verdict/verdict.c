/* The verdict: evidence held against the target, with reasons; see verdict.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "verdict/verdict.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "evidence/demands.h"
#include "verdict/rules.h"

/* --- Sentences ---------------------------------------------------------------------------------------------------- */

/* The guilty groups: those that the kernel would have made otherwise; else, of identity and translated, those without
 * an excuse that are fewer, both where they are as many. Where all have an excuse nothing tells which, and those of the
 * fewer are named. Up to three, with their devices. */
static void name_mixed(const struct evidence *e, char *buf, size_t size)
{
	const struct counts *c = &e->count;
	unsigned guilty[2] = { 0 }, contrary = 0, named = 0, left = 0;
	size_t len = (size_t)snprintf(buf, size, "%u identity, %u translated", c->identity, c->translated);

	for (size_t i = 0; i < e->groups.count; i++) {
		const struct group *g = &e->groups.list[i];
		if (!g->gone && !g->excuse && g->type != DOMAIN_OTHER)
			guilty[g->type == DOMAIN_IDENTITY]++;
		contrary += !g->gone && g->contrary;
	}
	bool excused = guilty[0] + guilty[1] == 0;
	unsigned identity = excused ? c->identity : guilty[1], translated = excused ? c->translated : guilty[0];
	for (size_t i = 0; i < e->groups.count && len < size; i++) {
		const struct group *g = &e->groups.list[i];
		bool one = g->type == DOMAIN_IDENTITY;
		if (g->gone || g->type == DOMAIN_OTHER || (g->excuse && !excused) ||
		    (contrary ? !g->contrary : one ? identity > translated : translated > identity))
			continue;
		if (named == 3)
			left++;
		else
			len += (size_t)snprintf(buf + len, size - len, "%s group %u (%.40s%s%s)", named++ ? "," : ";",
						g->number, g->devices ? g->devices : "?", g->excuse ? ": " : "",
						g->excuse ? g->excuse : "");
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
		{ "{soft}", v->f->line.soft },
		{ "{mixed}", mixed },
		{ "{kernel}", v->e->release },
		{ "{noiommu}", source_name(view_param(v, PARAM_NOIOMMU)->source) },
		{ "{type1}", source_name(view_param(v, PARAM_TYPE1)->source) },
		{ "{iommufd}", source_name(view_param(v, PARAM_IOMMUFD)->source) },
		{ "{blocked}", v->e->params.vfio_blocked },
		{ "{flush}", flush_name(v->e->flush) },
		{ "{wanted-flush}", flush_name(v->f->target.flush) },
		{ "{missing}", v->e->missing },
		{ "{exposed}", v->e->exposed_device },
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

static void apply(const struct rules *rules, bool first_only, const struct view *v, struct findings *to)
{
	for (size_t i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->list[i];
		if (!applies(rule, v))
			continue;
		add(to, v, rule->reason, rule->seen, rule->todo);
		if (first_only)
			return;
	}
}

/* --- The verdict -------------------------------------------------------------------------------------------------- */

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
			add(&j->reasons, v, TARGET_MISSING,
			    "{target}: not there, and this image must not start without it", NULL);
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
	const char *untold = demand_untold(&f->target, &f->evidence);
	if (untold)
		add(&j->reasons, v, EVIDENCE_MISSING, untold, NULL);
	return untold;
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

	apply(&mode_rules, true, &v, &j->reasons);
	apply(&other_rules, false, &v, &j->reasons);
	apply(&note_rules, false, &v, &j->notes);
	if (j->reasons.count == 0)
		j->verdict = VERDICT_MATCH;
	else
		j->verdict = f->pending ? VERDICT_PENDING : VERDICT_MISMATCH;
	j->transitional = j->verdict == VERDICT_MATCH && v.wanted != f->target.mode;
}

void judge_against(const struct facts *facts, const struct target *target, struct judgement *judgement)
{
	static const struct root live = { .fd = AT_FDCWD, .live = true };
	static struct facts other; /* too large for a careful stack */

	other = *facts;
	other.target = *target;
	other.target_status = 0;
	other.pending = other.early_missing = other.stale = false;
	demands_read(&live, target, &other.evidence);
	judge(&other, judgement);
}
