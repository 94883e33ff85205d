/* Going on with a change that was begun before.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef RESUME_H
#define RESUME_H

#include <stdbool.h>

#include "change/journal.h"
#include "change/request.h"
#include "command/machine.h"
#include "model/target.h"

/* Finishes what was cut short, or ends a change that waited for its boot; or tells in one line why not. Returns an exit
 * code. */
int change_resume(const struct request *request);

/* For the other commands. Reads the journal of the last change: an empty one where there is none, or one of a change
 * that is done and can't be read, which is told. Of one that was cut short it is an error, unless the command is a way
 * out, which only says what is lost: then it is empty too, and not open. Returns 0 or an exit code. */
int resume_read_journal(bool way_out, struct journal *journal, bool *open);

/* Finishes the open change that the journal has. Returns an exit code. */
int resume_finish(const struct request *request, const struct machine *machine, const struct journal *journal);

/* Whether a change was cut short, and is to be finished before another; false too if nobody can tell. */
bool resume_is_open(void);

/* Finishes what was cut short, so that one change never lies on top of another; not one that waits for its boot.
 * Returns an exit code. way_out as above. */
int resume_finish_open(const struct request *request, const struct machine *machine, bool way_out);

/* Whether a change waits for its boot (--commit=after-boot): its journal. */
bool resume_waits(struct journal *journal);

enum waited {
	WAITED_UNREADABLE, /* the journal can't be read, which has been told */
	WAITED_NOT_YET,    /* this is the boot that made the change, or no running machine */
	WAITED_WRONG,      /* the machine has come up otherwise, which has been told on standard error */
	WAITED_RIGHT
};

/* What has become of such a change; *target is the one that it is to end with, unless WAITED_UNREADABLE. */
enum waited resume_waited(const struct machine *machine, const struct journal *journal, struct target *target);

/* Ends it: nothing but its own mode is accepted from then on. Returns an exit code. */
int resume_seal(const struct request *request, const struct machine *machine, struct journal *journal);

#endif
