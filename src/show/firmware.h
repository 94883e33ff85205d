/* What the firmware says of DMA protection: in its tables, and in the TPM's log.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef FIRMWARE_H
#define FIRMWARE_H

#include "show/survey.h"

/* Prints lines for people, and a member of the JSON object. */
void firmware_print(const struct survey *survey);
void firmware_json(const struct survey *survey);

#endif
