/* What each IOMMU-related parameter of a kernel command line does, and what a code means: as text and as JSON.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef EXPLAINED_H
#define EXPLAINED_H

#include <stdbool.h>
#include <stdio.h>

#include "model/image-conf.h"
#include "model/reason.h"

/* A line, and the kernel by which it is read. */
struct explained {
	const char *line;                     /* as the kernel reads it: not too long */
	const char *source;                   /* "argument", "standard input" or "running" */
	const char *setting;                  /* what it stood in: "GRUB_CMDLINE_LINUX"; NULL: in nothing */
	size_t bytes;                         /* its length before it was cut */
	const char *release;                  /* NULL: not known, and counts as new */
	enum presence passthrough, intel_on;  /* CONFIG_IOMMU_DEFAULT_PASSTHROUGH, CONFIG_INTEL_IOMMU_DEFAULT_ON* */
};

/* Each prints for Intel and for AMD. Returns false if memory has run out. */
bool explained_print(const struct explained *x, FILE *out);
bool explained_json(const struct explained *x, FILE *out);

void explained_code_print(enum reason code, FILE *out);
void explained_code_json(enum reason code, FILE *out);

#endif
