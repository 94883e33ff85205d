/* The verdict as text for people and JSON for programs: the same facts in both.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef REPORT_H
#define REPORT_H

#include <stdio.h>

#include "verdict/verdict.h"

/* Prints a few aligned lines. */
void report_text(FILE *out, const struct facts *facts, const struct judgement *judgement);

/* Prints one JSON object, schema 1, but for its closing brace, so that a caller can add to it. override says that the
 * line softened the policy. early is the early check's verdict for status.json, or NULL to leave the key out. */
void report_json(FILE *out, const struct facts *facts, const struct judgement *judgement, bool override,
		 const char *early);

/* Parts of it: the lines of the module parameters, of tolerated outliers, and of reasons and notes. */
void report_modules(FILE *out, const struct params *params);
void report_outliers(FILE *out, const struct groups *groups);
void report_findings(FILE *out, const struct judgement *judgement);

/* One line of what was found: "pt (units: dmar0; groups: 14 identity)". Off that nobody chose is just "off". */
void report_effective(const struct facts *facts, char *buf, size_t size);

#endif
