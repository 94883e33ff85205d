/* Which mode fits a machine that nobody has chosen one for, by what is seen of it.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef RECOMMENDATION_H
#define RECOMMENDATION_H

#include "show/survey.h"

struct recommendation {
	enum mode mode;
	const char *why; /* static; one line without its dot */
};

/* NULL where a target is there, valid or not: somebody has chosen. NULL in a container,
 * whose host chooses, and on a machine on which no mode can be set. */
const struct recommendation *recommendation_of(const struct survey *survey);

#endif
