/* Whether this is a container, whose host has the kernel and the boot loader.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef CONTAINER_H
#define CONTAINER_H

#include "base/root.h"

/* The file that says so, a static string; NULL: none does. */
const char *container_sign(const struct root *root);

#endif
