/* What the machine really does; see evidence.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "evidence/evidence.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/kconfig.h"

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

static void unit_path(const struct unit *unit, const char *file, char path[128])
{
	snprintf(path, 128, UNITS_PATH "/%s/%s", unit->name, file);
}

/* By its name, which the kernel's drivers give, or by what its directory has. */
static enum unit_kind kind_of(const struct root *root, const struct unit *unit)
{
	char path[128];

	unit_path(unit, "intel-iommu/ecap", path);
	if (strncmp(unit->name, "dmar", 4) == 0)
		return UNIT_INTEL;
	if (strncmp(unit->name, "ivhd", 4) == 0)
		return UNIT_AMD;
	if (root_exists(root, path))
		return UNIT_INTEL;
	unit_path(unit, "amd-iommu", path);
	return root_exists(root, path) ? UNIT_AMD : UNIT_OTHER;
}

struct units {
	const struct root *root;
	struct evidence *e;
};

static int add_unit(int dirfd, const char *name, void *context)
{
	const struct units *units = context;
	struct evidence *e = units->e;
	struct unit *list = reallocarray(e->units, e->nunits + 1, sizeof(*list));

	(void)dirfd;
	if (!list)
		return -ENOMEM;
	e->units = list;

	struct unit *unit = &list[e->nunits++];
	*unit = (struct unit){ 0 };
	snprintf(unit->name, sizeof(unit->name), "%.31s", name);
	for (char *c = unit->name; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?'; /* no kernel has such names; a tree may, and they are printed */
	unit->kind = kind_of(units->root, unit);
	return 0;
}

/* drivers/iommu/iommu-sysfs.c: an entry appears once a unit's driver has come up for DMA remapping. */
static void collect_units(const struct root *root, struct evidence *e)
{
	struct units units = { .root = root, .e = e };

	int r = root_list(root, UNITS_PATH, add_unit, &units);
	if (r < 0 && r != -ENOENT) /* a kernel without CONFIG_IOMMU_API has none */
		evidence_missing(e, UNITS_PATH ": %s", strerror(-r));
	if (e->nunits)
		qsort(e->units, e->nunits, sizeof(e->units[0]), by_name);
}

/* Reads a unit's register; of two with a colon between them the last one, or the first. Returns false if there is none,
 * or it is no number. */
static bool read_register(const struct root *root, const struct unit *unit, const char *file, bool first,
			  unsigned long long *value)
{
	char path[128], text[48], *end;

	unit_path(unit, file, path);
	if (root_read_line(root, path, text, sizeof(text)) <= 0)
		return false;
	char *colon = strchr(text, ':'), *start = text;
	if (colon && first)
		*colon = '\0';
	else if (colon)
		start = colon + 1;
	*value = strtoull(start, &end, 16);
	return end != start && *end == '\0';
}

void evidence_read_units(const struct root *root, struct evidence *e)
{
	enum { ECAP_PT = 1 << 6, FEATURE_PPR = 1 << 1, FEATURE_GT = 1 << 4, V2 = FEATURE_PPR | FEATURE_GT };
	unsigned long long value;
	/* drivers/iommu/amd/init.c:amd_iommu_show_features(): the second register stood first (6.1, 6.8) */
	bool first = e->kernel >= KERNEL(6, 8);

	for (unsigned i = 0; i < e->nunits; i++) {
		struct unit *unit = &e->units[i];

		if (unit->kind == UNIT_INTEL && read_register(root, unit, "intel-iommu/ecap", false, &value))
			unit->passthrough = value & ECAP_PT ? PRESENCE_YES : PRESENCE_NO;
		if (unit->kind == UNIT_AMD && read_register(root, unit, "amd-iommu/features", first, &value))
			unit->v2 = (value & V2) == V2 ? PRESENCE_YES : PRESENCE_NO;
	}
}

enum presence evidence_config(const struct root *root, struct evidence *e, enum config option)
{
	if (!e->config[option].asked) {
		e->config[option].asked = true;
		if (!e->image)
			e->config[option].built = kconfig_has(root, e->release, config_option(option));
		else if (strcmp(e->image->kernel, e->release) == 0)
			e->config[option].built = e->image->config[option];
	}
	return e->config[option].built;
}

void evidence_complete(const struct root *root, struct evidence *e)
{
	evidence_read_units(root, e);
	platform_read_cpu(root, &e->platform);
	groups_sort(&e->groups);
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
	if (e->nunits && e->units[0].kind != UNIT_OTHER)
		e->vendor = e->units[0].kind == UNIT_INTEL ? VENDOR_INTEL : VENDOR_AMD;
	else if (p->dmar != p->ivrs)
		e->vendor = p->dmar ? VENDOR_INTEL : VENDOR_AMD;
	/* The kernel takes long to make that file; nothing else is asked of it. */
	if (e->nunits == 0 || !e->table || e->vendor == VENDOR_UNKNOWN)
		platform_read_cpu(root, &e->platform);
	if (e->vendor == VENDOR_UNKNOWN)
		e->vendor = p->cpu;
	e->virtio_iommu = e->nunits == 0 && platform_has_virtio_iommu(root, p);
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
	*e = (struct evidence){ .image = image };

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
}

void evidence_free(struct evidence *e)
{
	free(e->units);
	groups_free(&e->groups);
}
