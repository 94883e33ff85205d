/* The tables behind modes.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "modes.h"

#include <string.h>

static const struct {
	const char *name;
	const char *tokens;
} modes[] = {
	[MODE_OFF_FOR_UIO] = { "off-for-uio", "intel_iommu=off amd_iommu=off" },
	[MODE_OFF_FOR_VFIO] = { "off-for-vfio", "intel_iommu=off amd_iommu=off vfio.enable_unsafe_noiommu_mode=1" },
	[MODE_STRICT] = { "strict", "intel_iommu=on amd_iommu=on" },
	[MODE_PT] = { "pt", "intel_iommu=on amd_iommu=on iommu=pt" },
	[MODE_MIXED] = { "mixed", "" },
	[MODE_UNKNOWN] = { "unknown", "" },
	[MODE_DEFAULT] = { "default", "" },
};

static const char *const policies[] = {
	[POLICY_WARN] = "warn",
	[POLICY_HALT] = "halt",
	[POLICY_POWEROFF] = "poweroff",
	[POLICY_REBOOT] = "reboot",
};

static const char *const flushes[] = {
	[FLUSH_ANY] = "any",
	[FLUSH_SYNC] = "sync",
	[FLUSH_LAZY] = "lazy",
	[FLUSH_UNKNOWN] = "unknown",
	[FLUSH_NONE] = "none",
};

static const char *const verdicts[] = {
	[VERDICT_MATCH] = "match",
	[VERDICT_MISMATCH] = "mismatch",
	[VERDICT_UNKNOWN] = "unknown",
	[VERDICT_NO_TARGET] = "no-target",
	[VERDICT_PENDING] = "pending",
};

#define REASON(code, hint) [code] = { #code, hint }
static const struct {
	const char *code, *hint;
} reasons[] = {
	REASON(TARGET_MISSING, "put /etc/iommu.target back ('iommu-install MODE' writes it) and rebuild the initramfs"),
	REASON(TARGET_INVALID, "mend the file, or write it anew with 'iommu-install MODE'"),
	REASON(EVIDENCE_MISSING, "mount /sys and /proc, run as root; else report this machine"),
	REASON(MIXED_GROUPS, "look who wrote /sys/kernel/iommu_groups/*/type, or report these devices"),
	REASON(FIRMWARE_OFF, "switch on VT-d (Intel) or AMD-Vi, also called IOMMU (AMD), in the firmware setup"),
	REASON(NO_VIOMMU, "give the virtual machine an IOMMU (QEMU: -device intel-iommu or amd-iommu)"),
	REASON(KERNEL_OFF, "see the kernel log for DMAR or AMD-Vi errors"),
	REASON(KERNEL_OVERRIDE, "see the kernel log's DMAR, AMD-Vi and 'iommu:' lines"),
	REASON(TOKEN_MISSING, "run 'iommu-install {wanted}' and reboot"),
	REASON(TOKEN_INVALID, "run 'iommu-install {wanted}' and reboot"),
	REASON(TOKEN_OVERRIDDEN, "run 'iommu-install {wanted}', which takes the contrary words out, and reboot"),
	REASON(NOIOMMU_ENABLED, "take it out of the command line and modprobe.d, and reboot"),
	REASON(NOIOMMU_DISABLED, "run 'iommu-install {wanted}' and reboot"),
	REASON(NOIOMMU_UNSUPPORTED, "use a kernel with CONFIG_VFIO_NOIOMMU=y, or mode off-for-uio"),
	REASON(MODULE_BLOCKED, "take away what keeps vfio from loading"),
	REASON(UNSAFE_INTERRUPTS, "take allow_unsafe_interrupts out, or run 'iommu-install {wanted} --allow-unsafe-interrupts'"),
	REASON(FLUSH_MISMATCH, "run 'iommu-install strict --flush=sync' or '--flush=lazy' and reboot"),
	REASON(EARLY_CHECK_MISSING, "rebuild the initramfs with the iommu-verify hook and reboot"),
	REASON(TARGET_STALE, "reboot, so that the early check judges by the present target"),
	REASON(VIRTIO_IOMMU, "give the virtual machine an intel-iommu or amd-iommu instead"),
};

const char *mode_name(enum mode mode)
{
	return modes[mode].name;
}

const char *mode_tokens(enum mode wanted)
{
	return modes[wanted].tokens;
}

const char *policy_name(enum policy policy)
{
	return policies[policy];
}

const char *flush_name(enum flush flush)
{
	return flushes[flush];
}

const char *verdict_name(enum verdict verdict)
{
	return verdicts[verdict];
}

const char *reason_code(enum reason reason)
{
	return reasons[reason].code;
}

const char *reason_hint(enum reason reason)
{
	return reasons[reason].hint;
}

bool mode_is_off(enum mode mode)
{
	return mode == MODE_OFF_FOR_UIO || mode == MODE_OFF_FOR_VFIO;
}

bool mode_parse(const char *word, enum mode *out)
{
	for (int i = 0; i < MODES_WANTED; i++) {
		if (strcmp(word, modes[i].name) != 0)
			continue;
		*out = (enum mode)i;
		return true;
	}
	return false;
}

bool policy_parse(const char *word, enum policy *out)
{
	for (int i = POLICY_WARN; i <= POLICY_REBOOT; i++) {
		if (strcmp(word, policies[i]) != 0)
			continue;
		*out = (enum policy)i;
		return true;
	}
	return false;
}

bool flush_parse(const char *word, enum flush *out)
{
	for (int i = FLUSH_ANY; i <= FLUSH_LAZY; i++) {
		if (strcmp(word, flushes[i]) != 0)
			continue;
		*out = (enum flush)i;
		return true;
	}
	return false;
}

bool verdict_parse(const char *word, enum verdict *out)
{
	for (int i = VERDICT_MATCH; i <= VERDICT_PENDING; i++) {
		if (strcmp(word, verdicts[i]) != 0)
			continue;
		*out = (enum verdict)i;
		return true;
	}
	return false;
}
