/* A mismatch that another kernel explains: it was right by the same parameters, under another release.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef OTHER_KERNEL_H
#define OTHER_KERNEL_H

#include "base/root.h"
#include "change/matched.h"

/* Print nothing of a last match without a kernel. First lines for people:
 * both releases, and which options differ, if both configurations can be read; then a member of a JSON object. */
void other_kernel_print(const struct root *root, const struct matched *last);
void other_kernel_json(const struct root *root, const struct matched *last);

#endif
