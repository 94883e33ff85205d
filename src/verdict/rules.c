/* The rules of the verdict; see rules.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "verdict/rules.h"

#include "model/cmdline-words.h"
#include "model/kernel-parameters.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* --- Conditions --------------------------------------------------------------------------------------------------- */

/* A container may be shown none; then the line is what there is to look at. */
static bool no_table(const struct view *v)
{
	return !v->e->table && v->e->platform.tables;
}

static bool no_table_in_vm(const struct view *v)
{
	return no_table(v) && v->e->platform.hypervisor;
}

static bool tables_are_hidden(const struct view *v)
{
	return !v->e->platform.tables;
}

/* Xen hides the DMAR table from its dom0 (xen/drivers/passthrough/vtd/dmar.c:acpi_dmar_zap()), the IVRS table not. */
static bool xen_has_it(const struct view *v)
{
	return v->e->platform.xen_dom0;
}

/* Without ACPI there is no directory of tables either. */
static bool acpi_is_off(const struct view *v)
{
	return !v->e->table && v->f->line.acpi_off;
}

static bool acpi_is_off_in_vm(const struct view *v)
{
	return acpi_is_off(v) && v->e->platform.hypervisor;
}

static bool swiotlb_ends_it(const struct view *v)
{
	const struct kernel_parameter *parameter = kernel_parameter_find(v->power->no);

	return v->power->result == NO && parameter && parameter->reader == READ_SWIOTLB;
}

static bool off_after_on(const struct view *v)
{
	return v->power->result == NO && v->power->yes[0];
}

static bool swiotlb_after_on(const struct view *v)
{
	return off_after_on(v) && swiotlb_ends_it(v);
}

/* AMD-Vi is on by default, VT-d by the kernel's configuration. */
static bool not_asked_on(const struct view *v)
{
	return v->power->result == NO || (v->power->result == UNSAID && v->e->vendor == VENDOR_INTEL);
}

static bool pt_but_not_on(const struct view *v)
{
	return not_asked_on(v) && v->pt->result == YES;
}

static bool near_on(const struct view *v)
{
	return not_asked_on(v) && v->power->near_yes[0];
}

static bool says_off(const struct view *v)
{
	return v->power->result == NO;
}

/* Under tboot (arch/x86/kernel/tboot.c:tboot_force_iommu()) VT-d is on whatever else the line says. */
static bool says_off_to_intel(const struct view *v)
{
	return says_off(v) && v->e->vendor == VENDOR_INTEL;
}

static bool soft_is_ignored(const struct view *v)
{
	return v->f->line.soft[0];
}

static bool off_then_on(const struct view *v)
{
	return v->power->no[0];
}

static bool near_off(const struct view *v)
{
	return v->power->near_no[0];
}

static bool says_pt(const struct view *v)
{
	return v->pt->result == YES;
}

/* drivers/iommu/intel/iommu.c:device_def_domain_type() since 6.12 */
static bool cant_pass_through(const struct view *v)
{
	bool none = v->e->kernel >= KERNEL(6, 12) && v->e->nunits;

	for (unsigned i = 0; i < v->e->nunits; i++)
		none = none && v->e->units[i].kind == UNIT_INTEL && v->e->units[i].passthrough == PRESENCE_NO;
	return none && says_pt(v);
}

static bool default_is_pt(const struct view *v)
{
	return v->e->config[CONFIG_DEFAULT_PASSTHROUGH].built == PRESENCE_YES;
}

static bool pt_defeated(const struct view *v)
{
	return v->pt->yes[0];
}

static bool near_pt(const struct view *v)
{
	return v->pt->near_yes[0];
}

static bool says_nopt(const struct view *v)
{
	return v->pt->result == NO;
}

static bool opted_in(const struct view *v)
{
	return v->f->opted_in;
}

static bool near_nopt(const struct view *v)
{
	return v->pt->near_no[0];
}

const struct param_state *view_param(const struct view *v, enum param param)
{
	return &v->e->params.state[param];
}

static bool noiommu_is_on(const struct view *v)
{
	return view_param(v, PARAM_NOIOMMU)->value == 1;
}

static bool noiommu_is_absent(const struct view *v)
{
	return view_param(v, PARAM_NOIOMMU)->source == SOURCE_ABSENT;
}

static bool noiommu_is_off(const struct view *v)
{
	return !noiommu_is_absent(v) && !noiommu_is_on(v);
}

static bool vfio_is_blocked(const struct view *v)
{
	return !v->e->params.vfio_loaded && v->e->params.vfio_blocked[0];
}

static bool type1_is_unsafe(const struct view *v)
{
	return view_param(v, PARAM_TYPE1)->value == 1 && !v->f->target.allow_unsafe_interrupts;
}

static bool iommufd_is_unsafe(const struct view *v)
{
	return view_param(v, PARAM_IOMMUFD)->value == 1 && !v->f->target.allow_unsafe_interrupts;
}

static bool interrupts_not_remapped(const struct view *v)
{
	return v->f->target.remapped && v->e->remapped != PRESENCE_YES;
}

static bool device_is_exposed(const struct view *v)
{
	return v->f->target.translated && v->e->exposed != PRESENCE_NO;
}

static bool flush_differs(const struct view *v)
{
	return v->f->target.flush != FLUSH_ANY && v->f->target.flush != v->e->flush;
}

static bool early_check_is_missing(const struct view *v)
{
	return v->f->early_missing;
}

static bool target_is_stale(const struct view *v)
{
	return v->f->stale;
}

static bool virtio_may_come(const struct view *v)
{
	return v->e->virtio_iommu;
}

/* --- Rules -------------------------------------------------------------------------------------------------------- */

#define OFF (ONE(MODE_OFF_FOR_UIO) | ONE(MODE_OFF_FOR_VFIO))
#define ON (ONE(MODE_STRICT) | ONE(MODE_PT))
#define ANY (~0u)

/* Why the mode is another one: the first rule that applies says it. */
static const struct rule mode_list[] = {
	{ ANY, ONE(MODE_MIXED), NULL, MIXED_GROUPS, "groups disagree: {mixed}" },

	{ ON, OFF, xen_has_it, FIRMWARE_OFF, "Xen has the IOMMU: its dom0 can't have it",
	  "set the IOMMU on Xen's own command line (iommu=, dom0-iommu=)" },
	{ ON, OFF, acpi_is_off_in_vm, NO_VIOMMU,
	  "no DMAR or IVRS table is seen: acpi=off is on the kernel command line",
	  "take acpi=off out and reboot" },
	{ ON, OFF, no_table_in_vm, NO_VIOMMU, "this virtual machine has no IOMMU (no DMAR or IVRS table)" },
	{ ON, OFF, acpi_is_off, FIRMWARE_OFF, "no DMAR or IVRS table is seen: acpi=off is on the kernel command line",
	  "take acpi=off out and reboot" },
	{ ON, OFF, no_table, FIRMWARE_OFF, "the firmware offers no IOMMU (no DMAR or IVRS table)" },
	{ ON, OFF, swiotlb_after_on, TOKEN_OVERRIDDEN,
	  "'{off}' on the line keeps this kernel from looking for an IOMMU",
	  "take it out and reboot; iommu-install leaves it alone" },
	{ ON, OFF, off_after_on, TOKEN_OVERRIDDEN, "'{on}' is on the line, and '{off}' defeats it" },
	{ ON, OFF, near_on, TOKEN_INVALID, "the kernel ignores '{near-on}'" },
	{ ON, OFF, swiotlb_ends_it, TOKEN_MISSING, "'{off}' on the line keeps this kernel from looking for an IOMMU",
	  "take it out and reboot; iommu-install leaves it alone" },
	{ ON, OFF, says_off, TOKEN_MISSING, "'{off}' is on the line" },
	{ ON, OFF, pt_but_not_on, TOKEN_MISSING, "'{pt}' is on the line, and nothing switches VT-d on" },
	{ ON, OFF, not_asked_on, TOKEN_MISSING, "the kernel command line does not ask for {wanted}" },
	{ ON, OFF, tables_are_hidden, KERNEL_OFF,
	  "the line allows it, no IOMMU driver is active, and the firmware's tables can't be seen here",
	  "look on the host, outside of a container" },
	{ ON, OFF, NULL, KERNEL_OFF, "firmware table and command line allow it, but no IOMMU driver is active" },

	{ ONE(MODE_PT), ONE(MODE_STRICT), cant_pass_through, PASSTHROUGH_IMPOSSIBLE,
	  "no unit can pass through, and kernel {kernel} then translates whatever the line says" },
	{ ONE(MODE_PT), ONE(MODE_STRICT), says_pt, KERNEL_OVERRIDE, "the line says '{pt}', the kernel translates" },
	{ ONE(MODE_PT), ONE(MODE_STRICT), pt_defeated, TOKEN_OVERRIDDEN,
	  "'{pt}' is on the line, and '{nopt}' defeats it" },
	{ ONE(MODE_PT), ONE(MODE_STRICT), near_pt, TOKEN_INVALID, "the kernel ignores '{near-pt}'" },
	{ ONE(MODE_PT), ONE(MODE_STRICT), NULL, TOKEN_MISSING, "the kernel command line does not ask for pt" },

	{ ONE(MODE_STRICT), ONE(MODE_PT), says_pt, TOKEN_OVERRIDDEN, "'{pt}' is on the line" },
	{ ONE(MODE_STRICT), ONE(MODE_PT), says_nopt, KERNEL_OVERRIDE,
	  "the line says '{nopt}', the kernel passes through" },
	{ ONE(MODE_STRICT), ONE(MODE_PT), opted_in, KERNEL_OVERRIDE,
	  "the firmware's opt-in switched VT-d on, with identity domains (kernel log)" },
	{ ONE(MODE_STRICT), ONE(MODE_PT), near_nopt, TOKEN_INVALID, "the kernel ignores '{near-nopt}'" },
	{ ONE(MODE_STRICT), ONE(MODE_PT), default_is_pt, TOKEN_MISSING,
	  "nothing on the line asks for translation, and this kernel's default is passthrough" },
	{ ONE(MODE_STRICT), ONE(MODE_PT), NULL, TOKEN_MISSING, "nothing on the line asks for translation" },

	{ OFF, ON, says_off_to_intel, KERNEL_OVERRIDE, "the line says '{off}', the kernel keeps the IOMMU on",
	  "tboot needs intel_iommu=tboot_noforce too; else see the kernel log's DMAR lines" },
	{ OFF, ON, says_off, KERNEL_OVERRIDE, "the line says '{off}', the kernel keeps the IOMMU on" },
	{ OFF, ON, off_then_on, TOKEN_OVERRIDDEN, "'{off}' is on the line, and '{on}' defeats it" },
	{ OFF, ON, near_off, TOKEN_INVALID, "the kernel ignores '{near-off}'" },
	{ OFF, ON, soft_is_ignored, TOKEN_MISSING, "'{soft}' is on the line, and switches nothing off from 5.19 on" },
	{ OFF, ON, NULL, TOKEN_MISSING, "the kernel command line does not switch the IOMMU off" },
};
const struct rules mode_rules = { mode_list, LENGTH(mode_list) };

/* What else is wrong: every rule that applies adds to it. */
static const struct rule other_list[] = {
	{ ~ONE(MODE_OFF_FOR_VFIO), ANY, noiommu_is_on, NOIOMMU_ENABLED,
	  "vfio.enable_unsafe_noiommu_mode is Y ({noiommu})" },
	{ ONE(MODE_OFF_FOR_VFIO), ANY, noiommu_is_absent, NOIOMMU_UNSUPPORTED,
	  "vfio of kernel {kernel} has no enable_unsafe_noiommu_mode" },
	{ ONE(MODE_OFF_FOR_VFIO), ANY, noiommu_is_off, NOIOMMU_DISABLED,
	  "vfio.enable_unsafe_noiommu_mode is N ({noiommu})" },
	{ ONE(MODE_OFF_FOR_VFIO), ANY, vfio_is_blocked, MODULE_BLOCKED, "{blocked}" },
	{ ON, ANY, type1_is_unsafe, UNSAFE_INTERRUPTS, "vfio_iommu_type1.allow_unsafe_interrupts is Y ({type1})" },
	{ ON, ANY, iommufd_is_unsafe, UNSAFE_INTERRUPTS, "iommufd.allow_unsafe_interrupts is Y ({iommufd})" },
	{ ON, ANY, interrupts_not_remapped, INTERRUPTS_NOT_REMAPPED, "interrupts are not remapped" },
	{ ON, ANY, device_is_exposed, EXPOSED_DEVICE, "removable device {exposed} is in an identity group" },
	{ ANY, ONE(MODE_STRICT), flush_differs, FLUSH_MISMATCH, "flush policy is {flush}, wanted {wanted-flush}" },
	{ ANY, ANY, early_check_is_missing, EARLY_CHECK_MISSING, "no early check ran in this boot" },
};
const struct rules other_rules = { other_list, LENGTH(other_list) };

const char stale_text[] = "{target} is not what this boot's early check judged by";

/* What is worth saying and wrong in no mode it is said in. */
static const struct rule note_list[] = {
	{ ~ONE(MODE_OFF_FOR_VFIO), ANY, vfio_is_blocked, MODULE_BLOCKED, "{blocked}" },
	{ OFF, ANY, type1_is_unsafe, UNSAFE_INTERRUPTS, "vfio_iommu_type1.allow_unsafe_interrupts is Y ({type1})",
	  "take it out; without an IOMMU it does nothing" },
	{ OFF, ANY, iommufd_is_unsafe, UNSAFE_INTERRUPTS, "iommufd.allow_unsafe_interrupts is Y ({iommufd})",
	  "take it out; without an IOMMU it does nothing" },
	{ ANY, ANY, target_is_stale, TARGET_STALE, stale_text },
	{ ANY, OFF, virtio_may_come, VIRTIO_IOMMU,
	  "a virtio-iommu comes up when its driver is loaded; no kernel parameter switches it off" },
};
const struct rules note_rules = { note_list, LENGTH(note_list) };
