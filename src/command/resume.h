/* Going on with a change that was begun before.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef RESUME_H
#define RESUME_H

#include <stdbool.h>

#include "change/journal.h"
#include "change/request.h"
#include "command/machine.h"

/* Finishes what was cut short, or ends a change that waited for its boot; or tells in one line why not. Returns an exit
 * code. */
int change_resume(const struct request *request);

/* For the other commands. Reads the journal of the last change: an empty one where there is none. Returns 0 or an exit
 * code, having said what is wrong. */
int resume_read_journal(struct journal *journal, bool *open);

/* Finishes the open change that the journal has. Returns an exit code. */
int resume_finish(const struct request *request, const struct machine *machine, const struct journal *journal);

/* Whether a change is open; false too if nobody can tell. */
bool resume_is_open(void);

/* Finishes whatever was begun and not finished, so that one change never lies on top of another. Returns an exit
 * code. */
int resume_finish_open(const struct request *request, const struct machine *machine);

#endif
