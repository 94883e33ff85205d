/* Tells Debian that a change waits for the reboot: /run/reboot-required.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef REBOOT_H
#define REBOOT_H

#include "backend.h"
#include "facts.h"

/* After a change of the running machine's boot loader. If an entry has other words about the IOMMU than the running kernel,
 * the files there say so; else what was said of it before is taken back, and nothing of anybody else's. Debian and its
 * like only. What fails is told in one line on stderr, no more: the change is done. */
void reboot_tell(const struct backend *backend, const struct facts *now);

#endif
