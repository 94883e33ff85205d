/* Whether root= on a kernel command line is the file system that / is on.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef ROOT_HERE_H
#define ROOT_HERE_H

#include "model/image-conf.h"

/* NO: it is another file system that is present. UNKNOWN: there is no root=, what it names is not present or no name of
 * a device, or / is on none (a tree in a directory). */
enum presence root_is_here(const char *line);

#endif
