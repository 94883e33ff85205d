/* What surrounds the IOMMU: firmware tables, virtualization, and the kernel log as a last resort.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PLATFORM_H
#define PLATFORM_H

#include <stdbool.h>

#include "base/root.h"
#include "model/cmdline.h"
#include "model/image-conf.h"

struct platform {
	bool dmar, ivrs, viot;   /* ACPI tables the firmware offers */
	bool hypervisor;         /* a virtual machine; after platform_read_cpu() */
	bool xen_dom0;           /* Xen has the IOMMU, not this kernel */
	bool kdump;              /* a kdump kernel: look, never act */
	bool tables;             /* they can be seen: a container may hide them */
	bool sme;                /* the processor can encrypt memory; after platform_read_cpu() */
	enum vendor cpu;         /* after platform_read_cpu() */
};

void platform_read(const struct root *root, struct platform *platform);

/* Asks /proc/cpuinfo, which only a machine without units or tables needs, or people. */
void platform_read_cpu(const struct root *root, struct platform *platform);

/* Whether there is a virtio-iommu: it may come up late, when its module is loaded, and no word switches it off. */
bool platform_has_virtio_iommu(const struct root *root, const struct platform *platform);

/* Whether the kernel log says that the firmware switched VT-d on by itself (drivers/iommu/intel/iommu.c:
 * platform_optin_force_iommu()): then the default domain is identity whatever the log said before. False too if the log
 * can't be read, or begins too late. */
bool platform_opted_in(const struct root *root);

/* Whether interrupts go through the IOMMU, by the names of their chips. */
enum presence interrupts_remapped(const struct root *root);

#endif
