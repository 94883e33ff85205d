/* What the machine really does: IOMMU units, groups, module parameters, and what helps to explain them.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef EVIDENCE_H
#define EVIDENCE_H

#include <stdbool.h>

#include "base/root.h"
#include "evidence/groups.h"
#include "evidence/module-params.h"
#include "evidence/platform.h"
#include "model/cmdline-words.h"
#include "model/cmdline.h"
#include "model/image-conf.h"
#include "model/mode.h"

#define UNITS_PATH "/sys/class/iommu"

enum unit_kind { UNIT_OTHER, UNIT_INTEL, UNIT_AMD };

struct unit {
	char name[32];             /* in /sys/class/iommu: dmar0, ivhd0, 0000:00:02.0 (virtio-iommu) */
	enum unit_kind kind;
	enum presence passthrough; /* Intel, after evidence_read_units(): ecap bit 6 (drivers/iommu/intel/iommu.h:
				      ecap_pass_through()) */
	enum presence v2;          /* AMD, likewise: features GT and PPR (drivers/iommu/amd/init.c: is_iommu_v2) */
};

/* How many groups there are of each type. Outliers that are tolerated are counted as such only. */
struct counts {
	unsigned of[4]; /* by enum domain */
	unsigned identity, translated;
	unsigned noiommu; /* those of DOMAIN_OTHER that vfio made without an IOMMU */
	unsigned untyped; /* and all that have no default domain: they take no IOMMU */
	unsigned outliers;
};

struct evidence {
	/* What could not be had, as a path and a reason, or "". Then the effective mode is MODE_UNKNOWN. */
	char missing[200];

	struct unit *units; /* owned; in the order of their names */
	unsigned nunits;
	struct groups groups;
	struct counts count;
	struct params params;
	struct platform platform;
	enum vendor vendor;
	bool table;        /* the firmware offers a DMAR or IVRS table */
	bool virtio_iommu; /* and there is a virtio-iommu that no driver has taken yet */

	/* What the kernel was built with: the image's account of it (not owned), or NULL, and what was asked so far. */
	const struct image *image;
	struct {
		bool asked;
		enum presence built;
	} config[CONFIGS];

	char cmdline[CMDLINE_MAX];
	char release[65];
	unsigned kernel; /* KERNEL(major, minor), 0 if unknown */
	char boot_id[40];

	/* After demands_read(), as far as the target demands it. */
	enum presence remapped; /* interrupts are */
	enum presence exposed;  /* there is a removable device in an identity group: */
	char exposed_device[32];

	enum mode effective; /* after classify(), as count and flush */
	enum flush flush;
};

/* Collects it all, but for what classify() makes of it. image is the running image's account of its kernel, or NULL
 * outside an image; it is asked later too. Never fails: what is wrong is in evidence->missing. */
void evidence_collect(const struct root *root, const struct image *image, struct evidence *evidence);
void evidence_free(struct evidence *evidence);

/* Asks what the verdict needs only where groups disagree: which units can't pass through, which can do PASID. */
void evidence_read_units(const struct root *root, struct evidence *evidence);

/* Whether the running kernel was built with an option; read when it is first asked: image.conf, else its configuration.
 */
enum presence evidence_config(const struct root *root, struct evidence *evidence, enum config option);

/* Asks the rest, for people: that, the processor, and groups in the order of their numbers. */
void evidence_complete(const struct root *root, struct evidence *evidence);

/* Keeps the first thing that is missing: the rest follows from it. */
__attribute__((format(printf, 2, 3))) void evidence_missing(struct evidence *evidence, const char *format, ...);

#endif
