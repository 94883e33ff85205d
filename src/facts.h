/* Everything that is judged, gathered before anything is judged.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef FACTS_H
#define FACTS_H

#include <stdbool.h>

#include "cmdline.h"
#include "early.h"
#include "evidence.h"
#include "image.h"
#include "late.h"
#include "target.h"

#define RUN_DIR "/run/iommu"

enum phase { PHASE_EARLY, PHASE_LATE };

struct facts {
	enum phase phase;
	const char *target_path;
	int target_status; /* as target_read(): 0, -ENOENT or -EINVAL */
	struct target target;
	struct target_error target_error;
	int image_status; /* as image_read() */
	struct image image;
	struct evidence evidence;
	struct cmdline line; /* as this machine's vendor and kernel read it */
	bool opted_in;       /* the firmware switched VT-d on by itself, with identity domains */

	/* Late phase on the live system: what this boot's early check left. Its target is the one above, unless pending. */
	bool pending;       /* the target was changed since this boot */
	bool early_read;    /* the early check left a record that is whole */
	bool early_missing; /* it left none, or a damaged one, and nothing is pending */
	bool stale;         /* TARGET_PATH says something else than what the early check judged by */
	struct early early;
	enum stage stage; /* asked only where the check acts */
};

/* Gathers the facts of root. target is a path of the caller's own, or NULL for the root's /etc/iommu.target. Never fails:
 * what could not be had is among the facts. */
void facts_collect(const struct root *root, const char *target, enum phase phase, struct facts *facts);
void facts_free(struct facts *facts);

#endif
