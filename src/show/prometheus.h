/* What monitoring sees, in the text format of Prometheus.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PROMETHEUS_H
#define PROMETHEUS_H

#include "show/survey.h"

/* Writes the metrics to file, or to standard output if file is NULL. The file is written whole or not at all, and no
 * link is followed: the directory is a monitoring agent's. Returns 0, or an exit code with one line told on stderr. */
int prometheus_write(const struct survey *survey, const char *file);

#endif
