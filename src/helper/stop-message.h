/* What a person who stands before a machine that stops is told: why, that it is on purpose, and the way back.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef STOP_MESSAGE_H
#define STOP_MESSAGE_H

#include <stddef.h>

#include "verdict/decision.h"

enum { STOP_LINES = 8, STOP_COLUMNS = 80, STOP_MESSAGE_MAX = STOP_LINES * (STOP_COLUMNS + 1) + 1 };

/* Writes that message, ASCII, at most STOP_LINES lines of STOP_COLUMNS columns. decision->stop is set. Pure. */
void stop_message(const struct facts *facts, const struct judgement *judgement, const struct decision *decision,
		  char text[STOP_MESSAGE_MAX]);

/* What is done now, and by which setting, as the kernel log has it too. */
void stop_doing(const struct decision *decision, char text[STOP_COLUMNS + 1]);

#endif
