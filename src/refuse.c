/* How iommu-install says no; see refuse.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "refuse.h"

#include <stdarg.h>
#include <stdio.h>

/* The refusals, with the words of those that are no reasons of a verdict too; modes.c has the others'. */
#define REFUSAL(code, forcible, hint) { code, forcible, #code, hint }
static const struct {
	enum reason reason;
	bool forcible;
	const char *code, *hint;
} refusals[] = {
	{ FIRMWARE_OFF, true }, { NO_VIOMMU, true }, { NOIOMMU_UNSUPPORTED, true }, { VIRTIO_IOMMU, true },
	REFUSAL(CANNOT_JUDGE, true, "use --on-mismatch=warn, or find out why first"),
	REFUSAL(XEN_DOM0, false, "set the IOMMU on Xen's own command line (iommu=, dom0-iommu=)"),
	REFUSAL(MODPROBE_CONFLICT, true, "take that line out"),
	REFUSAL(BOOT_SPACE, false, "remove an old kernel"),
	REFUSAL(BOOT_READONLY, false, "remount it: mount -o remount,rw /boot"),
	REFUSAL(TPM_SEALED, true, "enroll the disk's key anew after the reboot, have a passphrase at hand, and use --force"),
	REFUSAL(SOURCE_CHANGED, false, "put it back, or take your change over and set a mode"),
	REFUSAL(CMDLINE_TOO_LONG, false, "shorten it"),
	REFUSAL(BOOTLOADER_UNPROVEN, false, ""),
	REFUSAL(BOOTLOADER_UNSUPPORTED, false, ""),
	REFUSAL(UKI_SIGNED, false, ""),
	REFUSAL(FLUSH_UNSUPPORTED, false, "remove that kernel, or leave --flush= out"),
	REFUSAL(CONTAINER, false, "run it on the host"),
	REFUSAL(LIVE_SYSTEM, false, "run it in the installed system (chroot)"),
	REFUSAL(ARCH_UNSUPPORTED, false, "set it by hand (ARM: iommu.passthrough=0 or 1); show, check and explain work"),
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

bool refusal_forcible(enum reason code)
{
	for (size_t i = 0; i < LENGTH(refusals); i++)
		if (refusals[i].reason == code)
			return refusals[i].forcible;
	return false;
}

int refuse(enum reason reason, const char *format, ...)
{
	const char *code = NULL, *hint = NULL;
	va_list args;

	for (size_t i = 0; i < LENGTH(refusals) && !code; i++)
		if (refusals[i].reason == reason && refusals[i].code) {
			code = refusals[i].code;
			hint = refusals[i].hint;
		}
	if (!code) {
		code = reason_code(reason);
		hint = reason_hint(reason);
	}
	fprintf(stderr, "iommu-install: %s: ", code);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "%s%s\n", hint[0] ? "; " : "", hint);
	return EXIT_REFUSED;
}

static bool line_open;

void fail_on_new_line(bool open)
{
	line_open = open;
}

int fail(const char *format, ...)
{
	va_list args;

	if (line_open)
		puts("");
	line_open = false;
	fflush(stdout);
	fputs("iommu-install: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return EXIT_INVALID;
}

int no_memory(void)
{
	fail("out of memory");
	return -1;
}
