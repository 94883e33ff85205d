/* Holds the classifier against a model of what four kernels, and three between them, choose: every combination of unit,
 * device, line, configuration and kernel, with the type that the kernel gives and with the one that a hand would write.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The model is written from the kernels' functions, and knows nothing of src/evidence/excuses.c. What the kernel gives
 * must leave the machine's mode as it is; what it does not give must be mixed. The classifier's files are linked; what
 * they read is answered from memory here. Prints how many combinations there were and how many are judged otherwise.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "evidence/classify.h"
#include "evidence/kconfig.h"
#include "model/cmdline-words.h"

/* --- What is enumerated ------------------------------------------------------------------------------------------- */

static const struct release {
	const char *name;
	int number; /* as the model's functions are called */
} releases[] = { { "5.10.262", 510 }, { "5.11.22", 511 }, { "6.1.192", 601 }, { "6.8.12", 608 },
		 { "6.9.12", 609 },   { "6.12.117", 612 }, { "7.2.13", 702 } };

static const unsigned ids[][2] = { { 0x8086, 0x3e92 }, { 0x8086, 0x3a3e }, { 0x10de, 0x2184 } };
static const unsigned classes[] = { 0x0300, 0x0380, 0x0200, 0x0480 };
static const char *const intel_lines[] = { "", "intel_iommu=on", "intel_iommu=igfx_off", "intel_iommu=intgpu_off,on",
					   "intel_iommu=on,intgpu_off" };
static const char *const amd_lines[] = { "", "amd_iommu=force_isolation", "pci=noats", "mem_encrypt=on" };

enum { ATS = 1, PRI = 2, PASID = 4 };

struct function {
	unsigned vendor, device, class;
	unsigned caps;     /* of itself */
	bool virtual;      /* then of its physical function: */
	unsigned physical;
	bool untrusted;    /* below an external-facing port; shown by the removable attribute from 5.14 on */
	bool root_bus;
};

static struct machine {
	const struct release *release;
	bool intel, pt; /* pt: the line's iommu=pt */
	const char *line;
	bool passes, v2; /* the unit of the functions: ecap bit 6; GT, PPR and EPHSUP */
	bool quirk;      /* the chipset sets dmar_map_gfx = 0 */
	bool intgpu, gfx_wa; /* CONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF, ..._BROKEN_GFX_WA */
	bool readable;       /* can the configuration be read? */
	struct function f[2];
	int functions;
} m;

/* --- The kernels -------------------------------------------------------------------------------------------------- */

enum type { NONE, IDENTITY, DMA, REFUSED };

static bool on_line(const char *word)
{
	return strstr(m.line, word) != NULL;
}

/* intel_iommu_setup() with Debian's dmar_map_intgpu: the last item of the list counts. */
static bool intgpu_unmapped(void)
{
	if (strcmp(m.line, "intel_iommu=on,intgpu_off") == 0)
		return true;
	if (strcmp(m.line, "intel_iommu=on") == 0 || strcmp(m.line, "intel_iommu=intgpu_off,on") == 0)
		return false;
	return m.intgpu;
}

/* init_dmars(): IDENTMAP_GFX, to 6.9; 6.9 has no CONFIG_INTEL_IOMMU_BROKEN_GFX_WA any more. */
static bool gfx_unmapped(void)
{
	return m.release->number <= 609 &&
	       (on_line("igfx_off") || m.quirk || (m.gfx_wa && m.release->number <= 608));
}

/* intel/iommu.c:device_def_domain_type() of 5.10 (it looks at untrusted), 5.11 to 6.9, and 6.12 on (at ecap) */
static enum type intel_def_domain_type(const struct function *f)
{
	int release = m.release->number;

	if (release >= 612 && !m.passes)
		return DMA;
	if (release == 510 && f->untrusted)
		return DMA;
	if (f->vendor == 0x8086 && f->device == 0x3a3e)
		return IDENTITY; /* check_tylersburg_isoch() is taken to have found what it looks for */
	if (release <= 609 && gfx_unmapped() && f->class >> 8 == 3)
		return IDENTITY;
	if (intgpu_unmapped() && f->class >> 8 == 3 && f->vendor == 0x8086 && f->root_bus)
		return IDENTITY;
	return NONE;
}

/* drivers/pci/ats.c:pci_ats_supported(): not for what is untrusted, nor with pci=noats */
static bool ats_supported(const struct function *f)
{
	return (f->caps & ATS) && !f->untrusted && !on_line("noats");
}

/* amd/iommu.c:iommu_init_device() and amd_iommu_def_domain_type(): to 6.1 pci_iommuv2_capable() and is_iommu_v2; from
 * 6.8 on amd_iommu_gt_ppr_supported() and pci_pasid_features(); from 6.9 on untrusted comes first */
static enum type amd_def_domain_type(const struct function *f)
{
	int release = m.release->number;
	bool isolated = !m.pt && on_line("force_isolation");
	bool pasid;

	if (release >= 609 && f->untrusted)
		return DMA;
	if (release <= 601)
		pasid = ats_supported(f) && (f->caps & PRI) && (f->caps & PASID) && m.v2;
	else
		pasid = m.v2 && ((f->virtual ? f->physical : f->caps) & PASID);
	return pasid && !isolated && !on_line("mem_encrypt=on") ? IDENTITY : NONE;
}

static enum type driver_type(const struct function *f)
{
	return m.intel ? intel_def_domain_type(f) : amd_def_domain_type(f);
}

/* 5.10 to 6.1: probe_get_default_domain_type(); from 5.11 on iommu_get_def_domain_type() looks at untrusted first */
static enum type old_group_type(void)
{
	enum type type = NONE;
	bool first = true;

	for (int i = 0; i < m.functions; i++) {
		const struct function *f = &m.f[i];
		enum type wanted = m.release->number >= 511 && f->untrusted ? DMA : driver_type(f);

		if (wanted == NONE)
			continue;
		if (type != NONE && type != wanted)
			type = NONE;
		if (first)
			type = wanted;
		first = false;
	}
	return type;
}

/* 6.8 on: iommu_get_default_domain_type() and iommu_get_def_domain_type() */
static enum type new_group_type(void)
{
	enum type type = NONE;
	bool untrusted = false;

	for (int i = 0; i < m.functions; i++) {
		enum type wanted = driver_type(&m.f[i]);

		if (wanted != NONE && (type == NONE || wanted == IDENTITY))
			type = wanted;
		untrusted = untrusted || m.f[i].untrusted;
	}
	if (untrusted && type == IDENTITY)
		return REFUSED;
	return untrusted ? DMA : type;
}

static enum type group_type(void)
{
	enum type type = m.release->number >= 608 ? new_group_type() : old_group_type();

	return type == NONE ? (m.pt ? IDENTITY : DMA) : type;
}

/* --- The machine as the classifier reads it ----------------------------------------------------------------------- */

static const struct function neutral = { .vendor = 0x1b21, .device = 0x1064, .class = 0x0106, .root_bus = true };

/* group 0: a host bridge; 1: a disk; 2: the functions in question, "x" and "y". */
static const struct function *function_of(const char *path)
{
	const char *name = strstr(path, "/devices/");

	name = name ? name + 9 : "";
	return name[0] == 'x' ? &m.f[0] : name[0] == 'y' ? &m.f[1] : &neutral;
}

static ssize_t answer(char *buf, size_t size, const char *format, unsigned value)
{
	return snprintf(buf, size, format, value);
}

ssize_t root_read_line(const struct root *root, const char *path, char *buf, size_t size)
{
	const char *file = strrchr(path, '/') + 1;

	(void)root;
	if (strncmp(path, "/sys/class/iommu/", 17) == 0) {
		/* Unit 0 has the bridge and the disk, and can do everything. */
		bool first = path[strcspn(path, "0123456789")] == '0';
		if (strcmp(file, "ecap") == 0)
			return answer(buf, size, "%x", first || m.passes ? 0xf00f5e : 0xf00f1e);
		return answer(buf, size, m.release->number >= 608 ? "%x:0" : m.release->number >= 601 ? "0:%x" : "%x",
			      first || m.v2 ? 0x12 : 0x0);
	}
	if (strncmp(path, "/sys/bus/pci/devices/0000:00:00.0/", 34) == 0)
		return answer(buf, size, "0x%04x",
			      strcmp(file, "vendor") == 0 ? (m.intel ? 0x8086 : 0x1022) : m.quirk ? 0x2a40 : 0x1237);
	if (strncmp(path, "/sys/kernel/iommu_groups/", 25) != 0)
		return -ENOENT;

	const struct function *f = function_of(path);
	if (strcmp(file, "vendor") == 0)
		return answer(buf, size, "0x%04x", f->vendor);
	if (strcmp(file, "device") == 0)
		return answer(buf, size, "0x%04x", f->device);
	if (strcmp(file, "class") == 0)
		return answer(buf, size, "0x%04x00", f->class);
	if (strcmp(file, "removable") == 0 && m.release->number >= 514)
		return snprintf(buf, size, "%s", f->untrusted ? "removable" : "fixed");
	return -ENOENT;
}

int root_readlink(const struct root *root, const char *path, char *buf, size_t size)
{
	const struct function *f = function_of(path);
	const char *file = strrchr(path, '/') + 1;

	(void)root;
	if (strcmp(file, "iommu") == 0)
		snprintf(buf, size, "../../virtual/iommu/%s%d", m.intel ? "dmar" : "ivhd", f != &neutral);
	else if (strcmp(file, "physfn") == 0 && f->virtual)
		snprintf(buf, size, "../0000:41:00.0");
	else if (strcmp(file, "physfn") == 0)
		return -ENOENT;
	else
		snprintf(buf, size, "../../../../devices/pci0000:00/%s%s", f->root_bus ? "" : "0000:00:1c.0/", file);
	return 0;
}

ssize_t root_read(const struct root *root, const char *path, char *buf, size_t size)
{
	static const unsigned char known[] = { 0x0f, 0x13, 0x1b };
	const struct function *f = function_of(path);
	unsigned caps = strstr(path, "/physfn/") ? f->physical : f->caps;
	size_t at = 0x100;

	(void)root;
	if (size < 4096)
		return -EFBIG;
	memset(buf, 0, 0x140);
	for (int i = 0; i < 3; i++) {
		if (!(caps >> i & 1))
			continue;
		if (at > 0x100)
			buf[at - 0x10 + 2] = (char)(at << 4 | 1), buf[at - 0x10 + 3] = (char)(at >> 4);
		buf[at] = (char)known[i];
		at += 0x10;
	}
	return 4096;
}

int root_open(const struct root *root, const char *path, int flags)
{
	(void)root, (void)path, (void)flags;
	return dup(0);
}

enum presence kconfig_has(const struct root *root, const char *osrelease, const char *option)
{
	(void)root, (void)osrelease;
	if (!m.readable)
		return PRESENCE_UNKNOWN;
	bool has = strstr(option, "INTGPU") ? m.intgpu :
		   strstr(option, "BROKEN_GFX") ? m.gfx_wa && m.release->number <= 608 : false;
	return has ? PRESENCE_YES : PRESENCE_NO;
}

void platform_read_cpu(const struct root *root, struct platform *p)
{
	(void)root;
	p->sme = true;
}

/* Never asked here: the groups' devices are known, and no module has a parameter. */
DIR *root_opendir(const struct root *root, const char *path)
{
	(void)root, (void)path;
	return NULL;
}

bool root_exists(const struct root *root, const char *path)
{
	(void)root, (void)path;
	return true;
}

const char *param_module(enum param param)
{
	(void)param;
	return "";
}

const char *param_name(enum param param)
{
	(void)param;
	return "";
}

static enum mode classified(enum type seen)
{
	static struct evidence e; /* too large for a careful stack */
	static struct unit units[2];
	static struct group groups[3];
	static char bridge[] = "bridge", disk[] = "disk", one[] = "x", two[] = "x y";
	static const enum domain domains[] = { DOMAIN_OTHER, DOMAIN_IDENTITY, DOMAIN_DMA, DOMAIN_OTHER };
	struct root root = { 0 };

	memset(&e, 0, offsetof(struct evidence, cmdline));
	for (int i = 0; i < 2; i++) {
		units[i] = (struct unit){ .kind = m.intel ? UNIT_INTEL : UNIT_AMD };
		snprintf(units[i].name, sizeof(units[i].name), "%s%d", m.intel ? "dmar" : "ivhd", i);
	}
	e.units = units;
	e.nunits = 2;
	for (unsigned i = 0; i < 3; i++)
		groups[i] = (struct group){ .number = i, .type = m.pt ? DOMAIN_IDENTITY : DOMAIN_DMA };
	groups[0].devices = bridge;
	groups[1].devices = disk;
	groups[2].devices = m.functions == 2 ? two : one;
	groups[2].type = domains[seen];
	e.groups = (struct groups){ groups, 3 };
	snprintf(e.cmdline, sizeof(e.cmdline), "quiet %s %s", m.line, m.pt ? "iommu=pt" : "");
	snprintf(e.release, sizeof(e.release), "%s-amd64", m.release->name);
	e.kernel = kernel_version(e.release);
	classify(&root, &e);
	return e.effective;
}

/* --- Every combination -------------------------------------------------------------------------------------------- */

static unsigned long combinations, disagreements, explained;

static void tell(const char *what, enum mode found)
{
	if (++disagreements > 20)
		return;
	printf("%s: found %s; %s, %s, %s, line '%s', passes %d, v2 %d, quirk %d, config %d%d readable %d;", what,
	       mode_name(found), m.release->name, m.intel ? "Intel" : "AMD", m.pt ? "pt" : "strict", m.line, m.passes,
	       m.v2, m.quirk, m.intgpu, m.gfx_wa, m.readable);
	for (int i = 0; i < m.functions; i++)
		printf(" %04x:%04x class %04x caps %x vf %d (%x) untrusted %d root bus %d;", m.f[i].vendor,
		       m.f[i].device, m.f[i].class, m.f[i].caps, m.f[i].virtual, m.f[i].physical, m.f[i].untrusted,
		       m.f[i].root_bus);
	putchar('\n');
}

/* What can't be read may be one way or the other: then each type that one of them gives is right. That is an option
 * where the configuration can't be read, and before 5.14 whether a port that something is below is an external one. */
static bool kernel_gives(enum type type)
{
	const struct machine is = m;
	bool shown = m.release->number >= 514, gives = false;

	for (int intgpu = 0; intgpu < 2; intgpu++) {
		for (int external = 0; external < (shown ? 1 : 2); external++) {
			m.intgpu = m.readable ? m.intgpu : intgpu;
			for (int f = 0; f < m.functions && !shown; f++)
				m.f[f].untrusted = external && !m.f[f].root_bus;
			gives = gives || group_type() == type;
			m = is;
		}
	}
	return gives;
}

/* Where the configuration can't be read it need not be Debian's kernel, whose intel_iommu=on maps the graphics: the
 * contract lets Intel's own display pass there. */
static bool is_explained(enum type seen)
{
	bool integrated = false;

	for (int i = 0; i < m.functions; i++)
		integrated = integrated ||
			     (m.f[i].vendor == 0x8086 && m.f[i].class >> 8 == 3 && m.f[i].root_bus);
	return m.intel && !m.readable && seen == IDENTITY && integrated && on_line("on");
}

static void compare(void)
{
	enum mode rule = m.pt ? MODE_PT : MODE_STRICT;

	for (enum type seen = IDENTITY; seen <= REFUSED; seen++) {
		if (seen == REFUSED && group_type() != REFUSED)
			continue; /* nobody can write that */
		enum mode found = classified(seen);

		combinations++;
		if (seen == group_type()) {
			if (found != rule)
				tell("a healthy machine", found);
		} else if (found != MODE_MIXED && seen != (m.pt ? IDENTITY : DMA) && !kernel_gives(seen)) {
			if (is_explained(seen))
				explained++;
			else
				tell("a wrong one", found);
		}
	}
}

/* The other function of the group: none, one that demands nothing, one that is plugged in, one with PASID. */
static void each_other(void)
{
	for (int other = 0; other < 4; other++) {
		m.functions = other ? 2 : 1;
		m.f[1] = (struct function){ 0x1b21, 0x1064, 0x0106, other == 3 ? ATS | PRI | PASID : 0, false, 0,
					    other == 2, other != 2 };
		compare();
	}
}

static void each_function(void)
{
	for (size_t i = 0; i < 3 * 4 * 2; i++) {
		m.f[0].vendor = ids[i % 3][0];
		m.f[0].device = ids[i % 3][1];
		m.f[0].class = classes[i / 3 % 4];
		m.f[0].root_bus = i / 12;
		m.f[0].untrusted = false;
		each_other();
		m.f[0].untrusted = !m.f[0].root_bus;
		if (m.f[0].untrusted)
			each_other();
	}
}

static void each_intel(void)
{
	m.intel = true;
	for (unsigned bits = 0; bits < 1 << 5; bits++) {
		m.passes = bits & 1;
		m.quirk = bits >> 1 & 1;
		m.intgpu = bits >> 2 & 1;
		m.gfx_wa = bits >> 3 & 1;
		m.readable = bits >> 4;
		/* An option that nobody can read is one that the classifier must not suppose. */
		if (m.gfx_wa && !m.readable)
			continue;
		for (size_t line = 0; line < sizeof(intel_lines) / sizeof(intel_lines[0]); line++) {
			m.line = intel_lines[line];
			m.f[0] = (struct function){ .caps = line & 1 ? ATS | PRI | PASID : 0 };
			each_function();
		}
	}
}

static void each_amd(void)
{
	m.intel = m.quirk = m.intgpu = m.gfx_wa = false;
	m.readable = m.passes = true;
	for (unsigned bits = 0; bits < 1 << 4; bits++) {
		m.v2 = bits & 1;
		for (size_t line = 0; line < sizeof(amd_lines) / sizeof(amd_lines[0]); line++) {
			m.line = amd_lines[line];
			/* Itself: any set of the three; as a virtual function of one that has any set of them. */
			m.f[0] = (struct function){ .caps = bits >> 1 };
			each_function();
			m.f[0] = (struct function){ .virtual = true, .physical = bits >> 1 };
			each_function();
		}
	}
}

int main(void)
{
	for (size_t i = 0; i < sizeof(releases) / sizeof(releases[0]) * 2; i++) {
		m.release = &releases[i / 2];
		m.pt = i % 2;
		each_intel();
		each_amd();
	}
	printf("%lu combinations, %lu disagreements, %lu explained\n", combinations, disagreements, explained);
	return disagreements > 0;
}
