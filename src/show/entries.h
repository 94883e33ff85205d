/* Boot entries and what they will come to, for people and programs.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef ENTRIES_H
#define ENTRIES_H

#include <stdbool.h>

#include "bootloader/backend.h"
#include "change/matched.h"
#include "model/reason.h"
#include "model/target.h"
#include "nextboot/prediction.h"

/* Prints one JSON object; verdict is that of all entries together, last the match under another kernel. */
void predictions_json(const struct predictions *entries, const struct target *wanted, enum verdict verdict,
		      const struct root *root, const struct matched *last);

/* Prints a few lines for each entry. wanted is the system's target, or NULL without a valid one; verbose: the line of
 * each, too. */
void predictions_text(const struct backend *backend, const struct predictions *entries, const struct target *wanted,
		  bool verbose);

#endif
