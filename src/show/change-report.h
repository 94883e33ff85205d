/* What a change did or would do, told: to people, and as one JSON object.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef CHANGE_REPORT_H
#define CHANGE_REPORT_H

#include "change/outcome.h"
#include "change/request.h"

/* A dry run for people: diffs, commands, the line of every entry. */
void change_text(const struct request *request, const struct outcome *outcome);

/* The object of a command that changes, on standard output. */
void change_json(const struct request *request, const struct outcome *outcome, enum result result);

/* The same of one that failed before it was any request: a bad option, say. */
void change_json_failed(const char *command, const char *why);

/* The last lines of a command that has done, or would do, what was asked: what --force overrode, and, on standard error
 * whatever is to be quiet, that the next boot would stop. */
void change_warnings(const struct request *q, const struct outcome *outcome);

#endif
