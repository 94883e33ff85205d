/* Will the next boot be as it should? Every entry and its image, read back.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef CHECK_H
#define CHECK_H

#include "change/request.h"

enum check_output { CHECK_TEXT, CHECK_JSON, CHECK_NAGIOS };

/* Prints a line, or with CHECK_JSON an object, for each entry. Returns an exit code: EXIT_MATCH, EXIT_MISMATCH if an
 * entry of this system would mismatch, EXIT_UNKNOWN if that can't be told, EXIT_NO_TARGET. With CHECK_NAGIOS it is
 * one line about the machine as it runs and as it would boot, and Nagios's exit codes. */
int check_next_boot(const struct request *request, enum check_output output);

/* For who has changed what the next boot reads: says in /run/reboot-required whether our change waits for one.
 * Returns an exit code. */
int check_reboot_required(void);

#endif
