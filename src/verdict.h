/* The verdict: evidence held against the target, with reasons.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef VERDICT_H
#define VERDICT_H

#include <stdbool.h>

#include "facts.h"
#include "modes.h"

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

/* Judges the machine as it runs now by another target, whatever this boot's early check judged by. */
void judge_against(const struct facts *facts, const struct target *target, struct judgement *judgement);

/* The exit code of a verdict without --enforce. */
int verdict_exit(const struct facts *facts, const struct judgement *judgement);

/* What to do now that a check was asked to act. */
struct decision {
	bool stop;
	bool give_up; /* neither target nor image.conf can be read: act on nothing, exit 1 */
	bool override; /* the line softened the policy, and the target allows it */
	bool override_ignored; /* the line tried to */
	bool rescue;           /* late: somebody is mending the machine, so nothing is stopped */
	bool orderly;          /* late: the boot is over, so services are stopped first */
	enum policy policy;
	unsigned delay; /* seconds */
};

/* Also pure. */
struct decision decide(const struct facts *facts, const struct judgement *judgement);

#endif
