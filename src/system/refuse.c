/* How iommu-install refuses; see refuse.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "system/refuse.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/mode.h"
#include "model/reason.h"
#include "system/message.h"

static struct refusal said;
static bool refusing;
static struct refusal overridden[8];
static size_t noverridden;

/* Where more leads out of a refusal than out of a mismatch: another mode, and --force. */
static const char *const ways[REASON_COUNT] = {
	[FIRMWARE_OFF] = "switch on VT-d (Intel) or AMD-Vi, also called IOMMU (AMD), in the firmware setup; or set "
			 "off-for-uio or off-for-vfio; or set this mode all the same with --force",
	[NO_VIOMMU] = "give the virtual machine an IOMMU (QEMU: -device intel-iommu or amd-iommu); or set off-for-uio "
		      "or off-for-vfio; or set this mode all the same with --force",
	[NOIOMMU_UNSUPPORTED] = "use a kernel with CONFIG_VFIO_NOIOMMU=y, or mode off-for-uio; or set this mode all "
				"the same with --force",
	[VIRTIO_IOMMU] = "give the virtual machine an intel-iommu or amd-iommu instead; or set this mode all the same "
			 "with --force",
	[CANNOT_JUDGE] = "find out why, or use --on-mismatch=warn; or set this policy all the same with --force",
	[MODPROBE_CONFLICT] = "put a # before that line; or set this mode all the same with --force",
};

const char *refusal_hint(enum reason code)
{
	return ways[code] ? ways[code] : reason_hint(code);
}

int refuse(enum reason reason, const char *format, ...)
{
	const char *hint = refusal_hint(reason);
	va_list args;

	if (fail_muted())
		return EXIT_REFUSED;
	said.code = reason;
	refusing = true;
	free(said.text);
	va_start(args, format);
	if (vasprintf(&said.text, format, args) < 0)
		said.text = NULL;
	va_end(args);
	fflush(progress());
	fprintf(stderr, "iommu-install: %s: %s%s%s\n", reason_code(reason), said.text ? said.text : "",
		hint[0] ? "; " : "", hint);
	return EXIT_REFUSED;
}

const struct refusal *refused(void)
{
	return refusing ? &said : NULL;
}

int refuse_not(enum reason code, const char *format, ...)
{
	va_list args;

	for (size_t i = 0; i < noverridden; i++)
		if (overridden[i].code == code)
			return 0;
	if (noverridden == sizeof(overridden) / sizeof(overridden[0]) || fail_muted())
		return 0;
	struct refusal *r = &overridden[noverridden++];
	r->code = code;
	va_start(args, format);
	if (vasprintf(&r->text, format, args) < 0)
		r->text = NULL;
	va_end(args);
	return 0;
}

const struct refusal *refused_not(size_t i)
{
	return i < noverridden ? &overridden[i] : NULL;
}
