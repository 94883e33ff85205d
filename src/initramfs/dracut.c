/* dracut as an image generator; see generator.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include "initramfs/generator.h"

static void command(const struct kernel *kernel, const char *out, const char *argv[8])
{
	const char *const words[] = { "dracut", "--force", "--quiet", out, kernel->release, NULL };

	memcpy(argv, words, sizeof(words));
}

/* Without it a module that somebody omits would be left out of an enforcing image without a word. */
static const char *settings(bool enforcing)
{
	return enforcing ? "# Written by iommu-install: an image that must stop on a wrong IOMMU mode is not built "
			   "without the check.\n"
			   "force_add_dracutmodules+=\" iommu-verify \"\n"
			 : NULL;
}

/* Or, where systemd is not in the image, by dracut's own hooks. */
static const struct start *const starters[] = { &start_by_unit, &start_by_dracut_hook, NULL };

static const char *const hooks[] = { "/usr/lib/dracut/modules.d/50iommu-verify/module-setup.sh", NULL };

const struct generator generator_dracut = {
	.name = "dracut",
	.program = "dracut",
	.hooks = hooks,
	.made = "usr/lib/dracut", /* with its version and its hooks */
	.command = command,
	.starters = starters,
	.config = "/etc/dracut.conf.d/50-iommu-verify.conf",
	.settings = settings,
};
