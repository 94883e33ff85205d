/* The table behind reason-meaning.h. The manuals have the same sentences.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "model/reason-meaning.h"

#include <strings.h>

#define SAID true, false    /* by a verdict */
#define REFUSED false, true /* by iommu-install */
#define BOTH true, true

static const struct meaning meanings[] = {
	[TARGET_MISSING] = { "the target file", "An image that stops, and no target in it.", SAID },
	[TARGET_INVALID] = { "the target file", "The target's line that is named is not valid.", SAID },
	[EVIDENCE_MISSING] = { "/sys and /proc",
			       "/sys or /proc is not there, can't be read, or contradicts itself.", SAID },
	[MIXED_GROUPS] = { "the IOMMU groups", "Groups disagree, beyond what the kernel itself does.", SAID },
	[FIRMWARE_OFF] = { "the firmware", "The firmware has no DMAR or IVRS table.", BOTH },
	[NO_VIOMMU] = { "the virtual machine", "A virtual machine without a DMAR or IVRS table.", BOTH },
	[KERNEL_OFF] = { "the kernel", "The table is there and the line asks for it, and no driver came up.", SAID },
	[KERNEL_OVERRIDE] = { "the kernel", "The kernel chose otherwise than the line asks.", SAID },
	[TOKEN_MISSING] = { "the kernel command line", "The line lacks what the target needs.", SAID },
	[TOKEN_INVALID] = { "the kernel command line",
			    "A near miss that the kernel does not know, such as amd_iommu=pt.", SAID },
	[TOKEN_OVERRIDDEN] = { "the kernel command line",
			       "The line asks for it and another kernel parameter defeats it.", SAID },
	[PASSTHROUGH_IMPOSSIBLE] = { "the IOMMU's units",
				     "No Intel unit can pass through, and from 6.12 on the kernel then translates.",
				     BOTH },
	[NOIOMMU_ENABLED] = { "vfio's parameter", "vfio's noiommu is on where it must not be.", SAID },
	[NOIOMMU_DISABLED] = { "vfio's parameter", "off-for-vfio and noiommu is off.", SAID },
	[NOIOMMU_UNSUPPORTED] = { "the kernel's configuration",
				  "off-for-vfio and a kernel whose vfio has no noiommu (CONFIG_VFIO_NOIOMMU).", BOTH },
	[MODULE_BLOCKED] = { "modprobe's configuration",
			     "off-for-vfio and something keeps vfio from loading.", SAID },
	[UNSAFE_INTERRUPTS] = { "the modules' parameters",
				"allow_unsafe_interrupts is on and the target does not allow it.", SAID },
	[INTERRUPTS_NOT_REMAPPED] = { "interrupt remapping",
				      "The target demands interrupt remapping, and it is not active.", SAID },
	[EXPOSED_DEVICE] = { "the IOMMU groups",
			     "The target demands that removable devices are translated, and one is in an identity "
			     "group.", SAID },
	[FLUSH_MISMATCH] = { "the kernel command line", "The flush policy is not the demanded one.", SAID },
	[EARLY_CHECK_MISSING] = { "the initramfs", "No early check ran in this boot.", SAID },
	[TARGET_STALE] = { "the target file",
			   "A note: /etc/iommu.target is another one than this boot was judged by.", SAID },
	[VIRTIO_IOMMU] = { "the virtual machine",
			   "A virtio-iommu, which comes up late and which no kernel parameter switches off.", BOTH },
	[CANNOT_JUDGE] = { "/sys and /proc",
			   "A policy that stops the boot, and the mode of today can't be told, for a reason that a "
			   "mode does not change; or interrupts or removable devices are to be as they are not today, "
			   "or as can't be told.", REFUSED },
	[XEN_DOM0] = { "Xen", "Xen drives the IOMMU.", REFUSED },
	[MODPROBE_CONFLICT] = { "modprobe's configuration",
				"The line of modprobe.d(5) that is named contradicts the mode.", REFUSED },
	[BOOT_SPACE] = { "the boot file system", "The old and the new images do not fit side by side.", REFUSED },
	[BOOT_READONLY] = { "the boot file system",
			    "The file system is mounted read-only, or chattr(1) has made a file, or its directory, "
			    "immutable or append-only.", REFUSED },
	[NOT_MOUNTED] = { "the mounts",
			  "fstab(5) or a mount unit names a mount point that this change would write below, and "
			  "nothing is mounted there: the next boot would not see what was written.", REFUSED },
	[LINK_UNSAFE] = { "the file system",
			  "A file that this change writes is a symbolic link that leads to nothing, to a directory or "
			  "to a device, or others than root can write to a directory on its way.", REFUSED },
	[FILE_FOREIGN] = { "a file of somebody else",
			   "A file that iommu-install would write by this name is there, and somebody else has written "
			   "it.", REFUSED },
	[TPM_SEALED] = { "the disk's key",
			 "A disk's key is sealed to how the machine boots now, and the change makes that another way.",
			 REFUSED },
	[SOURCE_CHANGED] = { "a file that somebody edited",
			     "rollback over a file that somebody edited since the change; or one that somebody edited "
			     "while a change was under way, and what it holds now can't be planned with.", REFUSED },
	[GENERATED_ELSEWHERE] = { "a file that another tool writes",
				  "grub.cfg is there, and grub-mkconfig has not written it: made anew it would lose "
				  "what somebody or another tool has written there.", REFUSED },
	[LINE_OVERRIDDEN] = { "what another program adds to the kernel command line",
			      "A variable of GRUB that another program sets, or a drop-in that is read after ours, "
			      "brings kernel parameters that contradict the mode.", REFUSED },
	[IMAGE_WITHOUT_CHECK] = { "a boot entry",
				  "A policy that stops the boot, and the entry that is started by default has no "
				  "initramfs, or one that nobody puts the check into: the late check would stop it.",
				  REFUSED },
	[ENTRY_WOULD_STOP] = { "a boot entry",
			       "A policy that stops the boot, and the entry that is started by default is this "
			       "system's, has other kernel parameters, and can't be edited.", REFUSED },
	[GENERATOR_UNCLEAR] = { "the image generator",
				"Several programs that make initramfs images are installed, and none of them has made "
				"the one that is there.", REFUSED },
	[NO_ENTRY] = { "the boot menu",
		       "There is no kernel, no initramfs that a boot entry names, or a disk for which the boot "
		       "loader's tool makes no entries.", REFUSED },
	[PACKAGE_MISSING] = { "the tree",
			      "A tree that is not running lacks one of our programs, or what its image generator reads "
			      "of ours.", REFUSED },
	[CMDLINE_TOO_LONG] = { "the kernel command line", "The kernel reads 2,047 bytes.", REFUSED },
	[BOOTLOADER_UNPROVEN] = { "the boot loader",
				  "No entry of the boot loader that was found has the line that this machine was "
				  "booted with.", REFUSED },
	[BOOTLOADER_UNSUPPORTED] = { "the boot loader", "A boot loader that is not ours to change.", REFUSED },
	[UKI_SIGNED] = { "the boot loader",
			 "The unified kernel image is signed, and the key for another one is not here.", REFUSED },
	[UKI_FOREIGN] = { "the boot loader",
			  "The unified kernel image is made elsewhere, or by a tool that is not known here.", REFUSED },
	[FLUSH_UNSUPPORTED] = { "the kernel", "A kernel older than 5.15 does not show its flush policy.", REFUSED },
	[CONTAINER] = { "the container", "The host has the boot loader.", REFUSED },
	[LIVE_SYSTEM] = { "the live system", "What is written here is gone after the next boot.", REFUSED },
	[ARCH_UNSUPPORTED] = { "the processor",
			       "The kernel parameters that set a mode are known for x86 only.", REFUSED },
};
_Static_assert(sizeof(meanings) / sizeof(meanings[0]) == REASON_COUNT, "the last reason has its row");

const struct meaning *reason_meaning(enum reason reason)
{
	static const struct meaning none = { "", "", SAID };

	return meanings[reason].text ? &meanings[reason] : &none;
}

bool reason_parse(const char *word, enum reason *out)
{
	for (int i = 0; i < REASON_COUNT; i++) {
		if (strcasecmp(word, reason_code((enum reason)i)) != 0)
			continue;
		*out = (enum reason)i;
		return true;
	}
	return false;
}
