/* The machine in one line, and its exit code.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMAND_STATUS_H
#define COMMAND_STATUS_H

#include "command/show.h"

/* Prints it, unless the request is quiet. Returns the exit code of what is known. */
int status(const struct show_request *request);

#endif
