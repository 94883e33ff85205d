/* The target that images have while a change is under way: it accepts what every entry can still come up in.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef TRANSITIONAL_H
#define TRANSITIONAL_H

#include "model/target.h"
#include "nextboot/prediction.h"
#include "verdict/facts.h"

/* Makes the transitional target for a change from before (NULL: no usable target) to after, with these entries. now is
 * the running machine, or NULL in a tree; loader says whether the boot loader has the new words already. Returns
 * whether one is needed: where not, after can stand in every image at once. */
bool transitional_target(const struct target *before, const struct target *after, const struct predictions *entries,
		    const struct facts *now, bool loader, struct target *transitional);

#endif
