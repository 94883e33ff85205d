/* What Kubernetes' Node Feature Discovery takes from a host: a file of its local source.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef NFD_H
#define NFD_H

#include "show/feed.h"

feed_print nfd_print;

#endif
