/* Ctrl-C and the like during a change: told at once, and where the change ends then.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include <stdbool.h>

/* Where a change is, which says what an interruption does to it. */
enum change_stage {
	STAGE_PLAN,   /* nothing is changed yet */
	STAGE_CHANGE, /* it will be put back */
	STAGE_UNDO,   /* it is being put back */
	STAGE_SEAL,   /* it stays; what is left to do can wait */
	STAGE_DONE,
};

/* From now on SIGINT, SIGTERM and SIGHUP are told on standard error, end the program that runs at the moment and all it
 * has started, and are noted. A second one ends this process too, wherever it is. */
void interrupt_listen(void);

/* Whether one has come. */
bool interrupted(void);

/* The change is there now. In STAGE_UNDO programs start again and failures are told again. */
void interrupt_stage(enum change_stage stage);

/* The same if none has come yet, with none in between; else returns false, and the stage is as before. */
bool interrupt_stage_unless(enum change_stage stage);

#endif
