/* The kernel command line, read as the kernel reads it.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What a line asks for is never taken for what the machine does: it explains a verdict, it does not make one.
 */
#ifndef CMDLINE_H
#define CMDLINE_H

#include <stdbool.h>
#include <stddef.h>

#include "model/mode.h"

enum vendor { VENDOR_UNKNOWN, VENDOR_INTEL, VENDOR_AMD };

/* What an item on the line does to the mode. */
enum effect {
	EFFECT_NONE,       /* the kernel knows it; it decides nothing about the mode */
	EFFECT_ON,         /* the IOMMU on */
	EFFECT_OFF,        /* and off */
	EFFECT_OFF_STICKY, /* off, whatever comes later */
	EFFECT_PT,         /* the default domain is identity */
	EFFECT_NOPT,       /* or translated */
	EFFECT_NOIOMMU,    /* vfio's noiommu on */
	EFFECT_NO_NOIOMMU, /* and off */
	EFFECT_SWIOTLB,    /* no IOMMU is looked for (before 5.19) */
	EFFECT_NO_SWIOTLB, /* unless this comes later */
	EFFECT_NO_ACPI,    /* the firmware's tables are not read: no IOMMU is found */
	EFFECT_ACPI,       /* and read all the same */
	EFFECT_WISH_ON,    /* amd_iommu=on: not known to any kernel, harmless, and says what is meant */
	EFFECT_STOP,       /* ends its own list: the items behind it are not read */
	/* The kernel does not know these, but somebody meant something by them: near misses. */
	EFFECT_NEAR_ON,
	EFFECT_NEAR_OFF,
	EFFECT_NEAR_PT,
	EFFECT_NEAR_NOPT,
	EFFECT_UNKNOWN, /* nor is it clear what was meant */
	EFFECT_UNREAD,  /* behind an EFFECT_STOP */
	EFFECT_FOREIGN, /* the other vendor's option */
	EFFECT_INIT,    /* behind a bare "--": for init */
	/* Nothing about the mode either, but something that people should know. */
	EFFECT_SYNC, /* the flush policy */
	EFFECT_LAZY,
	EFFECT_UNSAFE, /* devices are given away without interrupt remapping */
	EFFECT_NOT_UNSAFE,
	EFFECT_REMAP, /* interrupts */
	EFFECT_NO_REMAP,
	EFFECT_NO_SOURCE_ID,
	EFFECT_NO_GRAPHICS,  /* the graphics device's unit is left alone */
	EFFECT_NO_INTEGRATED, /* Debian's: Intel's own graphics devices only */
	EFFECT_SCALABLE,
	EFFECT_NOT_SCALABLE,
	EFFECT_NO_TBOOT,
	EFFECT_FORCE, /* of iommu=, which switches nothing on */
	EFFECT_SOFT,  /* and since 5.19 nothing off */
	EFFECT_ISOLATION,
	EFFECT_ACS_OVERRIDE,
	EFFECT_ACS_CONFIG,
	EFFECT_ACS_REDIRECT,
	EFFECT_NO_ATS,
	EFFECT_VFIO_IDS,
	EFFECTS, /* none; how many there are */
};

/* What is wrong with a near miss, or with what the kernel does not know. */
enum miss {
	MISS_NOT,    /* nothing, or its item */
	MISS_KEY,    /* the key is misspelt */
	MISS_CASE,   /* only by its capital letters */
	MISS_BLANKS, /* blanks around the '=' */
	MISS_STUCK,  /* it stands behind another parameter without a blank */
	MISS_VALUE,  /* it has no value */
};

/* One item of one IOMMU-related word. The strings are valid during the call only. */
struct mention {
	const char *word; /* as it stands on the line, quotes removed */
	const char *item; /* the part of its comma list, or its whole value; of MISS_STUCK the parameter that is */
	enum effect effect;
	enum miss miss;
};

/* Calls visit() for each item of each IOMMU-related word of the line, in order, as a vendor and a kernel read it. */
void cmdline_walk(const char *line, enum vendor vendor, unsigned kernel,
		  void (*visit)(void *context, const struct mention *mention), void *context);

/* A wish of the line: what was said, by which word, and what came of it. */
struct wish {
	char yes[64], no[64];            /* the word that said so last, or "" */
	char near_yes[64], near_no[64];  /* the first near miss that would have asked for it, or "" */
	enum { UNSAID, YES, NO } result; /* what the kernel makes of it */
};

struct cmdline {
	struct wish power; /* IOMMU on */
	struct wish pt;    /* passthrough; "no" is translated */
	char soft[64];     /* the word with iommu=soft, which this kernel reads and does nothing about, or "" */
	bool noiommu;      /* vfio.enable_unsafe_noiommu_mode is on by the line */
	bool acpi_off;     /* acpi=off hides the firmware's tables */
	bool soften;       /* rd.iommu.verify=warn */
	bool rescue;       /* single-user, rescue or emergency boot, or a rescue entry */
};

/* Reads the line for a vendor and a kernel (0: unknown). Words after a bare "--" are init's and are left out. */
void cmdline_read(const char *line, enum vendor vendor, unsigned kernel, struct cmdline *out);

/* The mode the line asks for: a wanted mode, MODE_DEFAULT if nothing on it decides, or MODE_UNKNOWN if the vendor can't
 * be told and the two differ. */
enum mode cmdline_mode(const char *line, enum vendor vendor, unsigned kernel);

#endif
