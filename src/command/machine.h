/* What a command works on: the running machine, or a tree.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdbool.h>

#include "base/root.h"
#include "change/journal.h"
#include "change/outcome.h"
#include "change/request.h"
#include "change/transaction.h"
#include "verdict/facts.h"

/* What a command works on: the running machine, or a tree that it has gone into. */
struct machine {
	struct root root;
	bool live, loader;
	const struct facts *now; /* NULL in a tree */
	struct outcome *outcome; /* what the command comes to, for who asks for it as an object */
};

/* Goes there, with all that a change needs unless it is a dry run, and runs the command. Returns an exit code. */
int machine_run(const struct request *request,
		int (*command)(const struct request *request, const struct machine *machine));

/* Says what is done, unless the request is quiet. */
__attribute__((format(printf, 2, 3))) void machine_say(const struct request *request, const char *format, ...);

/* A dry run: tells what the outcome says. Returns an exit code: EXIT_UNKNOWN for an ordinary user, who can't read
 * all. */
int machine_preview(const struct request *request, const struct machine *machine);

/* Notes in which boot a change is made: "" in a tree. */
void machine_set_boot_id(const struct machine *machine, struct journal *journal);

/* Changes to what the transaction's edits say, with its backend and generator. Returns an exit code. */
int machine_change(const struct request *request, const struct machine *machine, struct transaction *transaction);

#endif
