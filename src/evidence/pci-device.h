/* A PCI device as the IOMMU drivers look at it when they choose its default domain.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PCI_DEVICE_H
#define PCI_DEVICE_H

#include <stdbool.h>

#include "base/root.h"

struct device {
	bool pci;        /* else nothing else is known */
	unsigned vendor, device;
	unsigned class;  /* base class and subclass: 0x0300 */
	bool removable;  /* the visible twin of "untrusted": drivers/pci/probe.c:pci_set_removable() */
	char unit[32];   /* the IOMMU unit it is behind, or "" */
};

/* Reads device name of an IOMMU group. Returns 0, -ENOENT if it is there no more, or another -errno. */
int device_read(const struct root *root, unsigned group, const char *name, struct device *device);

/* Whether it has a PASID extended capability (include/uapi/linux/pci_regs.h: PCI_EXT_CAP_ID_PASID): 1 or 0, -EPERM if
 * only a privileged user can tell, or another -errno. */
int device_has_pasid(const struct root *root, unsigned group, const char *name);

#endif
