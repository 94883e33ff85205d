/* Taking target, words and checks out again.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef REMOVE_H
#define REMOVE_H

#include "change/request.h"

/* Does it, or tells in one line why not. Returns an exit code. An open change is finished first. */
int change_remove(const struct request *request);

#endif
