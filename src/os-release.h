/* Which distribution this is, by os-release(5).
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef OS_RELEASE_H
#define OS_RELEASE_H

#include <stdbool.h>
#include <stddef.h>

#include "root.h"

/* The value of key, quotes taken off and cut to size. False, and "", if there is none. */
bool os_release(const struct root *root, const char *key, char *value, size_t size);

/* Debian, or one that says it is like it. */
bool os_release_debian(const struct root *root);

#endif
