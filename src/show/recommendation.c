/* Which mode fits a machine; see recommendation.h.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The rules are those of "How to choose" in iommu-modes(7).
 */
#include "show/recommendation.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "change/arch.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* What is seen, each a bit of a rule. */
enum sign {
	NO_IOMMU = 1 << 0, /* no table, no unit: no mode that wants one can be had */
	VIRTUAL = 1 << 1,  /* a virtual machine */
	EXTERNAL = 1 << 2, /* ports that strangers can plug something into */
	GUESTS = 1 << 3,   /* programs that run virtual machines are installed */
	DPDK = 1 << 4,     /* programs that drive devices by themselves are installed */
	NOIOMMU = 1 << 5,  /* this kernel's vfio hands devices out without an IOMMU */
	BLIND = 1 << 6,    /* no unit can pass through, and this kernel does not pretend that one can */
};

/* The first one whose signs are all there, and none that it is not for, is taken. */
static const struct {
	unsigned signs, without;
	struct recommendation advice;
} rules[] = {
	{ NO_IOMMU | DPDK | NOIOMMU, 0,
	  { MODE_OFF_FOR_VFIO, "there is no IOMMU here, DPDK or SPDK is installed, and this kernel has noiommu" } },
	{ NO_IOMMU | DPDK, 0,
	  { MODE_OFF_FOR_UIO, "there is no IOMMU here, DPDK or SPDK is installed, and this kernel has no noiommu" } },
	{ NO_IOMMU | VIRTUAL, 0,
	  { MODE_OFF_FOR_UIO, "this virtual machine has no IOMMU; strict and pt need one from its host" } },
	{ NO_IOMMU, 0,
	  { MODE_OFF_FOR_UIO, "the firmware offers no IOMMU; switch VT-d or AMD-Vi on there to have another choice" } },
	{ EXTERNAL, 0,
	  { MODE_STRICT, "it has external ports (Thunderbolt, USB4): what is plugged in must not reach all memory" } },
	{ GUESTS, BLIND,
	  { MODE_PT, "libvirt or QEMU is installed: guests' devices are confined, the host's own keep their speed" } },
	{ DPDK, BLIND,
	  { MODE_PT, "DPDK or SPDK is installed: vfio-pci confines its devices, the host's own keep their speed" } },
	{ 0, 0, { MODE_STRICT, "nothing here asks for another: a device reaches only what its driver maps for it" } },
};

static bool installed(const struct root *root, const char *const *programs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (root_certain(root, programs[i]))
			return true;
	return false;
}

static int is_domain(int dirfd, const char *name, void *context)
{
	(void)dirfd;
	(void)context;
	return strncmp(name, "domain", 6) == 0;
}

static int is_removable(int dirfd, const char *name, void *context)
{
	char path[300], text[24];

	(void)dirfd; /* a name there is a link that leaves it */
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.255s/removable", name);
	return root_read_line(context, path, text, sizeof(text)) > 0 && strcmp(text, "removable") == 0;
}

/* A controller of Thunderbolt or USB4, or a device that is behind such a port now. */
static bool external(const struct root *root)
{
	return root_list(root, "/sys/bus/thunderbolt/devices", is_domain, NULL) > 0 ||
	       root_list(root, "/sys/bus/pci/devices", is_removable, (void *)root) > 0;
}

/* Linux 6.12 and later translate then: drivers/iommu/intel/iommu.c:device_def_domain_type(). */
static bool blind(const struct evidence *e)
{
	for (unsigned i = 0; i < e->nunits; i++)
		if (e->units[i].passthrough != PRESENCE_NO)
			return false;
	return e->nunits > 0 && e->kernel >= KERNEL(6, 12);
}

static unsigned look(const struct survey *s)
{
	static const char *const guests[] = { "/usr/sbin/libvirtd",          "/usr/sbin/virtqemud",
					      "/usr/bin/qemu-system-x86_64", "/usr/libexec/qemu-kvm",
					      "/usr/bin/qemu-kvm",           "/usr/bin/pveversion" };
	static const char *const dpdk[] = { "/usr/bin/dpdk-devbind.py", "/usr/sbin/dpdk-devbind",
					    "/usr/bin/dpdk-testpmd", "/usr/bin/vpp", "/usr/bin/spdk_tgt" };
	const struct evidence *e = &s->facts->evidence;
	const struct param_state *noiommu = &e->params.state[PARAM_NOIOMMU];
	const struct {
		bool there;
		enum sign sign;
	} signs[] = {
		{ !e->table && e->nunits == 0 && !e->virtio_iommu, NO_IOMMU },
		{ e->platform.hypervisor, VIRTUAL },
		{ external(s->root), EXTERNAL },
		{ installed(s->root, guests, LENGTH(guests)), GUESTS },
		{ installed(s->root, dpdk, LENGTH(dpdk)), DPDK },
		{ noiommu->source != SOURCE_ABSENT && noiommu->source != SOURCE_UNKNOWN, NOIOMMU },
		{ blind(e), BLIND },
	};
	unsigned seen = 0;

	for (size_t i = 0; i < LENGTH(signs); i++)
		seen |= signs[i].there ? signs[i].sign : 0;
	return seen;
}

const struct recommendation *recommendation_of(const struct survey *s)
{
	if (s->facts->target_status != -ENOENT || (s->root->live && (s->container || !arch_sets_modes())))
		return NULL;
	unsigned seen = look(s);
	for (size_t i = 0; i < LENGTH(rules); i++)
		if ((rules[i].signs & ~seen) == 0 && (rules[i].without & seen) == 0)
			return &rules[i].advice;
	return NULL;
}
