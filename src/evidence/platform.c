/* What surrounds the IOMMU; see platform.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "evidence/platform.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "evidence/klog.h"

#define TABLES "/sys/firmware/acpi/tables/"

void platform_read_cpu(const struct root *root, struct platform *p)
{
	char cpuinfo[4096]; /* the first processor is enough; a long file is cut on purpose */

	int fd = root_open(root, "/proc/cpuinfo", O_RDONLY);
	ssize_t len = fd < 0 ? -1 : read(fd, cpuinfo, sizeof(cpuinfo) - 1);
	cpuinfo[len > 0 ? len : 0] = '\0';
	if (fd >= 0)
		close(fd);

	p->hypervisor = strstr(cpuinfo, " hypervisor") != NULL;
	p->sme = strstr(cpuinfo, " sme") != NULL;
	if (strstr(cpuinfo, "GenuineIntel"))
		p->cpu = VENDOR_INTEL;
	else if (strstr(cpuinfo, "AuthenticAMD") || strstr(cpuinfo, "HygonGenuine"))
		p->cpu = VENDOR_AMD;
}

void platform_read(const struct root *root, struct platform *p)
{
	char xen[64];

	*p = (struct platform){ 0 };
	p->dmar = root_exists(root, TABLES "DMAR");
	p->ivrs = root_exists(root, TABLES "IVRS");
	p->viot = root_exists(root, TABLES "VIOT");
	p->tables = p->dmar || p->ivrs || p->viot || root_exists(root, "/sys/firmware/acpi/tables");
	p->kdump = root_certain(root, "/proc/vmcore");

	/* drivers/xen/sys-hypervisor.c:features_show(), a hexadecimal bit map; include/xen/interface/features.h */
	enum { XENFEAT_DOM0 = 11 };
	if (root_read_line(root, "/sys/hypervisor/properties/features", xen, sizeof(xen)) > 0)
		p->xen_dom0 = strtoul(xen, NULL, 16) >> XENFEAT_DOM0 & 1;
}

bool platform_has_virtio_iommu(const struct root *root, const struct platform *p)
{
	bool found = p->viot;

	if (found || !p->hypervisor)
		return found;
	DIR *dir = root_opendir(root, "/sys/bus/pci/devices");
	if (!dir)
		return false;
	for (const struct dirent *entry; !found && (entry = readdir(dir));) {
		char path[320], vendor[16], device[16];

		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vendor", entry->d_name);
		if (root_read_line(root, path, vendor, sizeof(vendor)) <= 0 || strcmp(vendor, "0x1af4") != 0)
			continue;
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/device", entry->d_name);
		found = root_read_line(root, path, device, sizeof(device)) > 0 && strcmp(device, "0x1057") == 0;
	}
	closedir(dir);
	return found;
}

bool platform_opted_in(const struct root *root)
{
	char text[128];

	return klog_find(root, "Intel-IOMMU force enabled due to platform opt in", text, sizeof(text));
}

/* Interrupt chips that go through remapping have names that say so: drivers/iommu/intel/irq_remapping.c and
 * drivers/iommu/amd/iommu.c, "IR-IO-APIC", "IR-PCI-MSI". Beside them others stay as they are: the timer's, the unit's
 * own ("DMAR-MSI"). */
enum presence interrupts_remapped(const struct root *root)
{
	enum presence found = PRESENCE_UNKNOWN;
	DIR *dir = root_opendir(root, "/sys/kernel/irq");

	if (!dir)
		return found;
	for (const struct dirent *entry; (entry = readdir(dir)) && found != PRESENCE_YES;) {
		char path[300], name[64];

		snprintf(path, sizeof(path), "/sys/kernel/irq/%s/chip_name", entry->d_name);
		if (root_read_line(root, path, name, sizeof(name)) > 0)
			found = strncmp(name, "IR-", 3) == 0 ? PRESENCE_YES : PRESENCE_NO;
	}
	closedir(dir);
	return found;
}
