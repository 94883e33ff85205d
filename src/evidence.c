/* What the machine really does; see evidence.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "evidence.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Keeps the first thing that is missing: the rest follows from it. */
static __attribute__((format(printf, 2, 3))) void missing(struct evidence *e, const char *format, ...)
{
	va_list args;

	if (e->missing[0])
		return;
	va_start(args, format);
	vsnprintf(e->missing, sizeof(e->missing), format, args);
	va_end(args);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* drivers/iommu/iommu-sysfs.c: an entry appears once a unit's driver has come up for DMA remapping. */
static void collect_units(const struct root *root, struct evidence *e)
{
	int fd = root_open(root, "/sys/class/iommu", O_RDONLY | O_DIRECTORY);
	if (fd == -ENOENT)
		return; /* a kernel without CONFIG_IOMMU_API */
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		missing(e, "/sys/class/iommu: %s", strerror(fd < 0 ? -fd : errno));
		return;
	}

	const struct dirent *entry;
	for (errno = 0; (entry = readdir(dir)); errno = 0) {
		if (entry->d_name[0] == '.')
			continue;
		if (e->nunits < UNITS_MAX)
			snprintf(e->units[e->nunits], sizeof(e->units[0]), "%.31s", entry->d_name);
		e->nunits++;
	}
	if (errno)
		missing(e, "/sys/class/iommu: %s", strerror(errno));
	closedir(dir);
	qsort(e->units, e->nunits < UNITS_MAX ? e->nunits : UNITS_MAX, sizeof(e->units[0]), by_name);
}

/* Reads one line of a group's file into value, without the newline. Returns 0 or -errno. */
static int group_line(int groups, const char *group, const char *file, char value[24])
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", group, file);
	ssize_t len = root_read_at(groups, path, value, 24);
	if (len < 0)
		return (int)len;
	value[strcspn(value, "\r\n")] = '\0';
	return 0;
}

static void count_group(int groups, const char *group, struct evidence *e)
{
	char value[24];

	int r = group_line(groups, group, "type", value);
	if (r == -ENOENT && faccessat(groups, group, F_OK, 0) < 0)
		return; /* unplugged while we looked */
	if (r < 0) {
		missing(e, "/sys/kernel/iommu_groups/%s/type: %s", group, strerror(-r));
		return;
	}

	if (strcmp(value, "identity") == 0) {
		e->groups.identity++;
	} else if (strcmp(value, "DMA") == 0) {
		e->groups.dma++;
	} else if (strcmp(value, "DMA-FQ") == 0) {
		e->groups.dma_fq++;
	} else {
		e->groups.other++;
		/* drivers/vfio/group.c:vfio_noiommu_group_alloc() */
		if (group_line(groups, group, "name", value) == 0 && strcmp(value, "vfio-noiommu") == 0)
			e->groups.noiommu++;
	}
}

static void collect_groups(const struct root *root, struct evidence *e)
{
	int fd = root_open(root, "/sys/kernel/iommu_groups", O_RDONLY | O_DIRECTORY);
	if (fd == -ENOENT)
		return;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		missing(e, "/sys/kernel/iommu_groups: %s", strerror(fd < 0 ? -fd : errno));
		return;
	}

	const struct dirent *entry;
	for (errno = 0; (entry = readdir(dir)); errno = 0)
		if (entry->d_name[0] != '.')
			count_group(fd, entry->d_name, e);
	if (errno)
		missing(e, "/sys/kernel/iommu_groups: %s", strerror(errno));
	closedir(dir);
}

/* Units name their driver; else the firmware's tables tell the vendor, else the processor. */
static void collect_platform(const struct root *root, struct evidence *e)
{
	bool dmar = root_exists(root, "/sys/firmware/acpi/tables/DMAR");
	bool ivrs = root_exists(root, "/sys/firmware/acpi/tables/IVRS");
	char cpuinfo[8192]; /* the first processor is enough; a long file is cut on purpose */

	int fd = root_open(root, "/proc/cpuinfo", O_RDONLY);
	ssize_t len = fd < 0 ? -1 : read(fd, cpuinfo, sizeof(cpuinfo) - 1);
	cpuinfo[len > 0 ? len : 0] = '\0';
	if (fd >= 0)
		close(fd);

	e->table = dmar || ivrs;
	e->hypervisor = strstr(cpuinfo, " hypervisor") != NULL;
	e->kdump = root_exists(root, "/proc/vmcore");

	if (e->nunits && strncmp(e->units[0], "dmar", 4) == 0)
		e->vendor = VENDOR_INTEL;
	else if (e->nunits && strncmp(e->units[0], "ivhd", 4) == 0)
		e->vendor = VENDOR_AMD;
	else if (dmar != ivrs)
		e->vendor = dmar ? VENDOR_INTEL : VENDOR_AMD;
	else if (strstr(cpuinfo, "GenuineIntel"))
		e->vendor = VENDOR_INTEL;
	else if (strstr(cpuinfo, "AuthenticAMD") || strstr(cpuinfo, "HygonGenuine"))
		e->vendor = VENDOR_AMD;
}

static void collect_kernel(const struct root *root, struct evidence *e)
{
	ssize_t len = root_read_line(root, "/proc/cmdline", e->cmdline, sizeof(e->cmdline));
	if (len < 0) {
		e->cmdline[0] = '\0';
		missing(e, "/proc/cmdline: %s", strerror((int)-len));
	}
	len = root_read_line(root, "/proc/sys/kernel/osrelease", e->release, sizeof(e->release));
	if (len < 0) {
		e->release[0] = '\0';
		missing(e, "/proc/sys/kernel/osrelease: %s", strerror((int)-len));
	}
	e->kernel = kernel_version(e->release);
	if (root_read_line(root, "/proc/sys/kernel/random/boot_id", e->boot_id, sizeof(e->boot_id)) < 0)
		e->boot_id[0] = '\0';
}

static enum mode classify_off(struct evidence *e)
{
	const struct param_state *noiommu = &e->params.state[PARAM_NOIOMMU];

	/* Set to N, it is off whether the kernel has it or not. */
	if (noiommu->source == SOURCE_UNKNOWN && noiommu->value == 1) {
		missing(e, "vfio.enable_unsafe_noiommu_mode: set, but whether this kernel's vfio has it can't be told");
		return MODE_UNKNOWN;
	}
	if (noiommu->source == SOURCE_LIVE && noiommu->value < 0) {
		missing(e, "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode: not readable");
		return MODE_UNKNOWN;
	}
	return noiommu->value == 1 ? MODE_OFF_FOR_VFIO : MODE_OFF_FOR_UIO;
}

static enum mode classify(struct evidence *e)
{
	const struct groups *g = &e->groups;
	unsigned translated = g->dma + g->dma_fq;

	if (e->missing[0])
		return MODE_UNKNOWN;
	if (e->nunits == 0 && g->identity + translated + g->other == g->noiommu)
		return classify_off(e);
	if (e->nunits == 0) {
		missing(e, "/sys/kernel/iommu_groups has groups, but /sys/class/iommu has no unit");
		return MODE_UNKNOWN;
	}
	if (g->identity + translated == 0) {
		missing(e, "/sys/class/iommu has units, but no group has a usable type");
		return MODE_UNKNOWN;
	}
	if (g->identity == 0)
		return MODE_STRICT;
	return translated == 0 ? MODE_PT : MODE_MIXED;
}

static enum flush classify_flush(const struct evidence *e)
{
	if (e->effective == MODE_UNKNOWN)
		return FLUSH_UNKNOWN;
	if (e->groups.dma_fq)
		return FLUSH_LAZY;
	if (e->groups.dma == 0)
		return FLUSH_NONE;
	/* Before 5.15 "DMA" meant both. */
	return e->kernel && e->kernel < KERNEL(5, 15) ? FLUSH_UNKNOWN : FLUSH_SYNC;
}

void evidence_collect(const struct root *root, const struct image *image, struct evidence *e)
{
	*e = (struct evidence){ 0 };

	if (!root_mounted(root, "/sys", SYSFS_MAGIC))
		missing(e, "/sys: not mounted");
	if (!root_mounted(root, "/proc", PROC_SUPER_MAGIC))
		missing(e, "/proc: not mounted");
	collect_kernel(root, e);
	collect_units(root, e);
	collect_groups(root, e);
	collect_platform(root, e);

	int r = params_read(root, e->release, image, &e->params);
	if (r < 0)
		missing(e, "module parameters: libkmod: %s", strerror(-r));

	e->effective = classify(e);
	e->flush = classify_flush(e);
}
