/* The kernel log: a last resort, since it wraps, and says what was asked for as readily as what was done.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef KLOG_H
#define KLOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/root.h"

/* Looks in /dev/kmsg for the first message with needle in it, and copies it, without its prefix, to text (cut to size).
 * Returns false if there is none, or the log can't be read. */
bool klog_find(const struct root *root, const char *needle, char *text, size_t size);

#endif
