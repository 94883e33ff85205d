/* A survey as lines for people and as JSON for programs.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SUMMARY_H
#define SUMMARY_H

#include "show/survey.h"

/* IOMMU groups with their devices are to be shown too: all, or that of one device, by its address. */
struct show_groups {
	const char *only; /* or NULL */
};

/* Print it to standard output; groups may be NULL. */
void summary_json(const struct survey *survey, const struct show_groups *groups);
void summary_text(const struct survey *survey, const struct show_groups *groups);

#endif
