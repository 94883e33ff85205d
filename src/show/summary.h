/* A survey as lines for people and as JSON for programs.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SUMMARY_H
#define SUMMARY_H

#include <stdbool.h>

#include "show/survey.h"

/* Print it to standard output; groups: every IOMMU group with its devices, too. */
void summary_json(const struct survey *survey, bool groups);
void summary_text(const struct survey *survey, bool groups);

#endif
