/* Which groups may differ; see excuses.h.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A kernel chooses a group's type by its devices (drivers/iommu/iommu.c): one that demands a type decides; where two
 * demand different ones the group gets the default (to 6.1) or is refused (6.8).
 */
#include "evidence/excuses.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/pci-device.h"
#include "model/cmdline-words.h"
#include "model/kernel-parameters.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define PCI_DEVICES "/sys/bus/pci/devices/"

/* --- What holds for the whole machine ----------------------------------------------------------------------------- */

static bool said(const struct choices *c, enum choice choice)
{
	return c->line.said[choice] > 0;
}

static unsigned read_hex(const struct root *root, const char *path)
{
	char text[24];

	return root_read_line(root, path, text, sizeof(text)) > 0 ? (unsigned)strtoul(text, NULL, 16) : 0;
}

/* quirk_calpella_no_shadow_gtt(): the firmware has set no memory aside for translated graphics (GGC, 0x52). */
static bool has_no_shadow_gtt(const struct root *root)
{
	enum { GGC = 0x52, GGC_MEMORY_VT_ENABLED = 0x8 << 8 };
	unsigned char config[4097];

	ssize_t len = root_read(root, PCI_DEVICES "0000:00:00.0/config", (char *)config, sizeof(config));
	return len >= GGC + 2 && !((unsigned)config[GGC + 1] << 8 & GGC_MEMORY_VT_ENABLED);
}

/* drivers/iommu/intel/iommu.c, at its end: the host bridges and graphics of quirk_iommu_igfx() and its like. */
static bool has_igfx_quirk(const struct root *root)
{
	static const char *const places[] = { "0000:00:00.0", "0000:00:02.0" };
	static const unsigned short ids[] = { 0x29b2, 0x2a40, 0x2e00, 0x2e10, 0x2e20, 0x2e30, 0x2e40, 0x2e90, 0x0044 };
	static const unsigned short ironlake[] = { 0x0040, 0x0062, 0x006a };
	char path[80];

	for (size_t i = 0; i < LENGTH(places); i++) {
		snprintf(path, sizeof(path), PCI_DEVICES "%s/vendor", places[i]);
		if (read_hex(root, path) != 0x8086)
			continue;
		snprintf(path, sizeof(path), PCI_DEVICES "%s/device", places[i]);
		unsigned id = read_hex(root, path);

		for (size_t k = 0; k < LENGTH(ids); k++)
			if (id == ids[k])
				return true;
		/* Broadwell: 1602 to 163e */
		if ((id & 0xffc0) == 0x1600 && strchr("26abde", "0123456789abcdef"[id & 0xf]))
			return true;
		for (size_t k = 0; k < LENGTH(ironlake); k++)
			if (i == 0 && id == ironlake[k])
				return has_no_shadow_gtt(root);
	}
	return false;
}

void choices_read(const struct root *root, struct evidence *e, struct choices *c)
{
	*c = (struct choices){ 0 };
	evidence_read_units(root, e);
	line_choices_read(e->cmdline, &c->line);
	c->igfx_quirk = has_igfx_quirk(root);
	if (said(c, CHOICE_ENCRYPT))
		platform_read_cpu(root, &e->platform);
	c->encrypted = said(c, CHOICE_ENCRYPT) && e->platform.sme;
}

/* --- One device --------------------------------------------------------------------------------------------------- */

struct look {
	const struct root *root;
	struct evidence *e;
	const struct choices *c;
	const struct group *group;
	const char *name;
	const struct device *d;
	const struct unit *unit; /* or NULL: it can't be told */
	bool doubt;              /* what can't be told demands nothing: asked about what has an excuse */
};

/* The unit a device is behind. Where sysfs does not say, and all units are alike, any of them will do. */
static const struct unit *unit_of(const struct evidence *e, const struct device *d)
{
	for (unsigned i = 0; i < e->nunits; i++)
		if (strcmp(e->units[i].name, d->unit) == 0)
			return &e->units[i];
	for (unsigned i = 1; i < e->nunits; i++)
		if (e->units[i].kind != e->units[0].kind || e->units[i].passthrough != e->units[0].passthrough ||
		    e->units[i].v2 != e->units[0].v2)
			return NULL;
	return d->unit[0] || e->nunits == 0 ? NULL : &e->units[0];
}

/* Each of these returns 1, 0, or -errno. */

static int is_removable(const struct look *k)
{
	return k->d->removable;
}

/* Below a port for what is plugged in: all that is below it is translated, and nothing else is known of it. */
static int is_behind_port(const struct look *k)
{
	struct groups *groups = &k->e->groups;
	char port[32], other[32];

	if (k->group->type == DOMAIN_IDENTITY)
		return 0; /* that one does not agree */
	int r = device_port(k->root, k->group->number, k->name, port);
	if (r < 0 || !port[0])
		return r;
	for (size_t i = 0; i < groups->count; i++) {
		struct group *g = &groups->list[i];

		r = g->type == DOMAIN_IDENTITY ? groups_devices(k->root, g) : 0;
		if (r < 0)
			return r;
		for (const char *p = g->type == DOMAIN_IDENTITY && g->devices ? g->devices : ""; *p; p += *p == ' ') {
			char name[256];
			size_t len = strcspn(p, " ");

			snprintf(name, sizeof(name), "%.*s", (int)len, p);
			p += len;
			if (device_port(k->root, g->number, name, other) == 0 && strcmp(other, port) == 0)
				return 0;
		}
	}
	return 1;
}

static int cant_pass_through(const struct look *k)
{
	return k->unit->passthrough == PRESENCE_NO;
}

static int is_azalia(const struct look *k)
{
	return k->d->vendor == 0x8086 && k->d->device == 0x3a3e;
}

static bool is_display(const struct look *k)
{
	return k->d->class >> 8 == 0x03;
}

/* IS_INTGPU_DEVICE(): on the root bus. The configuration decides where the line does not; if it can't be read, nobody
 * knows whose kernel it is. */
static int is_integrated_display(const struct look *k)
{
	enum presence built_so = evidence_config(k->root, k->e, CONFIG_IGFX_IDENTITY);
	char port[32];

	if (!is_display(k) || k->d->vendor != 0x8086)
		return 0;
	if (k->c->line.said[CHOICE_INTGPU_OFF] < 0 && built_so != PRESENCE_UNKNOWN)
		return 0;
	if (k->c->line.said[CHOICE_INTGPU_OFF] == 0 && built_so == PRESENCE_NO)
		return 0;
	if (k->doubt && !said(k->c, CHOICE_INTGPU_OFF) && built_so != PRESENCE_YES)
		return 0;
	int r = device_port(k->root, k->group->number, k->name, port);
	return r < 0 ? r : !port[0];
}

/* IDENTMAP_GFX */
static int is_unmapped_display(const struct look *k)
{
	return is_display(k) && (said(k->c, CHOICE_IGFX_OFF) || k->c->igfx_quirk ||
				 evidence_config(k->root, k->e, CONFIG_GFX_WA) == PRESENCE_YES);
}

/* Ubuntu's flavours have names of their own; Debian's and upstream's sources have no such choice. */
static int is_image_processor(const struct look *k)
{
	const char *flavour = strrchr(k->e->release, '-');

	if (k->d->vendor != 0x8086 || k->d->class != 0x0480 || !flavour)
		return 0;
	return strcmp(flavour, "-generic") == 0 || strcmp(flavour, "-oem") == 0;
}

/* amd/iommu.c:iommu_init_device(): unless the default is passthrough, which is supposed of what is translated and has
 * an excuse. */
static bool is_isolated(const struct look *k)
{
	return said(k->c, CHOICE_FORCE_ISOLATION) && k->group->type == DOMAIN_IDENTITY;
}

/* What that driver asks for from 6.8 on: PASID, of a virtual function its physical function's, and such a unit. */
static int has_pasid(const struct look *k)
{
	if (is_isolated(k) || k->c->encrypted || k->unit->v2 == PRESENCE_NO)
		return 0;
	int caps = device_capabilities(k->root, k->group->number, k->name, true);
	return caps < 0 ? caps : (caps & CAPABILITY_PASID) != 0;
}

/* And what it asks for before: PASID, page requests and ATS of the function itself, and a unit with page requests (PPR)
 * and guest translation (GT). */
static int is_v2_capable(const struct look *k)
{
	enum { ALL = CAPABILITY_PASID | CAPABILITY_PRI | CAPABILITY_ATS };

	if (is_isolated(k) || k->c->encrypted || said(k->c, CHOICE_NO_ATS) || k->unit->v2 != PRESENCE_YES)
		return 0;
	int caps = device_capabilities(k->root, k->group->number, k->name, false);
	return caps < 0 ? caps : (caps & ALL) == ALL;
}

/* --- The excuses -------------------------------------------------------------------------------------------------- */

enum { ANY_UNIT = -1 };

/* In the order in which the kernels ask. A kernel before since, or from until on, makes no such choice (0: no bound);
 * of a kernel whose version can't be told only what all of them do is known. */
static const struct excuse {
	enum domain demands; /* DOMAIN_DMA stands for DMA-FQ too */
	int unit;            /* an enum unit_kind, which it needs to know, or ANY_UNIT */
	unsigned since, until;
	int (*holds)(const struct look *look);
	const char *why;
} excuses[] = {
	/* intel/iommu.c:device_def_domain_type(), from 6.12 on: ecap_pass_through(). Before, such units get software
	 * identity: init_dmars(), hw_pass_through. */
	{ DOMAIN_DMA, UNIT_INTEL, KERNEL(6, 12), 0, cant_pass_through, "no-passthrough" },
	/* iommu.c:iommu_get_def_domain_type(), from 6.8 on iommu_get_default_domain_type(): "untrusted". It shows as
	 * drivers/pci/probe.c:pci_set_removable(), from 5.14 on. */
	{ DOMAIN_DMA, ANY_UNIT, 0, 0, is_removable, "removable" },
	/* The same before; to 5.10 intel/iommu.c:device_def_domain_type() alone asks. */
	{ DOMAIN_DMA, UNIT_INTEL, 0, KERNEL(5, 11), is_behind_port, "behind-port" },
	{ DOMAIN_DMA, ANY_UNIT, KERNEL(5, 11), KERNEL(5, 14), is_behind_port, "behind-port" },
	/* intel/iommu.c:device_def_domain_type(), 5.10 to 7.2: IDENTMAP_AZALIA */
	{ DOMAIN_IDENTITY, UNIT_INTEL, 0, 0, is_azalia, "8086:3a3e" },
	/* The same, Debian's 5.10 to 7.2: IDENTMAP_INTGPU */
	{ DOMAIN_IDENTITY, UNIT_INTEL, 0, 0, is_integrated_display, "display" },
	/* The same, 5.10 to 6.9: IDENTMAP_GFX; ba00196ca41c took it out for 6.10. CONFIG_INTEL_IOMMU_BROKEN_GFX_WA went
	 * one release before (4b8d18c0c986). */
	{ DOMAIN_IDENTITY, UNIT_INTEL, 0, KERNEL(6, 10), is_unmapped_display, "display" },
	/* Ubuntu's patch for Intel's cameras (IDENTMAP_IPU), after intel/ipu6-drivers */
	{ DOMAIN_IDENTITY, UNIT_INTEL, 0, 0, is_image_processor, "class-0480" },
	/* amd/iommu.c:amd_iommu_def_domain_type(): to 6.1 pci_iommuv2_capable() and is_iommu_v2, which later kernels
	 * are content with too; */
	{ DOMAIN_IDENTITY, UNIT_AMD, 0, 0, is_v2_capable, "pasid" },
	/* from 6.8 on amd_iommu_gt_ppr_supported(), pdev_get_caps() and drivers/pci/ats.c:pci_pasid_features() */
	{ DOMAIN_IDENTITY, UNIT_AMD, KERNEL(6, 8), 0, has_pasid, "pasid" },
};

static bool concerns(const struct excuse *x, const struct look *k)
{
	unsigned kernel = k->e->kernel;

	if (x->unit != ANY_UNIT && (!k->unit || (int)k->unit->kind != x->unit))
		return false;
	return (!x->since || kernel >= x->since) && (!x->until || (kernel && kernel < x->until));
}

/* The first excuse for a type that holds for a device. Returns as excuse_find(). */
static int demand(const struct look *k, enum domain type, const char **why)
{
	for (size_t i = 0; i < LENGTH(excuses) && k->d->pci; i++) {
		const struct excuse *x = &excuses[i];
		int r = x->demands == type && concerns(x, k) ? x->holds(k) : 0;

		if (r > 0)
			*why = x->why;
		if (r)
			return r;
	}
	return 0;
}

/* Whether a device that demands translation is asked for nothing else. From 6.8 on "untrusted" stands beside what the
 * driver demands (and both together are refused), but for AMD's, which asks itself from 6.9 on. */
static bool comes_first(const struct look *k, const char *why)
{
	unsigned kernel = k->e->kernel;

	if ((kernel && kernel < KERNEL(6, 8)) || strcmp(why, "removable") != 0)
		return true;
	return kernel >= KERNEL(6, 9) && k->unit && k->unit->kind == UNIT_AMD;
}

/* --- One group ---------------------------------------------------------------------------------------------------- */

/* Whether a device of the group demands type; of one that is another, nothing is supposed. */
static int any_demands(const struct root *root, struct evidence *e, const struct choices *c, struct group *g,
		       enum domain type, const char **why)
{
	bool doubt = (type == DOMAIN_IDENTITY) != (g->type == DOMAIN_IDENTITY);
	const char *other;
	int failed = 0;

	for (const char *p = g->devices; *p; p += *p == ' ') {
		size_t len = strcspn(p, " ");
		struct device device;
		char name[256];

		snprintf(name, sizeof(name), "%.*s", (int)len, p);
		p += len;
		int r = device_read(root, g->number, name, &device);
		struct look look = { root, e, c, g, name, &device, NULL, doubt };
		look.unit = unit_of(e, &device);
		if (r == 0 && type == DOMAIN_IDENTITY && demand(&look, DOMAIN_DMA, &other) > 0 &&
		    comes_first(&look, other))
			continue;
		if (r == 0)
			r = demand(&look, type, why);
		if (r > 0)
			return r;
		if (r < 0 && r != -ENOENT && failed == 0)
			failed = r;
	}
	return failed;
}

int excuse_find(const struct root *root, struct evidence *e, const struct choices *c, struct group *g,
		const char **why)
{
	const char *contrary;

	int r = groups_devices(root, g);
	if (r < 0 || g->gone || !g->devices)
		return r;
	if (g->type == DOMAIN_IDENTITY) {
		g->contrary = any_demands(root, e, c, g, DOMAIN_DMA, &contrary) > 0;
		return g->contrary ? 0 : any_demands(root, e, c, g, DOMAIN_IDENTITY, why);
	}
	r = any_demands(root, e, c, g, DOMAIN_DMA, why);
	if (r <= 0)
		return r;
	return any_demands(root, e, c, g, DOMAIN_IDENTITY, &contrary) <= 0;
}
