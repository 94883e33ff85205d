/* What each IOMMU-related parameter of a kernel command line does, and what a code means: as text and as JSON.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef EXPLAINED_H
#define EXPLAINED_H

#include <stdbool.h>
#include <stdio.h>

#include "model/image-conf.h"

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

/* A code: of a reason, a refusal or a notice. */
struct explained_code {
	const char *code, *layer, *text, *hint; /* static */
	bool verdict, refusal, notice;          /* who says it */
	bool forcible;                          /* as a refusal */
};

/* Sets *out and returns true if the word is one, in whatever case. */
bool explained_code_find(const char *word, struct explained_code *out);

void explained_code_print(const struct explained_code *code, FILE *out);
void explained_code_json(const struct explained_code *code, FILE *out);

/* The name of each code in turn, until NULL. */
const char *explained_code_name(size_t i);

#endif
