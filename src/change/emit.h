/* The words of a mode for whoever makes boot images elsewhere (--emit=).
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef EMIT_H
#define EMIT_H

#include "change/plan.h"

/* Prints the words in the form that request->emit names. Returns an exit code. */
int plan_emit(struct plan *plan);

#endif
