/* Holds decide() against what the manuals say of it, over all combinations of what it looks at.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Prints how many there were, or the first one that is wrong.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "verdict/decision.h"

static const enum verdict verdicts[] = { VERDICT_MATCH, VERDICT_MISMATCH, VERDICT_NO_TARGET, VERDICT_PENDING,
					 VERDICT_UNKNOWN };
static const int statuses[] = { 0, -ENOENT, -EINVAL };
static struct facts f; /* too large for a careful stack */
static unsigned cases;

/* Whose policy counts: the target's, else the image's; late, after the boot, only with on-late-mismatch=same. */
static enum policy policy_of(void)
{
	enum policy policy = POLICY_WARN;

	if (f.target_status == 0)
		policy = f.target.on_mismatch;
	else if (f.image_status == 0)
		policy = f.image.enforce;
	if (f.phase == PHASE_LATE && f.stage == STAGE_FINISHED && !f.target.late_same)
		policy = POLICY_WARN;
	return policy;
}

/* Nothing is stopped that matches, is pending, was let pass by the line and the target, is being mended, or only saves
 * a crash's memory. */
static bool should_stop(enum verdict verdict)
{
	bool late = f.phase == PHASE_LATE;
	bool overridden = f.target_status == 0 && f.line.soften && f.target.allow_override;

	if (late && f.early.judged)
		overridden = f.early.override;
	if (late && (f.line.rescue || f.stage == STAGE_RESCUE || f.stage == STAGE_STOPPING))
		return false;
	if (verdict == VERDICT_MATCH || verdict == VERDICT_PENDING || f.pending || f.evidence.platform.kdump ||
	    overridden)
		return false;
	return policy_of() != POLICY_WARN;
}

static void check(enum verdict verdict)
{
	const struct judgement j = { .verdict = verdict };
	const struct decision d = decide(&f, &j);
	unsigned delay = f.target_status == 0 ? f.target.delay : f.image.enforce == POLICY_REBOOT ? 30 : 10;

	cases++;
	if (d.stop == should_stop(verdict) && (!d.stop || (d.policy == policy_of() && d.delay == delay)))
		return;
	printf("verdict %d, phase %d, target %d (policy %d), image %d (policy %d), kdump %d, pending %d, soften %d, "
	       "allowed %d, rescue %d, stage %d: stop %d, policy %d, delay %u\n",
	       verdict, f.phase, f.target_status, f.target.on_mismatch, f.image_status, f.image.enforce,
	       f.evidence.platform.kdump, f.pending, f.line.soften, f.target.allow_override, f.line.rescue, f.stage,
	       d.stop, d.policy, d.delay);
	exit(1);
}

static void each_policy(void)
{
	for (unsigned policy = POLICY_WARN; policy <= POLICY_REBOOT; policy++) {
		for (unsigned image = POLICY_WARN; image <= POLICY_REBOOT; image++) {
			f.target.on_mismatch = (enum policy)policy;
			f.target.delay = 77;
			f.image.enforce = (enum policy)image;
			for (size_t v = 0; v < sizeof(verdicts) / sizeof(verdicts[0]); v++)
				check(verdicts[v]);
		}
	}
}

int main(void)
{
	/* Bits: late, kdump, pending, soften, allowed, rescue, late_same, judged, overridden early. */
	for (unsigned bits = 0; bits < 1u << 9; bits++) {
		for (unsigned other = 0; other < 3 * 2 * 4; other++) {
			f = (struct facts){ .phase = bits & 1 ? PHASE_LATE : PHASE_EARLY };
			f.evidence.platform.kdump = bits >> 1 & 1;
			f.pending = bits >> 2 & 1;
			f.line.soften = bits >> 3 & 1;
			f.target.allow_override = bits >> 4 & 1;
			f.line.rescue = bits >> 5 & 1;
			f.target.late_same = bits >> 6 & 1;
			f.early.judged = bits >> 7 & 1;
			f.early.override = bits >> 8 & 1;
			f.target_status = statuses[other % 3];
			f.image_status = other / 3 % 2 ? 0 : -ENOENT;
			f.stage = (enum stage)(other / 6);
			each_policy();
		}
	}
	printf("%u cases\n", cases);
	return 0;
}
