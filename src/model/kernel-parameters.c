/* The table of the kernel parameters that are about the IOMMU; see kernel-parameters.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "model/kernel-parameters.h"

#include <string.h>

#include "model/cmdline-words.h"

/* drivers/iommu/intel/iommu.c:intel_iommu_setup(); intgpu_off is Debian's */
static const struct parameter_item intel_items[] = {
	{ "on", EFFECT_ON, OURS },
	{ "off", EFFECT_OFF, OURS },
	{ "igfx_off", EFFECT_NO_GRAPHICS },
	{ "intgpu_off", EFFECT_NO_INTEGRATED },
	{ "forcedac", EFFECT_NONE },
	{ "strict", EFFECT_SYNC, OURS_FLUSH },
	{ "sp_off", EFFECT_NONE },
	{ "sm_on", EFFECT_SCALABLE },
	{ "sm_off", EFFECT_NOT_SCALABLE },
	{ "tboot_noforce", EFFECT_NO_TBOOT },
	{ "nobounce", EFFECT_NONE },
	{ NULL },
};

/* drivers/iommu/amd/init.c:parse_amd_iommu_options(), which before 6.1 looked for its items at every character; no
 * kernel knows "on". */
static const struct parameter_item amd_items[] = {
	{ "on", EFFECT_WISH_ON, OURS, .whole = true },
	{ "off", EFFECT_OFF_STICKY, OURS, .anywhere = KERNEL(6, 1) },
	{ "fullflush", EFFECT_SYNC, OURS_FLUSH },
	{ "force_enable", EFFECT_NONE },
	{ "force_isolation", EFFECT_ISOLATION },
	{ "pgtbl_v", EFFECT_NONE },
	{ "irtcachedis", EFFECT_NONE },
	{ "nohugepages", EFFECT_NONE },
	{ "v2_pgsizes_only", EFFECT_NONE },
	{ NULL },
};

/* arch/x86/kernel/pci-dma.c:iommu_setup(), amd_gart_64.c:gart_parse_options() */
static const struct parameter_item x86_items[] = {
	{ "pt", EFFECT_PT, OURS },
	{ "nopt", EFFECT_NOPT, OURS },
	{ "off", EFFECT_OFF_STICKY, OURS },
	{ "soft", EFFECT_OFF_STICKY, OURS, KERNEL(5, 19), EFFECT_SOFT }, /* it ended IOMMU detection */
	{ "force", EFFECT_FORCE },
	{ "noforce", EFFECT_NONE },
	{ "biomerge", EFFECT_NONE },
	{ "panic", EFFECT_NONE },
	{ "nopanic", EFFECT_NONE },
	{ "merge", EFFECT_NONE },
	{ "nomerge", EFFECT_NONE },
	{ "forcesac", EFFECT_NONE },
	{ "allowdac", EFFECT_NONE },
	{ "nodac", EFFECT_NONE },
	{ "usedac", EFFECT_STOP },
	{ "memaper", EFFECT_NONE },
	{ "noagp", EFFECT_NONE },
	{ "noaperture", EFFECT_NONE },
	{ "leak", EFFECT_NONE },
	{ "allowed", EFFECT_NONE },
	{ "fullflush", EFFECT_NONE },
	{ "nofullflush", EFFECT_NONE },
	{ NULL },
};

/* drivers/iommu/irq_remapping.c:setup_irqremap() */
static const struct parameter_item intremap_items[] = {
	{ "on", EFFECT_REMAP },
	{ "off", EFFECT_NO_REMAP },
	{ "nosid", EFFECT_NO_SOURCE_ID },
	{ "no_x2apic_optout", EFFECT_NONE },
	{ "nopost", EFFECT_NONE },
	{ "posted_msi", EFFECT_NONE },
	{ NULL },
};

/* drivers/pci/pci.c:pci_setup(), of which these have to do with groups and default domains */
static const struct parameter_item pci_items[] = {
	{ "config_acs=", EFFECT_ACS_CONFIG },
	{ "disable_acs_redir=", EFFECT_ACS_REDIRECT },
	{ "noats", EFFECT_NO_ATS },
	{ NULL },
};

/* Key, reader, ours, public, contrary values. In the order in which an advice names what is contrary; the row of a
 * whole module stands behind the rows of its parameters. */
const struct kernel_parameter kernel_parameters[] = {
	{ "iommu.strict", READ_FLUSH, OURS_FLUSH, true, "01" },
	{ "intel_iommu", READ_LIST, OURS_ITEMS, true, .vendor = VENDOR_INTEL, .items = intel_items },
	{ "amd_iommu", READ_LIST, OURS_ITEMS, true, .vendor = VENDOR_AMD, .items = amd_items },
	{ "iommu", READ_LIST, OURS_ITEMS, true, .items = x86_items },
	{ "iommu.passthrough", READ_PASSTHROUGH, OURS, true, "01" },
	{ "vfio.enable_unsafe_noiommu_mode", READ_NOIOMMU, OURS, true, "1" },
	{ "vfio_iommu_type1.allow_unsafe_interrupts", READ_UNSAFE, OURS, true, "1" },
	{ "iommufd.allow_unsafe_interrupts", READ_UNSAFE, OURS, true, "1" },
	{ "iommu.forcedac", READ_KNOWN, NOT_OURS, true },
	{ "intremap", READ_OTHER_LIST, NOT_OURS, true, .items = intremap_items },
	{ "pci", READ_OTHER_LIST, NOT_OURS, false, .items = pci_items },
	{ "swiotlb", READ_SWIOTLB, NOT_OURS, true },
	{ "acpi", READ_ACPI, NOT_OURS, true },
	{ "iommu.pt", READ_INVENTED, NOT_OURS, true },
	{ "iommu_pt", READ_INVENTED, NOT_OURS, true },
	{ "iommu.passthru", READ_INVENTED, NOT_OURS, true },
	{ "nointremap", READ_KNOWN, NOT_OURS, true, .effect = EFFECT_NO_REMAP },
	{ "amd_iommu_intr", READ_NOT, NOT_OURS, true },
	{ "amd_iommu_dump", READ_NOT, NOT_OURS, true },
	{ "mem_encrypt", READ_NOT, NOT_OURS, true },
	{ "pcie_acs_override", READ_KNOWN, NOT_OURS, true, .effect = EFFECT_ACS_OVERRIDE },
	{ "vfio_pci.ids", READ_KNOWN, NOT_OURS, true, .effect = EFFECT_VFIO_IDS },
	{ "rd.iommu.verify", READ_NOT, NOT_OURS, true }, /* the helper's own; says how the boot goes, not which mode */
	{ "vfio.", READ_NOT, NOT_OURS, true },
	{ "vfio_iommu_type1.", READ_NOT, NOT_OURS, true },
	{ "vfio_pci.", READ_NOT, NOT_OURS, true },
	{ "iommufd.", READ_NOT, NOT_OURS, true },
	{ NULL },
};

/* Whether the word's key is the row's, or of its module. */
static bool fits(const char *word, const char *key)
{
	const char *k = key;

	while (*k && cmdline_dash(*word) == cmdline_dash(*k)) {
		word++;
		k++;
	}
	return !*k && (k[-1] == '.' || !*word || *word == '=');
}

const struct kernel_parameter *kernel_parameter_find(const char *word)
{
	const struct kernel_parameter *p = kernel_parameters;

	while (p->key && !fits(word, p->key))
		p++;
	return p->key ? p : NULL;
}

const struct parameter_item *parameter_item_find(const struct kernel_parameter *parameter, const char *text,
						 unsigned kernel)
{
	for (const struct parameter_item *i = parameter->items; i && i->item; i++) {
		bool anywhere = kernel && kernel < i->anywhere;
		const char *found = strstr(text, i->item);
		if (found && (anywhere || found == text) && (!i->whole || strcmp(text, i->item) == 0))
			return i;
	}
	return NULL;
}

bool parameter_is_ours(const struct kernel_parameter *parameter, const char *text, bool flush)
{
	enum parameter_ours ours = parameter->ours;

	if (ours == OURS_ITEMS) {
		/* Any kernel may be booted with the line: by the oldest one there is, which finds the most. */
		const struct parameter_item *item = parameter_item_find(parameter, text, KERNEL(5, 10));
		ours = item ? item->ours : NOT_OURS;
	}
	return ours == OURS || (ours == OURS_FLUSH && flush);
}

/* --- What decides about single devices ---------------------------------------------------------------------------- */

static const struct {
	const char *key, *item;
	enum choice about;
	signed char says;
} choices[] = {
	{ "intel_iommu", "igfx_off", CHOICE_IGFX_OFF, 1 },
	{ "intel_iommu", "intgpu_off", CHOICE_INTGPU_OFF, 1 },
	{ "intel_iommu", "on", CHOICE_INTGPU_OFF, -1 },
	{ "amd_iommu", "force_isolation", CHOICE_FORCE_ISOLATION, 1 },
	/* drivers/pci/pci.c:pci_setup() */
	{ "pci", "noats", CHOICE_NO_ATS, 1 },
	/* arch/x86/mm/mem_encrypt_identity.c:sme_enable() */
	{ "mem_encrypt", "on", CHOICE_ENCRYPT, 1 },
	{ "mem_encrypt", "off", CHOICE_ENCRYPT, -1 },
};

static void choose(const char *word, const char *item, struct line_choices *out)
{
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++)
		if (cmdline_value(word, choices[i].key) && strncmp(item, choices[i].item, strlen(choices[i].item)) == 0)
			out->said[choices[i].about] = choices[i].says;
}

void line_choices_read(const char *line, struct line_choices *out)
{
	char word[512];

	*out = (struct line_choices){ 0 };
	while (cmdline_word(&line, word, sizeof(word)) && strcmp(word, "--") != 0)
		for (const char *item = strchr(word, '='); item; item = strchr(item, ','))
			choose(word, ++item, out);
}
