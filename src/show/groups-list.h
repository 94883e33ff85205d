/* Every IOMMU group with its devices, by address and name.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef GROUPS_LIST_H
#define GROUPS_LIST_H

#include "show/survey.h"

/* Prints a few lines for each device. only: the address of a device that is there: those of its group alone, and what
 * to do next to give it away; NULL: all. */
void groups_print(const struct survey *survey, const char *only);

/* The same in one line each, without what may be the owner's own: devices of other buses than PCI, whose names can be
 * anything, are not named. */
void groups_print_redacted(const struct survey *survey);

/* The same as a list of JSON objects, after its key. */
void groups_json(const struct survey *survey, const char *only);

#endif
