/* Copies into an image what the real root's modprobe.d says of the vfio modules.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef MODPROBE_FILTER_H
#define MODPROBE_FILTER_H

#include "root.h"

/* Reads every modprobe.d directory of root as modprobe(8) does, and writes the options, install, blacklist and alias
 * lines about the three modules to IMAGE_MODPROBE_DIR below dest, which must exist. Each file keeps its base name, with
 * shadowing applied: a file that only hides such lines is written empty. Tells on stderr what is wrong; returns 0 or
 * -errno. */
int modprobe_filter(const struct root *root, const struct root *dest);

#endif
