/* The rules of the verdict, as tables: when a reason applies, and what it says then.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef RULES_H
#define RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "model/mode.h"
#include "model/reason.h"
#include "verdict/facts.h"

/* What a rule looks at. */
struct view {
	const struct facts *f;
	const struct evidence *e;
	const struct wish *power, *pt; /* of the command line */
	enum mode wanted;
};

/* What is known of a module parameter. */
const struct param_state *view_param(const struct view *view, enum param param);

/* A set of one mode. */
#define ONE(mode) (1u << (mode))

struct rule {
	unsigned wanted, found;                   /* sets of modes */
	bool (*applies)(const struct view *view); /* NULL: always */
	enum reason reason;
	const char *seen;
	const char *todo; /* NULL: the reason's own hint */
};

struct rules {
	const struct rule *list;
	size_t count;
};

/* Why the mode is another one: the first rule that applies says it. */
extern const struct rules mode_rules;

/* What else is wrong: every rule that applies adds to it. */
extern const struct rules other_rules;

/* What is worth saying and wrong in no mode it is said in. */
extern const struct rules note_rules;

/* What TARGET_STALE says, also where nothing is judged. */
extern const char stale_text[];

#endif
