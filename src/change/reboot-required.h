/* Tells Debian that a change waits for the reboot: /run/reboot-required.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef REBOOT_REQUIRED_H
#define REBOOT_REQUIRED_H

#include <stdbool.h>

#include "bootloader/snapshot.h"
#include "verdict/facts.h"

/* Whether a boot with this line would have other parameters about the IOMMU than the running kernel. */
bool reboot_waits(const char *line, const struct evidence *now);

/* After a change of the running machine's boot loader. If an entry has other words about the IOMMU than the running
 * kernel, and no boot by one would be stopped, the files there say so; else what was said of it before is taken
 * back, and nothing of anybody else's. Debian and its like only. What fails is told in one line on stderr, no more:
 * the change is done. */
void reboot_tell(const struct loader *loader, const struct facts *now);

#endif
