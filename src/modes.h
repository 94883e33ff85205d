/* The words users and scripts see: modes, policies, flush policies, verdicts and reasons, each written down once.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef MODES_H
#define MODES_H

#include <stdbool.h>
#include <stddef.h>

/* The first four can be wanted; the others are only ever found. */
enum mode {
	MODE_OFF_FOR_UIO,
	MODE_OFF_FOR_VFIO,
	MODE_STRICT,
	MODE_PT,
	MODES_WANTED,
	MODE_MIXED = MODES_WANTED, /* groups disagree */
	MODE_UNKNOWN,              /* evidence missing or contradictory */
	MODE_DEFAULT,              /* of a command line only: nothing on it decides */
};

/* What to do about a mismatch. Order matters: everything above POLICY_WARN stops the machine. */
enum policy { POLICY_WARN, POLICY_HALT, POLICY_POWEROFF, POLICY_REBOOT };

/* IOTLB invalidation policy. FLUSH_NONE is found only, where nothing is translated; FLUSH_ANY is wanted only. */
enum flush { FLUSH_ANY, FLUSH_SYNC, FLUSH_LAZY, FLUSH_UNKNOWN, FLUSH_NONE };

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
	NOIOMMU_ENABLED,
	NOIOMMU_DISABLED,
	NOIOMMU_UNSUPPORTED,
	MODULE_BLOCKED,
	UNSAFE_INTERRUPTS,
	FLUSH_MISMATCH,
	EARLY_CHECK_MISSING,
	TARGET_STALE,

	VIRTIO_IOMMU,

	/* Only ever refused by iommu-install: refuse.c has their words. */
	CANNOT_JUDGE,
	XEN_DOM0,
	MODPROBE_CONFLICT,
	BOOT_SPACE,
	BOOT_READONLY,
	TPM_SEALED,
	SOURCE_CHANGED,
	CMDLINE_TOO_LONG,
	BOOTLOADER_UNPROVEN,
	BOOTLOADER_UNSUPPORTED,
	UKI_SIGNED,
	FLUSH_UNSUPPORTED,
	CONTAINER,
	LIVE_SYSTEM,
	ARCH_UNSUPPORTED,
};

/* Exit codes of both programs without --enforce. */
enum {
	EXIT_MATCH = 0,
	EXIT_INVALID = 1, /* usage, invalid target, internal error */
	EXIT_MISMATCH = 2,
	EXIT_PENDING = 3,
	EXIT_UNKNOWN = 4,
	EXIT_REFUSED = 5,
	EXIT_NO_TARGET = 6,
};

/* All of these return static strings and never NULL. */
const char *mode_name(enum mode mode);
const char *policy_name(enum policy policy);
const char *flush_name(enum flush flush);
const char *verdict_name(enum verdict verdict);
const char *reason_code(enum reason reason);

/* What to do about it; {names} in it are the caller's to replace, or "" where the sentence of what was seen says it. */
const char *reason_hint(enum reason reason);

/* The words a mode puts on the kernel command line, in order, as one string separated by single spaces. */
const char *mode_tokens(enum mode wanted);

bool mode_is_off(enum mode mode);

/* Each sets *out and returns true if the word is one a user may write; else returns false and leaves *out alone. */
bool mode_parse(const char *word, enum mode *out);
bool policy_parse(const char *word, enum policy *out);
bool flush_parse(const char *word, enum flush *out);
bool verdict_parse(const char *word, enum verdict *out);

#endif
