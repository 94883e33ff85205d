/* check as a monitoring plug-in: one line, and Nagios's exit codes.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef NAGIOS_H
#define NAGIOS_H

#include "model/target.h"
#include "nextboot/prediction.h"
#include "verdict/facts.h"

/* Prints it: how the machine runs now (facts; NULL in a tree, where nothing runs) and how it would boot. target is
 * the system's, or NULL without a valid one; change says of one that was begun and is not finished what it
 * does, NULL: there is none. Returns the exit code: 0 OK, 1 warning, 2 critical, 3 unknown. */
int nagios(const struct facts *facts, const struct predictions *entries, const struct target *target,
	   const char *change);

/* Says that it can't be told. Returns 3. */
int nagios_unknown(const char *why);

#endif
