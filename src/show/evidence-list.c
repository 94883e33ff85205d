/* Every item of evidence with its source; see evidence-list.h.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Some of it decides nothing (lockdown, memory encryption, interrupt remapping, the kernel log): it helps people who
 * wonder why.
 */
#include "show/evidence-list.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "evidence/demands.h"
#include "evidence/kconfig.h"
#include "evidence/klog.h"

static __attribute__((format(printf, 2, 3))) void item(const char *source, const char *format, ...)
{
	va_list args;

	printf("  %-36s ", source);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

static void print_units(const struct evidence *e)
{
	static const char *const kinds[] = {
		[UNIT_OTHER] = "other", [UNIT_INTEL] = "Intel VT-d", [UNIT_AMD] = "AMD-Vi"
	};
	static const char *const passthrough[] = { [PRESENCE_UNKNOWN] = "", [PRESENCE_NO] = ", can't pass through",
						   [PRESENCE_YES] = ", can pass through" };

	if (e->nunits == 0)
		item("/sys/class/iommu", "no unit");
	for (unsigned i = 0; i < e->nunits; i++)
		item("/sys/class/iommu", "%s (%s%s)", e->units[i].name, kinds[e->units[i].kind],
		     passthrough[e->units[i].passthrough]);
}

static void print_groups(const struct root *root, struct evidence *e)
{
	if (e->groups.count == 0)
		item(GROUPS_PATH, "no group");
	for (size_t i = 0; i < e->groups.count; i++) {
		struct group *g = &e->groups.list[i];
		groups_devices(root, g);
		item(i ? "" : GROUPS_PATH "/*/type", "%u %s%s: %s%s%s", g->number, domain_name(g->type),
		     g->noiommu ? " (noiommu)" : "", g->devices ? g->devices : "", g->tolerated ? "; tolerated: " : "",
		     g->tolerated ? g->excuse : "");
	}
}

static void print_remapping(const struct root *root)
{
	static const char *const answers[] = {
		[PRESENCE_UNKNOWN] = "unknown", [PRESENCE_NO] = "no", [PRESENCE_YES] = "yes"
	};

	item("/sys/kernel/irq/*/chip_name", "interrupt remapping: %s", answers[interrupts_remapped(root)]);
}

static void print_exposed(const struct root *root, unsigned kernel)
{
	static const char *const answers[] = {
		[PRESENCE_UNKNOWN] = "unknown", [PRESENCE_NO] = "none", [PRESENCE_YES] = ""
	};
	char device[32] = "";

	enum presence found = exposed_find(root, kernel, device);
	item("/sys/bus/pci/devices/*/removable", "in an identity group: %s%s", answers[found],
	     found == PRESENCE_YES ? device : "");
}

static void print_config(const struct root *root, const char *release)
{
	static const char *const options[] = { "CONFIG_INTEL_IOMMU_DEFAULT_ON", "CONFIG_IOMMU_DEFAULT_PASSTHROUGH",
					       "CONFIG_IOMMU_DEFAULT_DMA_STRICT", "CONFIG_VFIO_NOIOMMU",
					       "CONFIG_IOMMUFD" };
	static const char *const answers[] = {
		[PRESENCE_UNKNOWN] = "can't be read", [PRESENCE_NO] = "n", [PRESENCE_YES] = "y"
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		item(i ? "" : "the kernel's configuration", "%s: %s", options[i],
		     answers[kconfig_has(root, release, options[i])]);
}

static void print_log(const struct root *root)
{
	static const char *const needles[] = {
		"DMAR: IOMMU ",  "force enabled due to platform opt in", "Directed I/O", "AMD-Vi: Extended features",
		"Default domain type", "TLB invalidation policy", "Memory Encryption Features active", "SNP",
	};
	char text[160];
	bool any = false;

	for (size_t i = 0; i < sizeof(needles) / sizeof(needles[0]); i++) {
		if (!klog_find(root, needles[i], text, sizeof(text)))
			continue;
		item(any ? "" : "/dev/kmsg (no proof)", "%s", text);
		any = true;
	}
	if (!any)
		item("/dev/kmsg", "nothing about it, or not readable");
}

void evidence_list_print(const struct root *root, struct facts *f)
{
	struct evidence *e = &f->evidence;
	const struct platform *p = &e->platform;
	char text[128];

	puts("evidence:");
	print_units(e);
	print_groups(root, e);
	item("/sys/firmware/acpi/tables", "%s%s%s%s", p->dmar ? "DMAR " : "", p->ivrs ? "IVRS " : "",
	     p->viot ? "VIOT " : "", p->dmar || p->ivrs || p->viot ? "" :
	     p->tables ? "no DMAR, IVRS or VIOT" : "can't be seen");
	item("/proc/cpuinfo", "%s%s",
	     p->cpu == VENDOR_INTEL ? "Intel"
	     : p->cpu == VENDOR_AMD ? "AMD"
				    : "another vendor",
	     p->hypervisor ? ", in a virtual machine" : "");
	if (p->xen_dom0)
		item("/sys/hypervisor", "Xen dom0: Xen has the IOMMU");
	if (p->kdump)
		item("/proc/vmcore", "a kdump kernel");
	print_remapping(root);
	print_exposed(root, e->kernel);
	print_config(root, e->release);
	if (root_read_line(root, "/sys/kernel/security/lockdown", text, sizeof(text)) > 0)
		item("/sys/kernel/security/lockdown", "%s", text);
	print_log(root);
	if (e->missing[0])
		item("missing", "%s", e->missing);
}
