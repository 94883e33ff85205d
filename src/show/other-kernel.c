/* A mismatch that another kernel explains; see other-kernel.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "show/other-kernel.h"

#include <stdio.h>

#include "base/json.h"
#include "evidence/kconfig.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* What decides, beside the command line, which mode a kernel comes up in. */
static const char *const options[] = {
	"CONFIG_IOMMU_DEFAULT_PASSTHROUGH", "CONFIG_IOMMU_DEFAULT_DMA_STRICT", "CONFIG_IOMMU_DEFAULT_DMA_LAZY",
	"CONFIG_INTEL_IOMMU", "CONFIG_INTEL_IOMMU_DEFAULT_ON", "CONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF",
	"CONFIG_INTEL_IOMMU_BROKEN_GFX_WA", "CONFIG_AMD_IOMMU", "CONFIG_VFIO_NOIOMMU", "CONFIG_IOMMUFD",
};

/* One of them, as both kernels have it. */
struct pair {
	enum presence then, now;
};

static struct pair ask(const struct root *root, const struct matched *last, const char *option)
{
	return (struct pair){ kconfig_has(root, last->kernel, option), kconfig_has(root, last->here, option) };
}

/* Whether both configurations can be read. */
static bool readable(const struct root *root, const struct matched *last)
{
	struct pair p = ask(root, last, options[0]);

	return p.then != PRESENCE_UNKNOWN && p.now != PRESENCE_UNKNOWN;
}

void other_kernel_print(const struct root *root, const struct matched *last)
{
	if (!last->kernel[0])
		return;
	printf("%-11s by the same kernel parameters it was %s under %s; this is %s\n", "kernel:",
	       mode_name(last->mode), last->kernel, last->here);
	for (size_t i = 0; i < LENGTH(options) && readable(root, last); i++) {
		struct pair p = ask(root, last, options[i]);

		if (p.then != p.now)
			printf("%-11s %s is %s there, and %s here\n", "", options[i],
			       p.then == PRESENCE_YES ? "on" : "off", p.now == PRESENCE_YES ? "on" : "off");
	}
}

void other_kernel_json(const struct root *root, const struct matched *last)
{
	const char *comma = "";

	fputs("\"last_match\": ", stdout);
	if (!last->kernel[0]) {
		fputs("null", stdout);
		return;
	}
	fputs("{\"there\": ", stdout);
	json_string(stdout, last->kernel);
	fputs(", \"here\": ", stdout);
	json_string(stdout, last->here);
	printf(", \"mode\": \"%s\", \"options\": ", mode_name(last->mode));
	if (!readable(root, last)) {
		fputs("null}", stdout);
		return;
	}
	putchar('[');
	for (size_t i = 0; i < LENGTH(options); i++) {
		struct pair p = ask(root, last, options[i]);

		if (p.then == p.now)
			continue;
		printf("%s{\"name\": \"%s\", \"there\": %s, \"here\": %s}", comma, options[i],
		       p.then == PRESENCE_YES ? "true" : "false", p.now == PRESENCE_YES ? "true" : "false");
		comma = ", ";
	}
	fputs("]}", stdout);
}
