/* check as a monitoring plug-in; see nagios.h.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The form of the line: the Monitoring Plugins Development Guidelines, "Plugin Output for Nagios".
 */
#include "show/nagios.h"

#include <stdio.h>
#include <string.h>

#include "model/reason.h"
#include "verdict/verdict.h"

/* In the order of Nagios's codes. */
enum state { STATE_OK, STATE_WARNING, STATE_CRITICAL, STATE_UNKNOWN };

static const char *const states[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };

/* What is known to be wrong comes before what is not known. */
static enum state worse(enum state a, enum state b)
{
	static const int ranks[] = { [STATE_OK] = 0, [STATE_UNKNOWN] = 1, [STATE_WARNING] = 2, [STATE_CRITICAL] = 3 };

	return ranks[a] >= ranks[b] ? a : b;
}

static enum state of_verdict(enum verdict verdict, enum policy policy)
{
	switch (verdict) {
	case VERDICT_MATCH:
		return STATE_OK;
	case VERDICT_PENDING:
		return STATE_WARNING;
	case VERDICT_MISMATCH:
		return policy == POLICY_WARN ? STATE_WARNING : STATE_CRITICAL;
	case VERDICT_UNKNOWN:
	case VERDICT_NO_TARGET:
		break;
	}
	return STATE_UNKNOWN;
}

/* A '|' would begin the figures, a newline the long text. */
static void put(FILE *out, const char *text)
{
	for (const char *c = text; *c; c++)
		fputc(*c == '|' || (unsigned char)*c < ' ' || *c == 0x7f ? ' ' : *c, out);
}

/* --- The machine as it runs --------------------------------------------------------------------------------------- */

static enum state running(FILE *out, const struct facts *f)
{
	static struct judgement j; /* too large for a careful stack */

	judge(f, &j);
	fprintf(out, "running %s", mode_name(f->evidence.effective));
	switch (j.verdict) {
	case VERDICT_MATCH:
		fputs(j.transitional ? ", accepted for now" : " as wanted", out);
		break;
	case VERDICT_PENDING:
		fprintf(out, ", the change to %s waits for the reboot", mode_name(f->target.mode));
		break;
	case VERDICT_NO_TARGET:
		fputs(", no target", out);
		break;
	case VERDICT_MISMATCH:
		fprintf(out, ", wanted %s", mode_name(f->target.mode));
		break;
	case VERDICT_UNKNOWN:
		break;
	}
	if (j.reasons.count && j.verdict != VERDICT_PENDING) {
		fprintf(out, " (%s: ", reason_code(j.reasons.list[0].reason));
		put(out, j.reasons.list[0].message);
		fputc(')', out);
	}
	return of_verdict(j.verdict, f->target_status == 0 ? f->target.on_mismatch : POLICY_WARN);
}

/* --- And as it would boot ----------------------------------------------------------------------------------------- */

struct tally {
	unsigned counted, match, mismatch, unknown;
};

/* The state is the worst entry's, with the stricter of what its image and the system's target do about it. */
static enum state booting(FILE *out, const struct predictions *entries, const struct target *target, struct tally *t)
{
	const struct prediction *worst = NULL;
	enum state state = STATE_OK;

	*t = (struct tally){ 0 };
	for (size_t i = 0; i < entries->count; i++) {
		const struct prediction *e = &entries->list[i];
		enum policy policy = target && target->on_mismatch > e->enforce ? target->on_mismatch : e->enforce;
		enum state its = of_verdict(e->verdict, policy);

		if (!e->counted)
			continue;
		t->counted++;
		t->match += e->verdict == VERDICT_MATCH;
		t->mismatch += e->verdict == VERDICT_MISMATCH;
		t->unknown += its == STATE_UNKNOWN;
		if (worse(state, its) != state) {
			state = its;
			worst = e;
		}
	}
	fprintf(out, "%u of %u boot entries match", t->match, t->counted);
	if (worst) {
		fputs(" (kernel ", out);
		put(out, worst->kernel);
		fprintf(out, ": %s)", worst->why ? worst->why : verdict_name(worst->verdict));
	}
	return t->counted ? state : STATE_UNKNOWN;
}

/* --- The line ----------------------------------------------------------------------------------------------------- */

int nagios(const struct facts *f, const struct predictions *entries, const struct target *target, const char *change)
{
	enum state state = STATE_OK;
	char text[1024] = "";
	struct tally t;

	FILE *out = fmemopen(text, sizeof(text), "w");
	if (!out)
		return nagios_unknown("out of memory");
	if (f) {
		state = running(out, f);
		fputs("; ", out);
	}
	state = worse(state, booting(out, entries, target, &t));
	if (change) {
		fprintf(out, "; a change %s", change);
		state = worse(state, STATE_WARNING);
	}
	fclose(out);
	printf("IOMMU %s - %s | entries=%u;;;0 mismatch=%u;;;0 unknown=%u;;;0", states[state], text, t.counted,
	       t.mismatch, t.unknown);
	if (f)
		printf(" groups=%zu;;;0 tolerated=%u;;;0", f->evidence.groups.count, f->evidence.count.outliers);
	puts("");
	return (int)state;
}

int nagios_unknown(const char *why)
{
	fputs("IOMMU UNKNOWN - ", stdout);
	put(stdout, why);
	puts("");
	return STATE_UNKNOWN;
}
