/* What the machine is, wants and will be, gathered for those who print it.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SURVEY_H
#define SURVEY_H

#include <stdbool.h>

#include "bootloader/snapshot.h"
#include "nextboot/prediction.h"
#include "verdict/facts.h"
#include "verdict/verdict.h"

/* What is shown: gathered before anything is printed. */
struct survey {
	const struct root *root;
	struct facts *facts;
	struct judgement judgement;
	struct snapshot snapshot;    /* of the running machine's boot loaders; owned: survey_free() */
	const struct loader *loader; /* the one that boots it, or NULL if none is known */
	/* What every own boot entry asks for; MODE_MIXED if they differ, MODE_UNKNOWN if nobody can tell. */
	enum mode next_boot;
	bool needs_root;     /* to tell it */
	bool foreseen;       /* what follows is known: as root, of the running machine */
	struct predictions predictions; /* of every entry; owned */
	unsigned matching, mismatching, unknown; /* counted entries by what the early check would find */
	unsigned unchecked;  /* counted entries whose image holds no check */
	bool reboot_required, reboot_safe;
	bool iommufd;        /* /dev/iommu is there */
	unsigned cdevs;      /* devices in /dev/vfio/devices */
};

/* Takes it, and collects the facts for that: both root and facts must outlive it, and facts_free() is the caller's. */
void survey_take(const struct root *root, struct facts *facts, struct survey *survey);
void survey_free(struct survey *survey);

#endif
