/* Going back to what was before the last change.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef ROLLBACK_H
#define ROLLBACK_H

#include "change/request.h"

/* Does it, or tells in one line why not. Returns an exit code. */
int change_rollback(const struct request *request);

#endif
