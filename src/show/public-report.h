/* What somebody who is asked for help needs to see, and nothing that is the asker's own.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PUBLIC_REPORT_H
#define PUBLIC_REPORT_H

#include "show/survey.h"

/* Prints it: text to paste into a public issue. */
void report_redacted(const struct survey *survey);

#endif
