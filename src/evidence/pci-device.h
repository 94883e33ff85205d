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

/* Below which port of its root bus it is: that one's name; "" if it is on the root bus itself. Returns 0 or -errno. */
int device_port(const struct root *root, unsigned group, const char *name, char port[32]);

/* Extended capabilities (include/uapi/linux/pci_regs.h: PCI_EXT_CAP_ID_ATS and so on). */
enum { CAPABILITY_ATS = 1, CAPABILITY_PRI = 2, CAPABILITY_PASID = 4 };

/* A set of those that it has; with physical, of a virtual function its physical function's. -EPERM if only a privileged
 * user can tell, or another -errno. */
int device_capabilities(const struct root *root, unsigned group, const char *name, bool physical);

#endif
