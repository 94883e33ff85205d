/* The verdict: evidence held against the target, with reasons.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef VERDICT_H
#define VERDICT_H

#include <stdbool.h>

#include "model/mode.h"
#include "model/reason.h"
#include "verdict/facts.h"

struct finding {
	enum reason reason;
	char message[240]; /* what was seen */
	char hint[200];    /* what to do about it */
};

#define FINDINGS_MAX 8

struct findings {
	struct finding list[FINDINGS_MAX];
	unsigned count;
};

struct judgement {
	enum verdict verdict;
	bool transitional; /* a match only because the target accepts another mode for now */
	struct findings reasons;
	struct findings notes;
};

/* Pure: looks at the facts only. */
void judge(const struct facts *facts, struct judgement *judgement);

/* Judges the machine as it runs now by another target, whatever this boot's early check judged by; what that demands is
 * read now. */
void judge_against(const struct facts *facts, const struct target *target, struct judgement *judgement);

#endif
