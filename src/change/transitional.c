/* The target of a change under way; see transitional.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "change/transitional.h"

#include "verdict/verdict.h"

static bool matches_now(const struct facts *now, const struct target *target)
{
	static struct judgement judgement; /* too large for a careful stack */

	judge_against(now, target, &judgement);
	return judgement.verdict == VERDICT_MATCH;
}

bool transitional_target(const struct target *before, const struct target *after, const struct predictions *entries,
		    const struct facts *now, bool loader, struct target *transitional)
{
	*transitional = *after;
	/* Nothing is stopped, whatever the order. */
	if (after->on_mismatch == POLICY_WARN)
		return false;
	if (loader && (!now || matches_now(now, after)))
		return false;

	unsigned accept = 0;
	for (size_t i = 0; i < entries->count; i++)
		if (entries->list[i].counted)
			accept |= entries->list[i].modes;
	enum mode effective = now ? now->evidence.effective : after->mode;
	if (effective < MODES_WANTED)
		accept |= 1u << effective;
	transitional->accept = accept & ~(1u << after->mode);

	/* The weaker of both. A machine without a target was stopped by nothing, and one that can't be judged today
	 * would be stopped by anything. */
	if (!before || before->on_mismatch == POLICY_WARN || effective >= MODES_WANTED)
		transitional->on_mismatch = POLICY_WARN;
	if (transitional->on_mismatch != after->on_mismatch)
		transitional->delay = policy_delay(transitional->on_mismatch);
	if (!before || before->flush != after->flush)
		transitional->flush = FLUSH_ANY;
	transitional->remapped = after->remapped && before && before->remapped;
	transitional->translated = after->translated && before && before->translated;
	transitional->allow_unsafe_interrupts =
		after->allow_unsafe_interrupts || (before && before->allow_unsafe_interrupts);
	return true;
}
