/* Whether GRUB lets somebody at the console edit an entry.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef GRUB_LOCK_H
#define GRUB_LOCK_H

#include "model/image-conf.h"

/* The member way_back of the rows whose entries GRUB starts. */
enum way_back grub_way_back(void);

#endif
