/* Every IOMMU group with its devices, by address and name.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef GROUPS_LIST_H
#define GROUPS_LIST_H

#include "show/survey.h"

/* Prints a line for each device. redacted: devices of other buses than PCI, whose names can be anything, are not
 * named. */
void groups_print(const struct survey *survey, bool redacted);

/* The same as a list of JSON objects, after its key. */
void groups_json(const struct survey *survey);

#endif
