/* A kernel's build configuration, as the distribution keeps it beside the kernel.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef KCONFIG_H
#define KCONFIG_H

#include "base/root.h"
#include "model/image-conf.h"

/* Whether the kernel osrelease was built with option ("CONFIG_VFIO_NOIOMMU"), y or m. PRESENCE_UNKNOWN if neither
 * /boot/config-* nor /lib/modules/KVER/config can be read. */
enum presence kconfig_has(const struct root *root, const char *osrelease, const char *option);

#endif
