/* What to do about a verdict; see decision.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "verdict/decision.h"

#include <errno.h>

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
