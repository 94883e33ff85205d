/* Which distribution this is, by os-release(5).
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef OS_RELEASE_H
#define OS_RELEASE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/root.h"

/* The value of key in a text of plain assignments, one a line, as in os-release(5), install.conf of
 * kernel-install(8) and most of dracut.conf(5); quotes taken off, cut to size. False, and "", if there is none. text
 * may be NULL. */
bool os_release_in(const char *text, const char *key, char *value, size_t size);

/* The same in this root's file: of the distribution. */
bool os_release(const struct root *root, const char *key, char *value, size_t size);

/* Debian, or one that says it is like it. */
bool os_release_debian(const struct root *root);

#endif
