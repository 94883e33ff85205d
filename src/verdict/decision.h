/* What to do about a verdict: the exit code, and whether the machine is stopped.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef DECISION_H
#define DECISION_H

#include <stdbool.h>

#include "model/mode.h"
#include "verdict/facts.h"
#include "verdict/verdict.h"

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

/* Pure: looks at facts and judgement only. */
struct decision decide(const struct facts *facts, const struct judgement *judgement);

#endif
