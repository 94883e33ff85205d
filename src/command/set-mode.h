/* Setting a mode.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SET_MODE_H
#define SET_MODE_H

#include "change/request.h"

/* Does it, or tells in one line why not; with dry_run it prints what would be done. Returns an exit code. An open
 * change is finished first. */
int change_mode(const struct request *request);

#endif
