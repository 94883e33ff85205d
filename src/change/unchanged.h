/* Whether there is anything to do: the machine is what the plan says already.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef UNCHANGED_H
#define UNCHANGED_H

#include <stdbool.h>

#include "change/plan.h"

/* The short way: the plan edits nothing, and every file that matters looks as it did when all was read back last. */
bool plan_done_before(struct plan *plan);

/* After a change: what each file holds now is what it held before the next one. Returns 0, or -1 with one line told on
 * stderr. */
int plan_reread(struct plan *plan);

/* Reads everything back, and writes down what it was that was read: only what is the same before and after. Returns
 * whether it is all right. */
bool plan_read_back(struct plan *plan);

#endif
