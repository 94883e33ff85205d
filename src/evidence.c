/* What the machine really does; see evidence.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "evidence.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classify.h"

void evidence_missing(struct evidence *e, const char *format, ...)
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
	return strcmp(((const struct unit *)a)->name, ((const struct unit *)b)->name);
}

static void read_unit(const struct root *root, const char *name, struct unit *unit)
{
	enum { ECAP_PT = 1 << 6 };
	char path[128], ecap[32], *end;

	*unit = (struct unit){ 0 };
	snprintf(unit->name, sizeof(unit->name), "%.31s", name);
	for (char *c = unit->name; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?'; /* no kernel has such names; a tree may, and they are printed */
	snprintf(path, sizeof(path), "/sys/class/iommu/%s/amd-iommu", unit->name);
	if (strncmp(name, "ivhd", 4) == 0 || root_exists(root, path))
		unit->kind = UNIT_AMD;
	snprintf(path, sizeof(path), "/sys/class/iommu/%s/intel-iommu/ecap", unit->name);
	ssize_t len = root_read_line(root, path, ecap, sizeof(ecap));
	if (strncmp(name, "dmar", 4) == 0 || len > 0)
		unit->kind = UNIT_INTEL;
	if (len <= 0)
		return;
	unsigned long long value = strtoull(ecap, &end, 16);
	if (*end == '\0')
		unit->passthrough = value & ECAP_PT ? PRESENCE_YES : PRESENCE_NO;
}

/* drivers/iommu/iommu-sysfs.c: an entry appears once a unit's driver has come up for DMA remapping. */
static void collect_units(const struct root *root, struct evidence *e)
{
	DIR *dir = root_opendir(root, "/sys/class/iommu");
	if (!dir) {
		if (errno != ENOENT) /* a kernel without CONFIG_IOMMU_API has none */
			evidence_missing(e, "/sys/class/iommu: %s", strerror(errno));
		return;
	}

	const struct dirent *entry;
	for (errno = 0; (entry = readdir(dir)); errno = 0) {
		if (entry->d_name[0] == '.')
			continue;
		if (e->nunits < UNITS_MAX)
			read_unit(root, entry->d_name, &e->units[e->nunits]);
		e->nunits++;
	}
	if (errno)
		evidence_missing(e, "/sys/class/iommu: %s", strerror(errno));
	closedir(dir);
	qsort(e->units, e->nunits < UNITS_MAX ? e->nunits : UNITS_MAX, sizeof(e->units[0]), by_name);
}

static void collect_groups(const struct root *root, struct evidence *e)
{
	char failed[128];

	int r = groups_read(root, &e->groups, failed, sizeof(failed));
	if (r < 0)
		evidence_missing(e, "%s: %s", failed, strerror(-r));
}

/* Units name their driver; else the firmware's tables tell the vendor, else the processor. */
static void collect_platform(const struct root *root, struct evidence *e)
{
	const struct platform *p = &e->platform;

	platform_read(root, &e->platform);
	e->table = p->dmar || p->ivrs;
	e->virtio_iommu = e->nunits == 0 && platform_has_virtio_iommu(root, p);
	if (e->nunits && e->units[0].kind == UNIT_INTEL)
		e->vendor = VENDOR_INTEL;
	else if (e->nunits && e->units[0].kind == UNIT_AMD)
		e->vendor = VENDOR_AMD;
	else if (p->dmar != p->ivrs)
		e->vendor = p->dmar ? VENDOR_INTEL : VENDOR_AMD;
	else
		e->vendor = p->cpu;
}

static void collect_kernel(const struct root *root, struct evidence *e)
{
	ssize_t len = root_read_line(root, "/proc/cmdline", e->cmdline, sizeof(e->cmdline));
	if (len < 0) {
		e->cmdline[0] = '\0';
		evidence_missing(e, "/proc/cmdline: %s", strerror((int)-len));
	}
	len = root_read_line(root, "/proc/sys/kernel/osrelease", e->release, sizeof(e->release));
	if (len < 0) {
		e->release[0] = '\0';
		evidence_missing(e, "/proc/sys/kernel/osrelease: %s", strerror((int)-len));
	}
	e->kernel = kernel_version(e->release);
	if (root_read_line(root, "/proc/sys/kernel/random/boot_id", e->boot_id, sizeof(e->boot_id)) < 0)
		e->boot_id[0] = '\0';
}

void evidence_collect(const struct root *root, const struct image *image, struct evidence *e)
{
	*e = (struct evidence){ 0 };

	if (!root_mounted(root, "/sys", SYSFS_MAGIC))
		evidence_missing(e, "/sys: not mounted");
	if (!root_mounted(root, "/proc", PROC_SUPER_MAGIC))
		evidence_missing(e, "/proc: not mounted");
	collect_kernel(root, e);
	collect_units(root, e);
	collect_groups(root, e);
	collect_platform(root, e);

	int r = params_read(root, e->release, e->cmdline, image, &e->params);
	if (r < 0)
		evidence_missing(e, "module parameters: libkmod: %s", strerror(-r));
	classify(root, e);
}

void evidence_free(struct evidence *e)
{
	groups_free(&e->groups);
}
