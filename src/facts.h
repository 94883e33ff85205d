/* Everything that is judged, gathered before anything is judged.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef FACTS_H
#define FACTS_H

#include <stdbool.h>

#include "cmdline.h"
#include "evidence.h"
#include "image.h"
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
	bool pending;        /* late phase: the target was changed since this boot */
	bool early_missing;  /* late phase: the early check left no record */
};

/* Gathers the facts of root. target is a path of the caller's own, or NULL for the root's /etc/iommu.target. Never fails:
 * what could not be had is among the facts. */
void facts_collect(const struct root *root, const char *target, enum phase phase, struct facts *facts);

#endif
