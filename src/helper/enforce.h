/* What --enforce does with a verdict: logs it, records it in /run/iommu, and stops the machine if it has to.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef ENFORCE_H
#define ENFORCE_H

#include "verdict/decision.h"

/* Logs and records, before it asks anybody anything; then stops the machine if that is the decision, and never returns.
 * Late it asks first where the machine is in its life (facts->stage), which can change the decision. */
void act(struct facts *facts, const struct judgement *judgement, const struct decision *decision);

/* Whether we run in an initramfs: "/" is a ramfs or tmpfs, or /etc/initrd-release is there (systemd's own sign). */
bool in_initramfs(void);

#endif
