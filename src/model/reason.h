/* Verdicts and reasons as users and scripts see them, each written down once.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef REASON_H
#define REASON_H

#include <stdbool.h>

enum verdict { VERDICT_MATCH, VERDICT_MISMATCH, VERDICT_UNKNOWN, VERDICT_NO_TARGET, VERDICT_PENDING };

enum reason {
	TARGET_MISSING,
	TARGET_INVALID,
	EVIDENCE_MISSING,
	MIXED_GROUPS,
	FIRMWARE_OFF,
	NO_VIOMMU,
	KERNEL_OFF,
	KERNEL_OVERRIDE,
	TOKEN_MISSING,
	TOKEN_INVALID,
	TOKEN_OVERRIDDEN,
	PASSTHROUGH_IMPOSSIBLE,
	NOIOMMU_ENABLED,
	NOIOMMU_DISABLED,
	NOIOMMU_UNSUPPORTED,
	MODULE_BLOCKED,
	UNSAFE_INTERRUPTS,
	INTERRUPTS_NOT_REMAPPED,
	EXPOSED_DEVICE,
	FLUSH_MISMATCH,
	EARLY_CHECK_MISSING,
	TARGET_STALE,

	VIRTIO_IOMMU,

	/* Only ever refused by iommu-install. */
	CANNOT_JUDGE,
	XEN_DOM0,
	MODPROBE_CONFLICT,
	BOOT_SPACE,
	BOOT_READONLY,
	NOT_MOUNTED,
	LINK_UNSAFE,
	FILE_FOREIGN,
	GENERATED_ELSEWHERE,
	GENERATOR_UNCLEAR,
	NO_ENTRY,
	PACKAGE_MISSING,
	TPM_SEALED,
	SOURCE_CHANGED,
	LINE_OVERRIDDEN,
	IMAGE_WITHOUT_CHECK,
	ENTRY_WOULD_STOP,
	CMDLINE_TOO_LONG,
	BOOTLOADER_UNPROVEN,
	BOOTLOADER_UNSUPPORTED,
	UKI_SIGNED,
	UKI_FOREIGN,
	FLUSH_UNSUPPORTED,
	CONTAINER,
	LIVE_SYSTEM,
	ARCH_UNSUPPORTED,

	REASON_COUNT /* none; how many there are */
};

/* Static strings, never NULL. */
const char *verdict_name(enum verdict verdict);
const char *reason_code(enum reason reason);

/* What to do about it; {names} in it are the caller's to replace, or "" where the sentence of what was seen says it. */
const char *reason_hint(enum reason reason);

/* Whether iommu-install refuses for it but does not with --force. */
bool reason_forcible(enum reason reason);

/* Sets *out and returns true if the word is a verdict's name; else returns false and leaves *out alone. */
bool verdict_parse(const char *word, enum verdict *out);

#endif
