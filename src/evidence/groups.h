/* IOMMU groups: the type of each one's default domain, and its devices.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef GROUPS_H
#define GROUPS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/root.h"

#define GROUPS_PATH "/sys/kernel/iommu_groups"

/* drivers/iommu/iommu.c:iommu_group_show_type(); DOMAIN_OTHER is blocked, unmanaged and unknown. */
enum domain { DOMAIN_OTHER, DOMAIN_IDENTITY, DOMAIN_DMA, DOMAIN_DMA_FQ };

struct group {
	unsigned number;
	enum domain type;
	bool untyped;          /* "unknown": it has no default domain; of DOMAIN_OTHER */
	bool noiommu;          /* made by vfio for a device that has no IOMMU */
	bool gone;             /* unplugged since, or without a device */
	bool tolerated;        /* has an excuse and differs */
	bool contrary;         /* the kernel would have given it another type: somebody wrote this one */
	const char *excuse;    /* why it may differ from the others (a static string), or NULL; see classify.c */
	char *devices;         /* names separated by blanks; owned; NULL until groups_devices() */
};

struct groups {
	struct group *list; /* owned; in no order until groups_sort() */
	size_t count;
};

/* Reads the number and type of every group. Returns 0 or -errno; then failed is the path that can't be read, and
 * those read until then are there to be shown: groups_free() is due either way. No such directory is no group. */
int groups_read(const struct root *root, struct groups *groups, char *failed, size_t size);
void groups_free(struct groups *groups);

/* Puts them in the order of their numbers, for whoever tells of single ones. */
void groups_sort(struct groups *groups);

/* Fills in group->devices, and group->gone. Returns 0 or -errno. */
int groups_devices(const struct root *root, struct group *group);

/* "identity", "DMA", "DMA-FQ", "other". */
const char *domain_name(enum domain type);

#endif
