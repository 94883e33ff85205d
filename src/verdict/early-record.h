/* /run/iommu/early.json read back: what the early check of this boot judged by, and what it found.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef EARLY_RECORD_H
#define EARLY_RECORD_H

#include <stdbool.h>

#include "base/root.h"
#include "model/reason.h"
#include "model/target.h"

#define EARLY_JSON "/run/iommu/early.json"

struct early {
	enum verdict verdict;
	bool override;  /* the command line softened the policy, and the target allowed it */
	bool judged;    /* there was a valid target; else the rest is empty */
	struct target target;
};

/* Returns 0, -ENOENT if there is no such file, -EINVAL if it is damaged, or another -errno. */
int early_read(const struct root *root, struct early *early);

/* Reads its text. Returns 0 or -EINVAL. */
int early_parse(const char *text, struct early *early);

#endif
