/* The kernel parameters that are about the IOMMU: one table, which everybody asks.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef KERNEL_PARAMETERS_H
#define KERNEL_PARAMETERS_H

#include <stdbool.h>

#include "model/cmdline.h"

/* How a value is read; cmdline.c has a function for each. */
enum parameter_reader {
	READ_NOT,         /* decides nothing, and nothing is said of it */
	READ_KNOWN,       /* decides nothing about the mode */
	READ_LIST,        /* a comma list of items */
	READ_OTHER_LIST,  /* a comma list whose items decide nothing about the mode; nothing is said of others */
	READ_PASSTHROUGH, /* a boolean: identity or translated */
	READ_FLUSH,       /* a boolean: sync or lazy */
	READ_UNSAFE,      /* a boolean module parameter */
	READ_NOIOMMU,     /* a boolean module parameter */
	READ_SWIOTLB,
	READ_ACPI,
	READ_INVENTED, /* known to no kernel, and people write it */
};

/* Whether a change takes it out of a command line before it writes its own. */
enum parameter_ours {
	NOT_OURS,
	OURS,
	OURS_FLUSH, /* only a change that sets the flush policy */
	OURS_ITEMS, /* each item of its list says so for itself */
};

/* An item of a comma list. The kernel compares beginnings, and the first item that fits counts. */
struct parameter_item {
	const char *item; /* NULL ends the list */
	enum effect effect : 8;
	enum parameter_ours ours : 8;
	unsigned until : 24;   /* kernel from which on it has another effect, or 0 */
	enum effect after : 8; /* which; EFFECT_NONE: none */
	unsigned anywhere : 24; /* kernel before which it counts wherever it stands in the text, or 0 */
	bool whole;             /* only the whole text counts */
};

struct kernel_parameter {
	const char *key; /* with a dot at its end all parameters of that module; NULL ends the table */
	enum parameter_reader reader : 8;
	enum parameter_ours ours : 8;
	bool public;            /* may be shown with its value in a public report */
	char contrary[3];       /* digits that as its value a mode excludes; of a list it is the items that are ours */
	enum vendor vendor : 8; /* on whose machines it is read, or VENDOR_UNKNOWN: on all */
	enum effect effect : 8; /* of READ_KNOWN */
	const struct parameter_item *items;
};

extern const struct kernel_parameter kernel_parameters[];

/* The row for a word of a command line, or NULL if it is not about the IOMMU. */
const struct kernel_parameter *kernel_parameter_find(const char *word);

/* The row's item for a text between commas, as a kernel (0: unknown) takes it, or NULL if it knows none. */
const struct parameter_item *parameter_item_find(const struct kernel_parameter *parameter, const char *text,
						 unsigned kernel);

/* Whether a change, with flush one that sets the flush policy, takes a text between commas out of the row's value. */
bool parameter_is_ours(const struct kernel_parameter *parameter, const char *text, bool flush);

/* What of a line decides which default domain single devices get, whatever the mode. */
enum choice {
	CHOICE_IGFX_OFF,        /* intel_iommu=igfx_off */
	CHOICE_INTGPU_OFF,      /* intel_iommu=intgpu_off; =on says no */
	CHOICE_FORCE_ISOLATION, /* amd_iommu=force_isolation */
	CHOICE_NO_ATS,          /* pci=noats */
	CHOICE_ENCRYPT,         /* mem_encrypt=on; =off says no */
	CHOICES,
};

/* What is said of each, the last word counts: 1 yes, -1 no, 0 nothing. */
struct line_choices {
	signed char said[CHOICES];
};

void line_choices_read(const char *line, struct line_choices *out);

#endif
