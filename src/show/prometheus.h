/* What monitoring sees, in the text format of Prometheus.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PROMETHEUS_H
#define PROMETHEUS_H

#include "show/feed.h"

feed_print prometheus_print;

#endif
