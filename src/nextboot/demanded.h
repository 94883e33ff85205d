/* What a target demands of the kernel parameters beside the mode, and what lines say about it.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef DEMANDED_H
#define DEMANDED_H

#include "initramfs/modprobe-says.h"
#include "model/cmdline.h"
#include "model/target.h"
#include "verdict/verdict.h"

/* The module parameters first, in their order. */
enum demand {
	DEMAND_NO_NOIOMMU = PARAM_NOIOMMU,
	DEMAND_SAFE_TYPE1 = PARAM_TYPE1,
	DEMAND_SAFE_IOMMUFD = PARAM_IOMMUFD,
	DEMAND_REMAPPED,
	DEMAND_FLUSH,
	DEMANDS
};

/* What the lines that an entry can come to say about each demand. */
struct sayings {
	unsigned of[DEMANDS]; /* bits: a line that says nothing, yes, no */
};

/* What modprobe.d makes of the module parameters in a boot. */
struct configured {
	const struct modprobe_says *system; /* late */
	unsigned image;  /* bit (1 << param): early, what the image holds of it sets that to Y */
	unsigned absent; /* the same: this kernel has no such parameter */
};

/* Adds what one line says to a vendor and a kernel; see cmdline_read(). */
void said_by_line(struct sayings *said, const char *line, enum vendor vendor, unsigned kernel);

/* The verdict on a boot by these lines whose mode, one of modes (bits: 1 << mode), is the target's. What a line leaves
 * alone modprobe.d decides. Unless it is a match *why says what is wrong, and *mend what helps where setting the mode
 * again does not, else NULL; static texts. */
enum verdict demanded(const struct sayings *said, const struct configured *modprobe, const struct target *target,
		      unsigned modes, const char **why, const char **mend);

#endif
