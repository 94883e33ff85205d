/* Everything that is judged, gathered before anything is judged.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef FACTS_H
#define FACTS_H

#include <stdbool.h>

#include "evidence/evidence.h"
#include "model/cmdline.h"
#include "model/image-conf.h"
#include "model/target.h"
#include "verdict/early-record.h"

enum phase { PHASE_EARLY, PHASE_LATE };

/* How far a boot has come. */
enum stage {
	STAGE_BOOTING,  /* services are still being started */
	STAGE_FINISHED, /* the boot is over; or there is no systemd, which could tell */
	STAGE_RESCUE,   /* rescue.target or emergency.target: somebody is mending it */
	STAGE_STOPPING, /* the system goes down already */
};

struct facts {
	enum phase phase;
	const char *target_path;
	int target_status; /* as target_read(): 0, -ENOENT or -EINVAL */
	struct target target;
	struct error target_error;
	int image_status; /* as image_read() */
	struct image image;
	struct evidence evidence;
	struct cmdline line; /* as this machine's vendor and kernel read it */
	bool opted_in;       /* the firmware switched VT-d on by itself, with identity domains */

	/* Late phase on the live system: what this boot's early check left. Its target is the one above, unless
	 * pending. */
	bool pending;       /* the target was changed since this boot */
	bool early_read;    /* the early check left a record that is whole */
	bool early_missing; /* it left none, or a damaged one, and nothing is pending */
	bool stale;         /* TARGET_PATH says something else than what the early check judged by */
	struct early early;
	enum stage stage; /* asked only where the check acts */
};

/* Gathers the facts of root. target is a path of the caller's own, or NULL for the root's /etc/iommu.target. Never
 * fails: what could not be had is among the facts. */
void facts_collect(const struct root *root, const char *target, enum phase phase, struct facts *facts);
void facts_free(struct facts *facts);

/* The line that the machine runs with; NULL without facts, in a tree. Theirs. */
static inline const char *facts_cmdline(const struct facts *facts)
{
	return facts ? facts->evidence.cmdline : NULL;
}

#endif
