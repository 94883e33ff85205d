/* Messages for systemd's journal, with fields that programs can ask for.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SYSTEMD_JOURNAL_H
#define SYSTEMD_JOURNAL_H

#include "verdict/verdict.h"

/* The verdict's message id; dist/systemd/iommu-verify.catalog explains it to `journalctl -x`. */
#define JOURNAL_MESSAGE_ID "5c6f0ddc3a2d4b5f9b7d8f1e2a4c6e80"

/* Sends message with MESSAGE_ID, PRIORITY, IOMMU_TARGET, IOMMU_EFFECTIVE, IOMMU_VERDICT and an IOMMU_REASON for each
 * reason. Returns 0 or -errno: -ENOENT where there is no journal. */
int journald_send(int priority, const char *message, const struct facts *facts, const struct judgement *judgement);

#endif
