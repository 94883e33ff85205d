/* What modprobe.d makes of the three module parameters, a root's or an image's.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef MODPROBE_SAYS_H
#define MODPROBE_SAYS_H

#include "initramfs/rootfs.h"
#include "model/image-conf.h"

/* The last line that sets each parameter to Y, and that stands in for loading vfio: "FILE:LINE", or "". */
struct modprobe_says {
	char yes[PARAMS][600], install[600];
};

/* Of the system that this runs in. Returns 0 or -errno. */
int modprobe_says_system(struct modprobe_says *says);

/* The same by the lines that an image holds of its root's. Returns 0 or -ENOMEM. */
int modprobe_says_image(const struct rootfs *image, struct modprobe_says *says);

/* The parameters that are set to Y (bits: 1 << param). */
unsigned modprobe_sets(const struct modprobe_says *says);

#endif
