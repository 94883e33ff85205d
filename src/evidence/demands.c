/* What only a target that demands it makes the check look at; see demands.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "evidence/demands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PCI_DEVICES "/sys/bus/pci/devices"

struct search {
	const struct root *root;
	char *device;
};

/* Returns 1 if it is removable and in an identity group, 0 if not, or -errno. */
static int is_exposed(int dirfd, const char *name, void *context)
{
	const struct search *s = context;
	char path[320], text[24];

	(void)dirfd; /* a name there is a link that leaves it */
	snprintf(path, sizeof(path), PCI_DEVICES "/%.255s/removable", name);
	ssize_t len = root_read_line(s->root, path, text, sizeof(text));
	if (len >= 0 && strcmp(text, "removable") == 0) {
		snprintf(path, sizeof(path), PCI_DEVICES "/%.255s/iommu_group/type", name);
		len = root_read_line(s->root, path, text, sizeof(text));
		snprintf(s->device, 32, "%.31s", name);
		if (len >= 0)
			return strcmp(text, "identity") == 0;
	}
	/* Others have no such attribute; one that is no more, or behind no IOMMU, is in no group. */
	return len == -ENOENT || len == -ENODEV || len >= 0 ? 0 : (int)len;
}

/* drivers/pci/probe.c:pci_set_removable(), from 5.14 on. */
enum presence exposed_find(const struct root *root, unsigned kernel, char device[32])
{
	struct search search = { root, device };

	if (kernel < KERNEL_REMOVABLE)
		return PRESENCE_UNKNOWN;
	int r = root_list(root, PCI_DEVICES, is_exposed, &search);
	return r < 0 ? PRESENCE_UNKNOWN : r ? PRESENCE_YES : PRESENCE_NO;
}

void demands_read(const struct root *root, const struct target *target, struct evidence *e)
{
	if (target->remapped)
		e->remapped = interrupts_remapped(root);
	if (target->translated)
		e->exposed = exposed_find(root, e->kernel, e->exposed_device);
}

const char *demand_untold(const struct target *target, const struct evidence *e)
{
	if (target->remapped && e->remapped == PRESENCE_UNKNOWN)
		return "/sys/kernel/irq/*/chip_name: none can be read";
	if (target->translated && e->exposed == PRESENCE_UNKNOWN)
		return "/sys/bus/pci/devices/*/removable: kernel {kernel} has none, or they can't be read";
	return NULL;
}
