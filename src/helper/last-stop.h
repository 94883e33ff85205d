/* What is kept of a stop for the next boot, where the machine keeps something (pstore: the kernel's fs/pstore).
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef LAST_STOP_H
#define LAST_STOP_H

#include <stdbool.h>

#include "model/target.h"

/* Begins the one line, in the kernel's log and in /dev/pmsg0, that is looked for. */
#define LAST_STOP_SIGN "iommu-verify: this boot is stopped: "

enum { LAST_STOP_MAX = 256 };

/* Has the kernel keep its log over the stop that follows. Not where it reboots: a loop would fill what keeps it. */
void last_stop_keep(enum policy policy);

/* What stopped a former boot, as that told it: "" if nothing did, or nobody kept it. It is taken out of what kept it,
 * so that a later boot does not find it. */
void last_stop_take(char text[LAST_STOP_MAX]);

#endif
