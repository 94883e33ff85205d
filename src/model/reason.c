/* The tables behind reason.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "model/reason.h"

#include <string.h>

static const char *const verdicts[] = {
	[VERDICT_MATCH] = "match",
	[VERDICT_MISMATCH] = "mismatch",
	[VERDICT_UNKNOWN] = "unknown",
	[VERDICT_NO_TARGET] = "no-target",
	[VERDICT_PENDING] = "pending",
};

/* What iommu-install alone refuses for. The helper is in every image, and refuses nothing. */
#ifdef HELPER
#define REFUSALS(ROW)
enum { ROWS = CANNOT_JUDGE };
#else
enum { ROWS = REASON_COUNT };
#define REFUSALS(ROW) \
	ROW(CANNOT_JUDGE, FORCED, "find out why, or leave that policy out") \
	ROW(XEN_DOM0, PLAIN, "set the IOMMU on Xen's own command line (iommu=, dom0-iommu=)") \
	ROW(MODPROBE_CONFLICT, FORCED, "put a # before that line") \
	ROW(BOOT_SPACE, PLAIN, "make room, as by removing an old kernel, and run this again") \
	ROW(BOOT_READONLY, PLAIN, "") \
	ROW(NOT_MOUNTED, PLAIN, "") \
	ROW(LINK_UNSAFE, PLAIN, \
	    "put the file itself there, or let the link lead to a file below directories that only root can write to") \
	ROW(FILE_FOREIGN, PLAIN, "give it another name, and run this again") \
	ROW(GENERATED_ELSEWHERE, PLAIN, "put the mode's kernel parameters (iommu-modes(7)) into what writes it") \
	ROW(GENERATOR_UNCLEAR, PLAIN, "name the one that makes this system's images: --initramfs=") \
	ROW(NO_ENTRY, PLAIN, "") \
	ROW(PACKAGE_MISSING, PLAIN, "install iommu-install's package in that tree, and run this again") \
	ROW(TPM_SEALED, FORCED, \
	    "enroll the disk's key anew after the reboot, have a passphrase at hand, and use --force") \
	ROW(SOURCE_CHANGED, PLAIN, "set the mode you want: that keeps your edit, but of a file that iommu-install " \
				   "writes whole") \
	ROW(LINE_OVERRIDDEN, FORCED, "take them out there (of TuneD: another profile, or 'tuned-adm off'), have the " \
				     "boot loader's files made anew, and run this again") \
	ROW(IMAGE_WITHOUT_CHECK, FORCED, \
	    "make another entry the default, or have an initramfs made for that one; or set --on-mismatch=warn") \
	ROW(ENTRY_WOULD_STOP, FORCED, \
	    "put the mode's kernel parameters (iommu-modes(7)) into that entry, or make another one the default") \
	ROW(CMDLINE_TOO_LONG, PLAIN, "remove parameters that are not needed, and run this again") \
	ROW(BOOTLOADER_UNPROVEN, PLAIN, "") \
	ROW(BOOTLOADER_UNSUPPORTED, PLAIN, "") \
	ROW(UKI_SIGNED, PLAIN, "") \
	ROW(UKI_FOREIGN, PLAIN, "") \
	ROW(FLUSH_UNSUPPORTED, PLAIN, "leave out --flush, or do without that kernel") \
	ROW(CONTAINER, PLAIN, "run it on the host, or with --root=DIR on a tree") \
	ROW(LIVE_SYSTEM, PLAIN, "boot the installed system, or run it with --root=DIR on where that is mounted") \
	ROW(ARCH_UNSUPPORTED, PLAIN, \
	    "set it by hand (ARM: iommu.passthrough=0 or 1); show, check and explain work here too")
#endif

/* Code, whether --force overrides it where iommu-install refuses for it, and what to do about it. */
#define TABLE(ROW) \
	ROW(TARGET_MISSING, PLAIN, \
	    "put /etc/iommu.target back ('iommu-install MODE' writes it) and rebuild the initramfs") \
	ROW(TARGET_INVALID, PLAIN, "mend the file; 'iommu-install MODE' drops its policies") \
	ROW(EVIDENCE_MISSING, PLAIN, "mount /sys and /proc, run as root; else report this machine") \
	ROW(MIXED_GROUPS, PLAIN, "look who wrote /sys/kernel/iommu_groups/*/type, or report these devices") \
	ROW(FIRMWARE_OFF, FORCED, "switch on VT-d (Intel) or AMD-Vi, also called IOMMU (AMD), in the firmware setup") \
	ROW(NO_VIOMMU, FORCED, \
	    "give it an IOMMU (QEMU: -device intel-iommu or amd-iommu; libvirt: <iommu>; VMware: vvtd.enable)") \
	ROW(KERNEL_OFF, PLAIN, "see the kernel log for DMAR or AMD-Vi errors") \
	ROW(KERNEL_OVERRIDE, PLAIN, "see the kernel log's DMAR, AMD-Vi and 'iommu:' lines") \
	ROW(TOKEN_MISSING, PLAIN, "run 'iommu-install {wanted}' and reboot") \
	ROW(TOKEN_INVALID, PLAIN, "run 'iommu-install {wanted}' and reboot") \
	ROW(TOKEN_OVERRIDDEN, PLAIN, \
	    "run 'iommu-install {wanted}', which removes the contrary parameters, and reboot") \
	ROW(PASSTHROUGH_IMPOSSIBLE, FORCED, "choose strict, or a kernel before 6.12 (it passes through in software)") \
	ROW(NOIOMMU_ENABLED, PLAIN, "take it out of the command line and modprobe.d, and reboot") \
	ROW(NOIOMMU_DISABLED, PLAIN, "run 'iommu-install {wanted}' and reboot") \
	ROW(NOIOMMU_UNSUPPORTED, FORCED, "use a kernel with CONFIG_VFIO_NOIOMMU=y, or mode off-for-uio") \
	ROW(MODULE_BLOCKED, PLAIN, "remove what keeps the vfio module from loading") \
	ROW(UNSAFE_INTERRUPTS, PLAIN, \
	    "take allow_unsafe_interrupts out, or run 'iommu-install {wanted} --allow-unsafe-interrupts'") \
	ROW(INTERRUPTS_NOT_REMAPPED, PLAIN, \
	    "take intremap=off or nointremap out; else see DMAR-IR or AMD-Vi in the kernel log") \
	ROW(EXPOSED_DEVICE, PLAIN, "unplug it, or run 'iommu-install strict' and reboot") \
	ROW(FLUSH_MISMATCH, PLAIN, "run 'iommu-install strict --flush=sync' or '--flush=lazy' and reboot") \
	ROW(EARLY_CHECK_MISSING, PLAIN, "rebuild the initramfs with the iommu-verify hook and reboot") \
	ROW(TARGET_STALE, PLAIN, "reboot, so that the early check judges by the present target") \
	ROW(VIRTIO_IOMMU, FORCED, "give the virtual machine an intel-iommu or amd-iommu instead") \
	REFUSALS(ROW)

#define AS_ROW(code, force, hint) [code] = { #code, hint, force },
#define AS_ONE(code, force, hint) +1
enum { PLAIN, FORCED };
static const struct {
	const char *code, *hint;
	bool forcible;
} reasons[] = { TABLE(AS_ROW) };

_Static_assert(TABLE(AS_ONE) == ROWS, "each reason has its row");

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

bool reason_forcible(enum reason reason)
{
	return reasons[reason].forcible;
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
