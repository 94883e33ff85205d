/* What the machine really does: IOMMU units, groups, module parameters, and what helps to explain them.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef EVIDENCE_H
#define EVIDENCE_H

#include <stdbool.h>

#include "cmdline.h"
#include "image.h"
#include "modes.h"
#include "params.h"
#include "root.h"

/* Groups by the type of their default domain (drivers/iommu/iommu.c:iommu_group_show_type()). */
struct groups {
	unsigned identity, dma, dma_fq;
	unsigned other;   /* blocked, unmanaged, unknown, noiommu: never counted for the mode */
	unsigned noiommu; /* those of "other" that vfio made without an IOMMU */
};

#define UNITS_MAX 64 /* names kept; a machine has one to a few dozen */

struct evidence {
	/* What could not be had, as a path and a reason, or "". Then the effective mode is MODE_UNKNOWN. */
	char missing[200];

	char units[UNITS_MAX][32]; /* names in /sys/class/iommu */
	unsigned nunits;           /* all of them, also past UNITS_MAX */
	struct groups groups;
	struct params params;

	enum vendor vendor;
	bool table;      /* the firmware offers a DMAR or IVRS table */
	bool hypervisor; /* a virtual machine */
	bool kdump;      /* a kdump kernel: look, never act */

	char cmdline[CMDLINE_MAX];
	char release[65];
	unsigned kernel; /* KERNEL(major, minor), 0 if unknown */
	char boot_id[40];

	enum mode effective;
	enum flush flush;
};

/* Collects it all. image is the running image's account of its kernel, or NULL outside an image. Never fails: what is
 * wrong is in evidence->missing. */
void evidence_collect(const struct root *root, const struct image *image, struct evidence *evidence);

#endif
